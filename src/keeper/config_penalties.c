/* SPDX-License-Identifier: Apache-2.0
 * limits.penalties: what offences cost a source, and who is exempt.
 */
#include "keeper/config_priv.h"

#include <stdio.h>

#define MINUTE 60000u
#define DAY    (24u * 60u * MINUTE)

/* A weight or bound; text NULL leaves what is set. */
static enum sp_err check_time(struct config_load_state *s, const char *key, const char *text,
                              uint32_t most, uint32_t *out)
{
    char path[CONFIG_FIELD_SIZE];
    uint32_t value;

    if (text == NULL)
        return SP_OK;
    snprintf(path, sizeof(path), "limits.penalties.%s", key);
    if (config_read_duration(text, &value) != SP_OK || value > most)
        return config_refuse(s, SP_EVALUE, path, NULL, text, NULL);
    *out = value;
    return SP_OK;
}

static enum sp_err check_exempt(struct config_load_state *s, const struct config_raw_penalties *raw)
{
    struct config *c = s->config;

    for (uint32_t i = 0; i < raw->exempt_count; i++) {
        char path[CONFIG_FIELD_SIZE];

        snprintf(path, sizeof(path), "limits.penalties.exempt[%u]", i);
        if (net_read(raw->exempt[i], &c->exempt[i]) != SP_OK)
            return config_refuse(s, SP_EVALUE, path, NULL, raw->exempt[i], NULL);
    }
    c->exempt_count = raw->exempt_count;
    return SP_OK;
}

enum sp_err config_check_penalties(struct config_load_state *s,
                                   const struct config_raw_penalties *raw)
{
    struct penalty_rules *rules = &s->config->penalties;

    *rules = penalty_defaults();
    if (raw == NULL)
        return SP_OK;
    const struct {
        const char *key, *text;
        uint32_t most;
        uint32_t *out;
    } times[] = {
        {"no_auth", raw->no_auth, DAY, &rules->weight_ms[PENALTY_NO_AUTH]},
        {"auth_failure", raw->auth_failure, DAY, &rules->weight_ms[PENALTY_AUTH_FAILED]},
        {"violation", raw->violation, DAY, &rules->weight_ms[PENALTY_VIOLATION]},
        {"crash", raw->crash, DAY, &rules->weight_ms[PENALTY_CRASH]},
        {"exploit", raw->exploit, DAY, &rules->weight_ms[PENALTY_EXPLOIT]},
        {"factor_failure", raw->factor_failure, DAY, &rules->weight_ms[PENALTY_FACTOR]},
        {"min", raw->min, DAY, &rules->min_ms},
        {"max", raw->max, DAY, &rules->max_ms},
    };
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        enum sp_err err = check_time(s, times[i].key, times[i].text, times[i].most, times[i].out);
        if (err != SP_OK)
            return err;
    }
    if (rules->max_ms != 0 && rules->min_ms > rules->max_ms)
        return config_refuse(s, SP_EVALUE, "limits.penalties.min", "a time of at most max",
                             raw->min, "lower min or raise max");
    return check_exempt(s, raw);
}
