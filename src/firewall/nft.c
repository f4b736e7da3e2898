/* SPDX-License-Identifier: Apache-2.0
 * The text of the commands for nftables.
 */
#include "firewall/nft.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/penalty.h"

#define CHANGE_MAX 512 /* bytes of one change's command */

static const char *const sets[] = {
    [PENALTY_ALLOWED] = "allowed", [PENALTY_BANNED] = "banned", [PENALTY_OPEN] = "opened"};

__attribute__((format(printf, 2, 3))) static void add(struct nft_text *t, const char *format, ...)
{
    va_list ap;

    va_start(ap, format);
    int n = vsnprintf(t->text + t->used, sizeof(t->text) - t->used, format, ap);
    va_end(ap);
    if (n < 0 || (size_t)n >= sizeof(t->text) - t->used)
        t->is_full = true;
    else
        t->used += (size_t)n;
}

static bool is_name(const char table[FIREWALL_TABLE_SIZE])
{
    size_t n = strnlen(table, FIREWALL_TABLE_SIZE);

    return n > 0 && n < FIREWALL_TABLE_SIZE && table[0] >= 'a' && table[0] <= 'z' &&
           strspn(table, "abcdefghijklmnopqrstuvwxyz0123456789_") == n;
}

static void add_ports(struct nft_text *t, const struct firewall_begin *b, bool only_jit)
{
    const char *comma = "";

    add(t, "tcp dport { ");
    for (uint32_t i = 0; i < b->port_count; i++) {
        if (only_jit && b->ports[i].is_jit == 0)
            continue;
        add(t, "%s%u", comma, (unsigned)b->ports[i].port);
        comma = ", ";
    }
    add(t, " } ");
}

static void add_rule(struct nft_text *t, const struct firewall_begin *b, bool only_jit,
                     const char *match, const char *verdict)
{
    static const char *const families[][2] = {{"ip", "4"}, {"ip6", "6"}};

    for (size_t i = 0; i < 2; i++) {
        add(t, "  ");
        add_ports(t, b, only_jit);
        add(t, "%s saddr %s%s %s\n", families[i][0], match, families[i][1], verdict);
    }
}

enum sp_err nft_begin(struct nft_text *out, const struct firewall_begin *b)
{
    bool has_jit = false;

    if (b->port_count == 0 || b->port_count > BOOT_LISTENERS_MAX || !is_name(b->table))
        return SP_EVALUE;
    *out = (struct nft_text){0};
    for (uint32_t i = 0; i < b->port_count; i++)
        has_jit = has_jit || b->ports[i].is_jit != 0;
    add(out, "add table inet %s\ndelete table inet %s\ntable inet %s {\n", b->table, b->table,
        b->table);
    for (size_t i = 0; i < PENALTY_LIST_COUNT; i++)
        add(out,
            " set %s4 { type ipv4_addr; flags interval, timeout; }\n"
            " set %s6 { type ipv6_addr; flags interval, timeout; }\n",
            sets[i], sets[i]);
    /* Connections that stand go on: only their first packet is looked at. */
    add(out, " chain input { type filter hook input priority -10; policy accept;\n"
             "  tcp flags & (fin | syn | rst | ack) != syn accept\n");
    if (has_jit)
        add_rule(out, b, true, "!= @opened", "drop");
    add_rule(out, b, false, "@allowed", "accept");
    add_rule(out, b, false, "@banned", "drop");
    add(out, " }\n}\n");
    return out->is_full ? SP_ESPACE : SP_OK;
}

enum sp_err nft_change(struct nft_text *out, const char *table, const struct firewall_change *c)
{
    static const uint8_t v4[12] = {[10] = 0xff, [11] = 0xff};
    bool is_v4 = memcmp(c->ip, v4, sizeof(v4)) == 0 && c->bits >= 96;
    char address[INET6_ADDRSTRLEN], element[INET6_ADDRSTRLEN + 8], set[32], timeout[32] = "";
    size_t before = out->used;

    if (c->set >= PENALTY_LIST_COUNT || c->bits > 128 || c->is_added > 1)
        return SP_EVALUE;
    if (sizeof(out->text) - out->used < CHANGE_MAX)
        return SP_ESPACE;
    if (inet_ntop(is_v4 ? AF_INET : AF_INET6, is_v4 ? c->ip + 12 : c->ip, address,
                  sizeof(address)) == NULL)
        return SP_EVALUE;
    snprintf(set, sizeof(set), "%s%c", sets[c->set], is_v4 ? '4' : '6');
    snprintf(element, sizeof(element), "%s/%u", address, is_v4 ? c->bits - 96 : c->bits);
    if (c->timeout_s > 0)
        snprintf(timeout, sizeof(timeout), " timeout %us", c->timeout_s);
    /* Added first, so that what is not there can be taken out; then with its new time. */
    add(out, "add element inet %s %s { %s }\ndelete element inet %s %s { %s }\n", table, set,
        element, table, set, element);
    if (c->is_added != 0)
        add(out, "add element inet %s %s { %s%s }\n", table, set, element, timeout);
    if (out->is_full) {
        out->used = before;
        return SP_ESPACE;
    }
    return SP_OK;
}
