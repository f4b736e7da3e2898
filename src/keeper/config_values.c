/* SPDX-License-Identifier: Apache-2.0
 * Single values of the configuration: times, numbers, addresses, pins, names. Pure functions.
 */
#include "keeper/config_priv.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define DEFAULT_PORT 3389
#define HOST_MAX     253

enum sp_err config_read_number(const char *text, uint32_t *out)
{
    uint64_t value = 0;

    if (text[0] == '\0' || (text[0] == '0' && text[1] != '\0'))
        return SP_EVALUE;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return SP_EVALUE;
        value = value * 10 + (uint64_t)(*text - '0');
        if (value > UINT32_MAX)
            return SP_ELIMIT;
    }
    *out = (uint32_t)value;
    return SP_OK;
}

enum sp_err config_read_duration(const char *text, uint32_t *out_ms)
{
    static const struct {
        const char *name;
        uint32_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    char digits[12];
    size_t n = strspn(text, "0123456789");
    uint32_t value;

    if (strcmp(text, "0") == 0) {
        *out_ms = 0;
        return SP_OK;
    }
    if (n == 0 || n >= sizeof(digits))
        return SP_EVALUE;
    memcpy(digits, text, n);
    digits[n] = '\0';
    enum sp_err err = config_read_number(digits, &value);
    if (err != SP_OK)
        return err;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(text + n, units[i].name) != 0)
            continue;
        if ((uint64_t)value * units[i].ms > UINT32_MAX)
            return SP_ELIMIT;
        *out_ms = value * units[i].ms;
        return SP_OK;
    }
    return SP_EVALUE;
}

static bool read_port(const char *text, uint16_t *out)
{
    uint32_t value;

    if (config_read_number(text, &value) != SP_OK || value == 0 || value > UINT16_MAX)
        return false;
    *out = (uint16_t)value;
    return true;
}

/* Split "[v6]:port" or "host:port"; port is empty if absent. */
static bool split_port(const char *text, char *host, size_t size, bool *is_v6, const char **port)
{
    const char *end = text[0] == '[' ? strchr(text, ']') : text + strcspn(text, ":");

    *is_v6 = text[0] == '[';
    if (end == NULL)
        return false;
    const char *start = *is_v6 ? text + 1 : text;
    size_t n = (size_t)(end - start);
    if (n == 0 || n >= size)
        return false;
    memcpy(host, start, n);
    host[n] = '\0';
    end += *is_v6 ? 1 : 0;
    *port = end[0] == ':' ? end + 1 : "";
    return end[0] == '\0' || (end[0] == ':' && end[1] != '\0');
}

enum sp_err config_read_listener(const char *text, struct boot_listener *out)
{
    char host[INET6_ADDRSTRLEN + 1];
    struct boot_listener made = {0};
    const char *port_text;
    struct in_addr v4;
    uint16_t port;
    bool is_v6;

    if (!split_port(text, host, sizeof(host), &is_v6, &port_text) || !read_port(port_text, &port))
        return SP_EVALUE;
    made.port = port;
    if (is_v6) {
        if (inet_pton(AF_INET6, host, made.ip) != 1)
            return SP_EVALUE;
    } else {
        if (inet_pton(AF_INET, host, &v4) != 1)
            return SP_EVALUE;
        made.ip[10] = made.ip[11] = 0xFF;
        memcpy(made.ip + 12, &v4, 4);
    }
    *out = made;
    return SP_OK;
}

static bool is_ip(const char *text)
{
    struct in6_addr any;

    return inet_pton(AF_INET, text, &any) == 1 || inet_pton(AF_INET6, text, &any) == 1;
}

bool config_is_host(const char *text)
{
    size_t n = strlen(text);

    if (is_ip(text))
        return true;
    if (n == 0 || n > HOST_MAX || text[0] == '.' || text[0] == '-')
        return false;
    if (strspn(text, "0123456789.") == n) /* looks like IPv4 and is none */
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        bool is_alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');

        if (!is_alnum && c != '-' && c != '_' && c != '.')
            return false;
        if (c == '.' && text[i + 1] == '.')
            return false;
    }
    return true;
}

enum sp_err config_read_address(const char *text, char *host, uint16_t *port)
{
    char name[IPC_HOST_MAX];
    const char *port_text;
    uint16_t number = DEFAULT_PORT;
    struct in6_addr v6;
    bool is_v6;

    if (!split_port(text, name, sizeof(name), &is_v6, &port_text))
        return SP_EVALUE;
    if (port_text[0] != '\0' && !read_port(port_text, &number))
        return SP_EVALUE;
    if (is_v6 ? inet_pton(AF_INET6, name, &v6) != 1 : !config_is_host(name))
        return SP_EVALUE;
    snprintf(host, IPC_HOST_MAX, "%s", name);
    *port = number;
    return SP_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool pin_from_hex(const char *text, uint8_t out[CATALOG_PIN_SIZE])
{
    for (size_t i = 0; i < CATALOG_PIN_SIZE; i++) {
        int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

        if (low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
        text += 2;
        if (*text == ':' && i + 1 < CATALOG_PIN_SIZE)
            text++;
    }
    return *text == '\0';
}

/* 44 characters with one '=', or 43 without. */
static bool pin_from_base64(const char *text, uint8_t out[CATALOG_PIN_SIZE])
{
    char padded[45];
    unsigned char raw[33];
    size_t n = strlen(text);

    if (n == 44 && text[43] == '=')
        n = 43;
    if (n != 43 || memchr(text, '=', n) != NULL)
        return false;
    memcpy(padded, text, n);
    padded[43] = '=';
    padded[44] = '\0';
    if (EVP_DecodeBlock(raw, (const unsigned char *)padded, 44) != 33)
        return false;
    memcpy(out, raw, CATALOG_PIN_SIZE);
    return raw[32] == 0;
}

enum sp_err config_read_pin(const char *text, uint8_t out[CATALOG_PIN_SIZE])
{
    uint8_t made[CATALOG_PIN_SIZE];

    if (strncmp(text, "sha256:", 7) == 0)
        text += 7;
    if (!pin_from_hex(text, made) && !pin_from_base64(text, made))
        return SP_EVALUE;
    memcpy(out, made, sizeof(made));
    return SP_OK;
}

bool config_is_label(const char *text)
{
    size_t n = strlen(text);

    return n > 0 && n < CATALOG_NAME_SIZE &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == n;
}

bool config_is_user_name(const char *text)
{
    uint8_t folded[CATALOG_NAME_SIZE * 2];
    size_t n = strlen(text);

    if (n == 0 || n >= CATALOG_NAME_SIZE || text[0] == ' ' || text[n - 1] == ' ')
        return false;
    if (strpbrk(text, "#\\@/:") != NULL)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7F)
            return false;
    return catalog_fold(text, folded) == SP_OK;
}
