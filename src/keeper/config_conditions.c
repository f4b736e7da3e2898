/* SPDX-License-Identifier: Apache-2.0
 * What a rule is on condition of: where from, when, by which client and which NLA.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keeper/config_priv.h"
#include "keeper/zone.h"

#define DAY_MIN (24u * 60u)

/* One rule while it is being checked. */
struct place {
    struct config_load_state *s;
    const struct config_raw_rule *raw;
    struct catalog_conditions *made;
    size_t index;
    char path[CONFIG_FIELD_SIZE];
};

static enum sp_err refuse(struct place *p, const char *key, const char *found)
{
    snprintf(p->path, sizeof(p->path), "rules[%zu].%s", p->index, key);
    return config_refuse(p->s, SP_EVALUE, p->path, NULL, found, NULL);
}

static enum sp_err refuse_entry(struct place *p, const char *key, size_t i, const char *found)
{
    snprintf(p->path, sizeof(p->path), "rules[%zu].%s[%zu]", p->index, key, i);
    return config_refuse(p->s, SP_EVALUE, p->path, NULL, found, NULL);
}

static void *room_for(size_t count, size_t size)
{
    void *made = count > 0 ? calloc(count, size) : NULL;

    SP_BUG(count > 0 && made == NULL);
    return made;
}

static enum sp_err check_sources(struct place *p)
{
    const struct config_raw_rule *raw = p->raw;

    p->made->sources = room_for(raw->sources_count, sizeof(*p->made->sources));
    for (size_t i = 0; i < raw->sources_count; i++)
        if (net_read(raw->sources[i], &p->made->sources[i]) != SP_OK)
            return refuse_entry(p, "sources", i, raw->sources[i]);
    p->made->source_count = raw->sources_count;
    return SP_OK;
}

static enum sp_err check_countries(struct place *p)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    const struct config_raw_rule *raw = p->raw;

    p->made->countries = room_for(raw->countries_count, sizeof(*p->made->countries));
    for (size_t i = 0; i < raw->countries_count; i++) {
        if (strlen(raw->countries[i]) != 2 || strspn(raw->countries[i], letters) != 2)
            return refuse_entry(p, "countries", i, raw->countries[i]);
        memcpy(p->made->countries[i], raw->countries[i], 3);
    }
    p->made->country_count = raw->countries_count;
    return SP_OK;
}

static int day_of(const char *text, size_t size)
{
    static const char *const days[] = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

    for (int i = 0; i < 7; i++)
        if (size == 3 && memcmp(days[i], text, 3) == 0)
            return i;
    return -1;
}

/* "sat" or "mon-fri"; "fri-mon" goes over the week's end. */
static bool read_days(const char *text, uint8_t *days)
{
    size_t n = strcspn(text, "-");
    int first = day_of(text, n);
    int last = text[n] == '-' ? day_of(text + n + 1, strlen(text + n + 1)) : first;

    if (first < 0 || last < 0)
        return false;
    for (int day = first;; day = (day + 1) % 7) {
        *days = (uint8_t)(*days | 1u << day);
        if (day == last)
            return true;
    }
}

/* "08:30" as minutes of the day */
static bool read_minute(const char *text, uint16_t *out)
{
    for (size_t i = 0; i < 5; i++)
        if (i == 2 ? text[i] != ':' : text[i] < '0' || text[i] > '9')
            return false;
    unsigned hour = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
    unsigned minute = (unsigned)(text[3] - '0') * 10 + (unsigned)(text[4] - '0');

    *out = (uint16_t)(hour * 60 + minute);
    return minute < 60 && *out <= DAY_MIN;
}

static bool read_hours(const char *text, struct catalog_when *when)
{
    return strlen(text) == 11 && text[5] == '-' && read_minute(text, &when->from_min) &&
           read_minute(text + 6, &when->to_min) && when->from_min != when->to_min &&
           when->from_min < DAY_MIN;
}

