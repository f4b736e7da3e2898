/* SPDX-License-Identifier: Apache-2.0
 * lobby: whether it is there, how long it waits, how it looks.
 */
#include <string.h>

#include "keeper/config_priv.h"

#define IDLE_DEFAULT_MS (5u * 60u * 1000u)
#define IDLE_LEAST_MS   (10u * 1000u)
#define IDLE_MOST_MS    (60u * 60u * 1000u)

static enum sp_err check_flag(struct config_load_state *s, const char *path, const char *text,
                              bool *out)
{
    if (text == NULL)
        return SP_OK;
    if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
        return config_refuse(s, SP_EVALUE, path, NULL, text, NULL);
    *out = text[0] == 't';
    return SP_OK;
}

enum sp_err config_check_lobby(struct config_load_state *s, const struct config_raw_lobby *raw)
{
    struct config_lobby *made = &s->config->lobby;

    *made = (struct config_lobby){.is_enabled = true, .idle_ms = IDLE_DEFAULT_MS};
    if (raw == NULL)
        return SP_OK;
    enum sp_err err = check_flag(s, "lobby.enabled", raw->enabled, &made->is_enabled);
    if (err == SP_OK)
        err = check_flag(s, "lobby.contrast", raw->contrast, &made->is_contrast);
    if (err != SP_OK || raw->idle == NULL)
        return err;
    if (config_read_duration(raw->idle, &made->idle_ms) != SP_OK || made->idle_ms < IDLE_LEAST_MS ||
        made->idle_ms > IDLE_MOST_MS)
        return config_refuse(s, SP_EVALUE, "lobby.idle", NULL, raw->idle, NULL);
    return SP_OK;
}
