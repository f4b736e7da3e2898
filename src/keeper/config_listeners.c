/* SPDX-License-Identifier: Apache-2.0
 * The listeners: addresses, and which of them are behind proxies.
 */
#include "keeper/config_priv.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

#define LIMIT_MAX 100000

static enum sp_err refuse_as(struct config_load_state *s, size_t index, const char *key,
                             const char *expected, const char *found, const char *remedy)
{
    char path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "listeners[%zu].%s", index, key);
    if (config_map_find(&s->map, path) == NULL && strcmp(key, "address") == 0)
        snprintf(path, sizeof(path), "listeners[%zu]", index); /* it was written as a text */
    return config_refuse(s, SP_EVALUE, path, expected, found, remedy);
}

static enum sp_err refuse(struct config_load_state *s, size_t index, const char *key,
                          const char *found, const char *remedy)
{
    return refuse_as(s, index, key, NULL, found, remedy);
}

static enum sp_err read_trusted(struct config_load_state *s, size_t index,
                                const struct config_raw_listener *raw, struct boot_listener *made)
{
    for (uint32_t i = 0; i < raw->trusted_count; i++) {
        char key[32];

        snprintf(key, sizeof(key), "trusted[%u]", i);
        if (net_read(raw->trusted[i], &made->trusted[i]) != SP_OK)
            return refuse(s, index, key, raw->trusted[i], NULL);
    }
    made->trusted_count = raw->trusted_count;
    return SP_OK;
}

static enum sp_err read_proxy(struct config_load_state *s, size_t index,
                              const struct config_raw_listener *raw, struct boot_listener *made)
{
    bool is_on = raw->proxy_protocol != NULL && strcmp(raw->proxy_protocol, "true") == 0;

    if (raw->proxy_protocol != NULL && !is_on && strcmp(raw->proxy_protocol, "false") != 0)
        return refuse(s, index, "proxy_protocol", raw->proxy_protocol, NULL);
    made->is_proxied = is_on ? 1 : 0;
    made->is_jit = raw->jit_port != NULL && strcmp(raw->jit_port, "true") == 0;
    if (raw->jit_port != NULL &&
        ((!made->is_jit && strcmp(raw->jit_port, "false") != 0) || (made->is_jit && is_on)))
        return refuse(s, index, "jit_port", raw->jit_port, NULL);
    if (is_on && raw->trusted_count == 0)
        return refuse(s, index, "trusted", NULL, "name the proxies: who else could be believed?");
    if (!is_on && raw->trusted_count > 0)
        return refuse(s, index, "proxy_protocol", NULL, "trusted needs proxy_protocol: true");
    if (raw->limit != NULL && (config_read_number(raw->limit, &made->limit) != SP_OK ||
                               made->limit < 1 || made->limit > LIMIT_MAX))
        return refuse(s, index, "limit", raw->limit, NULL);
    return read_trusted(s, index, raw, made);
}

static enum sp_err read_one(struct config_load_state *s, size_t index,
                            const struct config_raw_listener *raw)
{
    struct boot_listener *made = &s->config->listeners[index];

    if (config_read_listener(raw->address, made) != SP_OK)
        return refuse(s, index, "address", raw->address, NULL);
    for (size_t k = 0; k < index; k++) {
        const struct boot_listener *other = &s->config->listeners[k];

        if (other->port == made->port && memcmp(other->ip, made->ip, sizeof(made->ip)) == 0)
            return refuse_as(s, index, "address", "each address and port once", raw->address,
                             "remove one");
    }
    return read_proxy(s, index, raw, made);
}

enum sp_err config_check_listeners(struct config_load_state *s, const struct config_raw *raw)
{
    static const char *const defaults[] = {"0.0.0.0:3389", "[::]:3389"};
    struct config *config = s->config;

    if (config_map_find(&s->map, "listeners") == NULL) {
        for (size_t i = 0; i < 2; i++)
            SP_BUG(config_read_listener(defaults[i], &config->listeners[i]) != SP_OK);
        config->listener_count = 2;
        return SP_OK;
    }
    if (raw->listeners_count == 0)
        return config_refuse(s, SP_EVALUE, "listeners", NULL, "[]",
                             "leave the key out for port 3389 everywhere");
    for (size_t i = 0; i < raw->listeners_count; i++) {
        enum sp_err err = read_one(s, i, &raw->listeners[i]);

        if (err != SP_OK)
            return err;
        config->listener_count = i + 1;
    }
    return SP_OK;
}