static enum sp_err check_when(struct place *p)
{
    const struct config_raw_when *raw = p->raw->when;
    struct catalog_when *when = &p->made->when;

    if (raw == NULL)
        return SP_OK;
    if (raw->days_count == 0 && raw->hours == NULL)
        return refuse(p, "when", NULL);
    when->is_set = true;
    for (size_t i = 0; i < raw->days_count; i++)
        if (!read_days(raw->days[i], &when->days))
            return refuse_entry(p, "when.days", i, raw->days[i]);
    if (raw->days_count == 0)
        when->days = 0x7F;
    when->has_hours = raw->hours != NULL;
    if (raw->hours != NULL && !read_hours(raw->hours, when))
        return refuse(p, "when.hours", raw->hours);
    const char *zone = raw->zone != NULL ? raw->zone : "UTC";
    if (!zone_is_known(zone))
        return refuse(p, "when.zone", zone);
    snprintf(when->zone, sizeof(when->zone), "%s", zone);
    return SP_OK;
}

static enum sp_err check_nla(struct place *p)
{
    static const char *const names[] = {[CATALOG_NLA_NONE] = "",
                                        [CATALOG_NLA_NTLM] = "ntlm",
                                        [CATALOG_NLA_KERBEROS] = "kerberos",
                                        [CATALOG_NLA_TICKET] = "ticket"};

    for (size_t i = 0; i < p->raw->nla_count; i++) {
        uint32_t bit = 0;

        for (uint32_t k = CATALOG_NLA_NTLM; k < CATALOG_NLA_COUNT; k++)
            if (strcmp(p->raw->nla[i], names[k]) == 0)
                bit = 1u << k;
        if (bit == 0)
            return refuse_entry(p, "nla", i, p->raw->nla[i]);
        p->made->nla |= bit;
    }
    return SP_OK;
}

static bool read_builds(const char *text, uint32_t *least, uint32_t *most)
{
    size_t n = strcspn(text, "-");
    char number[16];

    if (text[n] != '-' || n >= sizeof(number))
        return false;
    memcpy(number, text, n);
    number[n] = '\0';
    return config_read_number(number, least) == SP_OK &&
           config_read_number(text + n + 1, most) == SP_OK && *least <= *most;
}

static enum sp_err check_clients(struct place *p)
{
    const struct config_raw_clients *raw = p->raw->clients;

    if (raw == NULL)
        return SP_OK;
    if (raw->names_count == 0 && raw->builds == NULL)
        return refuse(p, "clients", NULL);
    p->made->clients = room_for(raw->names_count, sizeof(*p->made->clients));
    for (size_t i = 0; i < raw->names_count; i++) {
        size_t n = strlen(raw->names[i]);

        if (n == 0 || n >= CATALOG_NAME_SIZE)
            return refuse_entry(p, "clients.names", i, raw->names[i]);
        memcpy(p->made->clients[i], raw->names[i], n + 1);
    }
    p->made->client_count = raw->names_count;
    p->made->has_builds = raw->builds != NULL;
    if (raw->builds != NULL &&
        !read_builds(raw->builds, &p->made->build_least, &p->made->build_most))
        return refuse(p, "clients.builds", raw->builds);
    return SP_OK;
}

enum sp_err config_check_conditions(struct config_load_state *s, const struct config_raw_rule *raw,
                                    size_t index, struct catalog_rule *made)
{
    struct place p = {.s = s, .raw = raw, .made = &made->conditions, .index = index};
    enum sp_err err = SP_OK;

    if (raw->effect != NULL && strcmp(raw->effect, "allow") != 0) {
        made->is_deny = strcmp(raw->effect, "deny") == 0;
        if (!made->is_deny)
            return refuse(&p, "effect", raw->effect);
    }
    err = check_sources(&p);
    if (err == SP_OK)
        err = check_countries(&p);
    if (err == SP_OK)
        err = check_when(&p);
    if (err == SP_OK)
        err = check_nla(&p);
    return err == SP_OK ? check_clients(&p) : err;
}
