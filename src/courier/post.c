/* SPDX-License-Identifier: Apache-2.0
 * One attempt to deliver, in a child that holds no secret by the time it hears an answer.
 */
#include <arpa/inet.h>
#include <curl/curl.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "courier/courier_priv.h"

#define CONNECT_MS    5000
#define ANSWER_MAX    65536 /* bytes of an answer that are read and thrown away */
#define ADDRESSES_MAX 8
#define RESOLVE_SIZE  (IPC_COURIER_HOST_SIZE + 16 + ADDRESSES_MAX * (INET6_ADDRSTRLEN + 3))

static void id_text(const struct spool_item *item, char out[2 * IPC_COURIER_ID_SIZE + 1])
{
    for (size_t i = 0; i < IPC_COURIER_ID_SIZE; i++)
        snprintf(out + 2 * i, 3, "%02x", item->id[i]);
}

void post_sign(const uint8_t *secret, size_t secret_size, int64_t time_s, const char *id,
               const uint8_t *body, size_t size, char *out)
{
    uint8_t text[64 + 2 * IPC_COURIER_ID_SIZE + IPC_COURIER_BODY_MAX];
    uint8_t mac[32];
    unsigned mac_size = 0;
    int n = snprintf((char *)text, sizeof(text), "%lld.%s.", (long long)time_s, id);

    SP_BUG(n < 0 || size > IPC_COURIER_BODY_MAX || (size_t)n + size > sizeof(text));
    memcpy(text + n, body, size);
    SP_BUG(HMAC(EVP_sha256(), secret, (int)secret_size, text, (size_t)n + size, mac, &mac_size) ==
               NULL ||
           mac_size != sizeof(mac));
    n = snprintf(out, POST_SIGNATURE_SIZE, "t=%lld,v1=", (long long)time_s);
    SP_BUG(n < 0 || (size_t)n + 2 * sizeof(mac) >= POST_SIGNATURE_SIZE);
    for (size_t i = 0; i < sizeof(mac); i++)
        snprintf(out + n + 2 * i, 3, "%02x", mac[i]);
}

bool post_is_taken(uint32_t status)
{
    return status >= 200 && status <= 299;
}

bool post_is_final(uint32_t status)
{
    return status == 400 || status == 410 || status == 413 || status == 415 || status == 422;
}

static bool is_address(const char *host)
{
    uint8_t bytes[16];

    return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

/* Resolved here, since libcurl would start a thread for it, which the cage does not allow. */
static bool resolve(const struct boot_courier_hook *hook, char *out, size_t out_size,
                    struct post_result *result)
{
    const struct addrinfo hints = {.ai_flags = AI_ADDRCONFIG, .ai_socktype = SOCK_STREAM};
    struct addrinfo *list = NULL;
    size_t used = (size_t)snprintf(out, out_size, "%s:%u:", hook->host, hook->port);
    int bad = getaddrinfo(hook->host, NULL, &hints, &list);
    size_t count = 0;

    if (bad != 0) {
        snprintf(result->why, sizeof(result->why), "the name cannot be resolved: %s",
                 gai_strerror(bad));
        return false;
    }
    for (struct addrinfo *at = list; at != NULL && count < ADDRESSES_MAX; at = at->ai_next) {
        char text[INET6_ADDRSTRLEN];

        if (getnameinfo(at->ai_addr, at->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) !=
            0)
            continue;
        used += (size_t)snprintf(out + used, out_size - used,
                                 at->ai_family == AF_INET6 ? "%s[%s]" : "%s%s",
                                 count > 0 ? "," : "", text);
        count++;
    }
    freeaddrinfo(list);
    if (count == 0)
        snprintf(result->why, sizeof(result->why), "the name has no address");
    return count > 0;
}

static size_t swallow(char *data, size_t size, size_t count, void *ctx)
{
    size_t *left = ctx;

    (void)data;
    if (size * count > *left)
        return 0;
    *left -= size * count;
    return size * count;
}

/* Returns  false if an option was not taken, which is our own mistake or no memory */
static bool set_peer(CURL *curl, const struct courier_settings *s,
                     const struct boot_courier_hook *hook, struct curl_slist *resolved)
{
    struct curl_blob ca = {.data = s->ca, .len = s->boot.ca_size, .flags = CURL_BLOB_NOCOPY};
    CURLcode bad = curl_easy_setopt(curl, CURLOPT_URL, hook->url);

    bad |= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, hook->is_tls ? "https" : "http");
    bad |= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    bad |= curl_easy_setopt(curl, CURLOPT_PROXY, "");
    bad |= curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    bad |= curl_easy_setopt(curl, CURLOPT_RESOLVE, resolved);
    if (!hook->is_tls)
        return bad == CURLE_OK;
    /* That bundle and nothing else: the build's own folder of CAs has no say. */
    bad |= curl_easy_setopt(curl, CURLOPT_CAINFO, NULL);
    bad |= curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    bad |= curl_easy_setopt(curl, CURLOPT_CAINFO_BLOB, &ca);
    bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    bad |= curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    return bad == CURLE_OK;
}

