/* SPDX-License-Identifier: Apache-2.0
 * webhooks: of the configuration: where events are sent, and by what they are signed.
 */
#include "keeper/config_webhooks.h"

#include <arpa/inet.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/config_priv.h"

void config_webhooks_free(struct config_webhooks *w)
{
    if (w == NULL)
        return;
    sp_wipe(w, sizeof(*w));
    free(w);
}

bool config_webhook_wants(const struct config_webhook *hook, const char *event)
{
    for (size_t i = 0; i < hook->event_count; i++)
        if (strcmp(hook->events[i], event) == 0)
            return true;
    return false;
}

static bool is_loopback(const char *host)
{
    static const uint8_t v6[16] = {[15] = 1};
    uint8_t address[16];

    if (inet_pton(AF_INET, host, address) == 1)
        return address[0] == 127;
    return inet_pton(AF_INET6, host, address) == 1 && memcmp(address, v6, sizeof(v6)) == 0;
}

/* Printable ASCII that a URL may have; a fragment is none of the server's business. */
static bool is_url_text(const char *text)
{
    for (const char *c = text; *c != '\0'; c++)
        if ((unsigned char)*c < 0x21 || (unsigned char)*c > 0x7E ||
            strchr("\"<>\\^`{|}#", *c) != NULL)
            return false;
    return true;
}

static bool has_port(const char *authority)
{
    const char *end = strchr(authority, ']');

    return strchr(end != NULL ? end : authority, ':') != NULL;
}

static enum sp_err id_of(const char *url, uint8_t id[IPC_COURIER_HOOK_SIZE])
{
    uint8_t digest[EVP_MAX_MD_SIZE];

    if (EVP_Digest(url, strlen(url), digest, NULL, EVP_sha256(), NULL) != 1)
        return SP_ECRYPTO;
    memcpy(id, digest, IPC_COURIER_HOOK_SIZE);
    return SP_OK;
}

enum sp_err webhook_url_read(const char *text, struct boot_courier_hook *out, char *origin)
{
    struct boot_courier_hook hook = {.is_tls = strncmp(text, "https://", 8) == 0};
    char authority[IPC_COURIER_HOST_SIZE + 8], host[IPC_HOST_MAX];
    size_t scheme = hook.is_tls ? 8 : 7;
    uint16_t port;

    if ((!hook.is_tls && strncmp(text, "http://", 7) != 0) || strlen(text) >= sizeof(hook.url) ||
        !is_url_text(text))
        return SP_EVALUE;
    size_t size = strcspn(text + scheme, "/?");
    if (size == 0 || size >= sizeof(authority))
        return SP_EVALUE;
    memcpy(authority, text + scheme, size);
    authority[size] = '\0';
    if (strchr(authority, '@') != NULL || config_read_address(authority, host, &port) != SP_OK ||
        strlen(host) >= sizeof(hook.host))
        return SP_EVALUE;
    if (!hook.is_tls && !is_loopback(host))
        return SP_EDENIED;
    hook.port = has_port(authority) ? port : hook.is_tls ? 443 : 80;
    snprintf(hook.url, sizeof(hook.url), "%s", text);
    snprintf(hook.host, sizeof(hook.host), "%s", host);
    enum sp_err err = id_of(text, hook.id);
    if (err != SP_OK)
        return err;
    snprintf(origin, WEBHOOK_ORIGIN_SIZE, "%.*s%s", (int)scheme, text, authority);
    *out = hook;
    return SP_OK;
}

static enum sp_err check_url(struct config_load_state *s, struct config_webhooks *w, uint32_t at,
                             const char *url)
{
    struct boot_courier_hook *hook = &w->boot.hooks[at];
    char path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "webhooks[%u].url", at);
    enum sp_err err = webhook_url_read(url, hook, w->list[at].origin);
    if (err == SP_EDENIED)
        return config_refuse(s, err, path, NULL, NULL,
                             "http is for loopback addresses alone; use https");
    if (err != SP_OK) /* not shown: a path may be a secret */
        return config_refuse(s, err, path, NULL, NULL, NULL);
    for (uint32_t i = 0; i < at; i++)
        if (memcmp(w->boot.hooks[i].id, hook->id, sizeof(hook->id)) == 0)
            return config_refuse(s, SP_EVALUE, path, NULL, NULL,
                                 "the same URL stands above; put all its events in one list");
    if (hook->is_tls && s->config->ca_file[0] == '\0')
        return config_refuse(s, SP_EVALUE, "ca_file", NULL, NULL,
                             "the servers of webhooks are verified with it; Debian's is "
                             "/etc/ssl/certs/ca-certificates.crt");
    return SP_OK;
}

static enum sp_err check_secret(struct config_load_state *s, struct boot_courier_hook *hook,
                                uint32_t at, const char *written)
{
    char text[SECRET_TEXT_MAX], path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "webhooks[%u].secret", at);
    enum sp_err err = config_secret(s, path, written, text);
    if (err != SP_OK)
        return err;
    size_t size = strlen(text);
    if (size < WEBHOOK_SECRET_MIN || size > sizeof(hook->secret)) {
        err = config_refuse(s, SP_EVALUE, path, NULL, NULL, NULL);
    } else {
        memcpy(hook->secret, text, size);
        hook->secret_size = (uint32_t)size;
    }
    sp_wipe(text, sizeof(text));
    return err;
}

static bool is_event_name(const char *text)
{
    size_t size = strlen(text);

    /* Ours about webhooks stay out, or one that fails would be its own reason to go on. */
    return size > 0 && size < WEBHOOK_EVENT_SIZE &&
           strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_") == size &&
           strncmp(text, "webhook_", 8) != 0;
}

static enum sp_err check_events(struct config_load_state *s, struct config_webhook *hook,
                                uint32_t at, const struct config_raw_webhook *raw)
{
    char path[CONFIG_FIELD_SIZE];

    snprintf(path, sizeof(path), "webhooks[%u].events", at);
    if (raw->events_count == 0)
        return config_refuse(s, SP_EVALUE, path, NULL, NULL, NULL);
    for (uint32_t i = 0; i < raw->events_count; i++) {
        snprintf(path, sizeof(path), "webhooks[%u].events[%u]", at, i);
        if (!is_event_name(raw->events[i]))
            return config_refuse(s, SP_EVALUE, path, NULL, raw->events[i], NULL);
        snprintf(hook->events[i], WEBHOOK_EVENT_SIZE, "%s", raw->events[i]);
        hook->event_count++;
    }
    return SP_OK;
}

enum sp_err config_check_webhooks(struct config_load_state *s, const struct config_raw *raw)
{
    enum sp_err err = SP_OK;

    if (raw->webhooks_count == 0)
        return SP_OK;
    struct config_webhooks *w = s->config->webhooks = calloc(1, sizeof(*w));
    if (w == NULL)
        return SP_ESYS;
    for (uint32_t i = 0; i < raw->webhooks_count && err == SP_OK; i++) {
        err = check_url(s, w, i, raw->webhooks[i].url);
        if (err == SP_OK)
            err = check_secret(s, &w->boot.hooks[i], i, raw->webhooks[i].secret);
        if (err == SP_OK)
            err = check_events(s, &w->list[i], i, &raw->webhooks[i]);
        w->boot.hook_count++;
    }
    return err;
}
