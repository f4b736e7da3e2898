/* SPDX-License-Identifier: Apache-2.0
 * webhooks: of the configuration, as keeper and courier need them.
 */
#ifndef SP_KEEPER_CONFIG_WEBHOOKS_H
#define SP_KEEPER_CONFIG_WEBHOOKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/boot_courier.h"
#include "base/err.h"

#define WEBHOOK_EVENTS_MAX  64
#define WEBHOOK_EVENT_SIZE  64
#define WEBHOOK_SECRET_MIN  16
#define WEBHOOK_ORIGIN_SIZE (IPC_COURIER_HOST_SIZE + 24)

struct config_webhook {
    char origin[WEBHOOK_ORIGIN_SIZE]; /* for events: a path may be a secret of its own */
    char events[WEBHOOK_EVENTS_MAX][WEBHOOK_EVENT_SIZE];
    size_t event_count;
};

struct config_webhooks {
    struct config_webhook list[BOOT_COURIER_HOOKS_MAX]; /* boot.hook_count of them */
    struct boot_courier boot;                           /* its secrets included */
};

/*
 * Read a webhook's URL: https, or http to a loopback address; no name, password or fragment in it.
 * out      id, url, host, port and is_tls, written only on SP_OK
 * origin   WEBHOOK_ORIGIN_SIZE bytes
 * Errors:  SP_EVALUE; SP_EDENIED it would be http over a network
 */
SP_MUST_USE enum sp_err webhook_url_read(const char *text, struct boot_courier_hook *out,
                                         char *origin);

/* True if a webhook wants events of that name. */
bool config_webhook_wants(const struct config_webhook *hook, const char *event);

/* Wipe and free; NULL is allowed. */
void config_webhooks_free(struct config_webhooks *w);

#endif