static bool set_request(CURL *curl, const uint8_t *body, size_t size, struct curl_slist *headers,
                        size_t *answer_left)
{
    CURLcode bad = curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);

    bad |= curl_easy_setopt(curl, CURLOPT_POST, 1L);
    bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDS, (const char *)body);
    bad |= curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)size);
    bad |= curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    bad |= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_MS);
    bad |= curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)COURIER_POST_MS);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, swallow);
    bad |= curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer_left);
    return bad == CURLE_OK;
}

static struct curl_slist *add(struct curl_slist *list, const char *text, bool *is_bad)
{
    struct curl_slist *more = curl_slist_append(list, text);

    *is_bad = *is_bad || more == NULL;
    return more != NULL ? more : list;
}

/* The child ends after this: nothing is given back. */
static void perform(const struct courier_settings *s, const struct boot_courier_hook *hook,
                    const char *resolved, struct curl_slist *headers, const uint8_t *body,
                    size_t size, struct post_result *result)
{
    CURL *curl = curl_easy_init();
    bool is_bad = curl == NULL;
    struct curl_slist *names = resolved[0] != '\0' ? add(NULL, resolved, &is_bad) : NULL;
    size_t answer_left = ANSWER_MAX;
    long status = 0;

    if (is_bad || !set_peer(curl, s, hook, names) ||
        !set_request(curl, body, size, headers, &answer_left)) {
        snprintf(result->why, sizeof(result->why), "libcurl does not take its options");
        return;
    }
    CURLcode code = curl_easy_perform(curl);
    if (code == CURLE_OK)
        code = curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK) {
        snprintf(result->why, sizeof(result->why), "%s", curl_easy_strerror(code));
        return;
    }
    result->status = status > 0 && status < 1000 ? (uint32_t)status : 0;
    snprintf(result->why, sizeof(result->why), "HTTP %u", result->status);
}

void post_item(struct courier_settings *settings, size_t hook_at, const struct spool_item *item,
               const uint8_t *body, size_t size, struct post_result *result)
{
    struct boot_courier *boot = &settings->boot;
    const struct boot_courier_hook *hook = &boot->hooks[hook_at];
    char id[2 * IPC_COURIER_ID_SIZE + 1], signature[POST_SIGNATURE_SIZE], line[160];
    char resolved[RESOLVE_SIZE] = "";
    struct curl_slist *headers = NULL;
    bool is_bad = false;

    memset(result, 0, sizeof(*result));
    id_text(item, id);
    post_sign(hook->secret, hook->secret_size, clock_wall_us() / 1000000, id, body, size,
              signature);
    for (size_t i = 0; i < BOOT_COURIER_HOOKS_MAX; i++)
        sp_wipe(boot->hooks[i].secret, sizeof(boot->hooks[i].secret));
    headers = add(headers, "Content-Type: application/json", &is_bad);
    headers = add(headers, "User-Agent: sallyport", &is_bad);
    headers = add(headers, "Expect:", &is_bad); /* none: the body is small */
    snprintf(line, sizeof(line), "X-Sallyport-Event-Id: %s", id);
    headers = add(headers, line, &is_bad);
    snprintf(line, sizeof(line), "X-Sallyport-Signature: %s", signature);
    headers = add(headers, line, &is_bad);
    if (is_bad) {
        snprintf(result->why, sizeof(result->why), "no memory");
        return;
    }
    if (!is_address(hook->host) && !resolve(hook, resolved, sizeof(resolved), result))
        return;
    perform(settings, hook, resolved, headers, body, size, result);
}

enum sp_err post_begin(struct sp_fail *fail)
{
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sp_fail_set(fail, SP_ESYS, "curl_global_init", 0, 0);
    return SP_OK;
}
