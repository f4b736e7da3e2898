/* SPDX-License-Identifier: Apache-2.0
 * The limits of the configuration: one table of defaults and ranges.
 */
#include "keeper/config_priv.h"

#include <stdio.h>
#include <string.h>

#define SECOND 1000u
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

struct limit {
    const char *path;
    size_t raw_offset, offset;
    bool is_time, may_be_zero;
    uint32_t least, most, preset;
};

#define LIMIT(key, field, is_time, may_be_zero, least, most, preset)                               \
    {                                                                                              \
        "limits." #key, offsetof(struct config_raw_limits, key),                                   \
            offsetof(struct config_limits, field), is_time, may_be_zero, least, most, preset       \
    }

static const struct limit limits[] = {
    LIMIT(unauthenticated, unauthenticated, false, false, 1, 100000, 256),
    LIMIT(per_source, per_source, false, false, 1, 100000, 8),
    LIMIT(first_byte, first_byte_ms, true, false, 100, 5 * MINUTE, 5 * SECOND),
    LIMIT(authenticate, authenticate_ms, true, false, SECOND, 10 * MINUTE, 30 * SECOND),
    LIMIT(connect_timeout, connect_timeout_ms, true, false, 100, 5 * MINUTE, 10 * SECOND),
    LIMIT(idle, idle_ms, true, true, SECOND, 7 * DAY, 0),
    LIMIT(drain, drain_ms, true, true, 1, HOUR, 10 * SECOND),
    LIMIT(drain_upgrade, drain_upgrade_ms, true, true, SECOND, 7 * DAY, 0),
    LIMIT(dials, dials, false, false, 1, 10000, 64),
    LIMIT(sessions, sessions, false, false, 1, 100000, 1000),
};

static enum sp_err check_one(struct config_load_state *s, const struct limit *limit,
                             const char *text)
{
    uint32_t value = limit->preset;
    enum sp_err err = SP_OK;

    if (text != NULL) {
        err =
            limit->is_time ? config_read_duration(text, &value) : config_read_number(text, &value);
        bool is_off = value == 0 && limit->may_be_zero;
        if (err != SP_OK || (!is_off && (value < limit->least || value > limit->most)))
            return config_refuse(s, SP_EVALUE, limit->path, NULL, text, NULL);
    }
    memcpy((char *)&s->config->limits + limit->offset, &value, sizeof(value));
    return SP_OK;
}

/* As sshd's MaxStartups, without its last number: that is limits.unauthenticated. */
static enum sp_err check_early_drop(struct config_load_state *s, const char *text)
{
    struct config_limits *made = &s->config->limits;
    char start[16];
    size_t n;

    made->early_drop_start = made->unauthenticated / 4 > 0 ? made->unauthenticated / 4 : 1;
    made->early_drop_percent = 30;
    if (text == NULL)
        return SP_OK;
    n = strcspn(text, ":");
    if (text[n] == ':' && n < sizeof(start)) {
        memcpy(start, text, n);
        start[n] = '\0';
        if (config_read_number(start, &made->early_drop_start) == SP_OK &&
            config_read_number(text + n + 1, &made->early_drop_percent) == SP_OK &&
            made->early_drop_start >= 1 && made->early_drop_start <= made->unauthenticated &&
            made->early_drop_percent >= 1 && made->early_drop_percent <= 100)
            return SP_OK;
    }
    return config_refuse(s, SP_EVALUE, "limits.early_drop", NULL, text, NULL);
}

enum sp_err config_check_limits(struct config_load_state *s, const struct config_raw_limits *raw)
{
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        char *text = NULL;

        if (raw != NULL)
            memcpy(&text, (const char *)raw + limits[i].raw_offset, sizeof(text));
        enum sp_err err = check_one(s, &limits[i], text);
        if (err != SP_OK)
            return err;
    }
    enum sp_err err = config_check_penalties(s, raw != NULL ? raw->penalties : NULL);
    return err == SP_OK ? check_early_drop(s, raw != NULL ? raw->early_drop : NULL) : err;
}
