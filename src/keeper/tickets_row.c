/* SPDX-License-Identifier: Apache-2.0
 * Tickets as rows of the store.
 */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/tickets_priv.h"

static const char *const states[] = {
    [TICKET_UNUSED] = "unused", [TICKET_USED] = "used", [TICKET_REVOKED] = "revoked"};

json_t *ticket_body(const struct ticket *ticket)
{
    char source[NET_TEXT_SIZE];
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I}", "user", ticket->user, "target",
                  ticket->target, "state", states[ticket->state], "issued_us",
                  (json_int_t)ticket->issued_us, "expires_us", (json_int_t)ticket->expires_us,
                  "ended_us", (json_int_t)ticket->ended_us, "by_uid", (json_int_t)ticket->by_uid);

    if (body == NULL || !ticket->has_source)
        return body;
    net_write(&ticket->source, source);
    if (json_object_set_new(body, "source", json_string(source)) == 0)
        return body;
    json_decref(body);
    return NULL;
}

static bool read_name(const json_t *body, const char *key, char out[TICKET_NAME_SIZE])
{
    const char *text = json_string_value(json_object_get(body, key));

    if (text == NULL || text[0] == '\0' || strlen(text) >= TICKET_NAME_SIZE)
        return false;
    snprintf(out, TICKET_NAME_SIZE, "%s", text);
    return true;
}

static bool read_time(const json_t *body, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(body, key);

    *out = json_integer_value(value);
    return json_is_integer(value) && *out >= 0;
}

static bool read_state(const json_t *body, enum ticket_state *out)
{
    const char *word = json_string_value(json_object_get(body, "state"));

    for (int i = 0; word != NULL && i < TICKET_STATE_COUNT; i++) {
        if (strcmp(word, states[i]) != 0)
            continue;
        *out = (enum ticket_state)i;
        return true;
    }
    return false;
}

static bool read_source(const json_t *body, struct ticket *out)
{
    const json_t *value = json_object_get(body, "source");

    out->has_source = value != NULL;
    return value == NULL ||
           (json_is_string(value) && net_read(json_string_value(value), &out->source) == SP_OK);
}

/* What cannot be is refused: a row that is damaged must not become a longer life. */
static bool is_consistent(const struct ticket *t)
{
    return t->expires_us - t->issued_us >= TICKET_FOR_MIN_US &&
           t->expires_us - t->issued_us <= TICKET_FOR_MAX_US &&
           (t->state == TICKET_UNUSED) == (t->ended_us == 0);
}

enum sp_err tickets_load(struct tickets *t, const char *id, const json_t *body, const uint8_t *hash,
                         size_t hash_size)
{
    struct ticket made = {0};
    const json_t *uid = json_object_get(body, "by_uid");

    if (!ticket_is_id(id) || tickets_find(t, id) != NULL || hash_size != TICKET_HASH_SIZE ||
        !json_is_integer(uid) || !read_name(body, "user", made.user) ||
        !read_name(body, "target", made.target) || !read_state(body, &made.state) ||
        !read_source(body, &made) || !read_time(body, "issued_us", &made.issued_us) ||
        !read_time(body, "expires_us", &made.expires_us) ||
        !read_time(body, "ended_us", &made.ended_us) || !is_consistent(&made))
        return SP_EVALUE;
    memcpy(made.id, id, TICKET_ID_SIZE);
    memcpy(made.nt_hash, hash, TICKET_HASH_SIZE);
    made.by_uid = json_integer_value(uid);
    if (made.issued_us > t->latest_us)
        t->latest_us = made.issued_us;
    if (made.ended_us > t->latest_us)
        t->latest_us = made.ended_us;
    const struct ticket *added = tickets_add(t, &made);
    sp_wipe(&made, sizeof(made));
    return added != NULL ? SP_OK : SP_ELIMIT;
}

const char *ticket_state_word(const struct ticket *ticket, int64_t now_us)
{
    if (ticket->state == TICKET_UNUSED && now_us >= ticket->expires_us)
        return "expired";
    return states[ticket->state];
}
