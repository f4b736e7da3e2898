/* SPDX-License-Identifier: Apache-2.0
 * Tickets: good once, for one source, for their time, whatever the clock and the store do.
 */
#include "keeper/tickets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/secret.h"
#include "rdp/ntlm_crypto.h"

#define SECOND INT64_C(1000000)
#define NOON   (INT64_C(1764072000) * SECOND)

static const uint8_t here[16] = {[10] = 0xff, 0xff, 192, 0, 2, 7};
static const uint8_t there[16] = {[10] = 0xff, 0xff, 192, 0, 2, 8};

static struct ticket *issue(struct tickets *t, const struct net *source)
{
    const struct ticket_ask ask = {"alice", "web01", source, 300 * SECOND, 1000};
    const struct ticket *made = NULL;
    char password[TICKET_PASSWORD_SIZE];

    assert_int_equal(tickets_issue(t, &ask, NOON, &made, password), SP_OK);
    return tickets_find(t, made->id);
}

static void name_and_password(void **state)
{
    const struct ticket_ask ask = {"alice", "web01", NULL, 300 * SECOND, 1000};
    struct tickets t = {0};
    const struct ticket *a = NULL, *b = NULL;
    char password[TICKET_PASSWORD_SIZE], other[TICKET_PASSWORD_SIZE], id[TICKET_ID_SIZE];
    struct secret wide = {0};
    uint8_t hash[TICKET_HASH_SIZE];

    (void)state;
    assert_int_equal(tickets_issue(&t, &ask, NOON, &a, password), SP_OK);
    memcpy(id, a->id, sizeof(id));
    assert_true(ticket_is_id(a->id));
    assert_int_equal(strlen(password), TICKET_PASSWORD_SIZE - 1);
    assert_int_equal(secret_from_password(password, &wide), SP_OK);
    ntlm_nt_hash(wide.bytes, wide.size, hash);
    assert_memory_equal(a->nt_hash, hash, sizeof(hash));
    assert_int_equal(tickets_issue(&t, &ask, NOON, &b, other), SP_OK);
    assert_string_not_equal(b->id, id);
    assert_string_not_equal(other, password);
    for (size_t i = 0; id[i] != '\0'; i++)
        if (id[i] >= 'a' && id[i] <= 'z')
            id[i] = (char)(id[i] - 'a' + 'A');
    assert_non_null(tickets_find(&t, id)); /* as some clients write it */
    assert_false(ticket_is_id("t-"));
    assert_false(ticket_is_id("t-0000000u"));
    assert_false(ticket_is_id("x-00000000"));
    assert_false(ticket_is_id("t-000000000"));
    tickets_clear(&t);
}

static void what_cannot_be_issued(void **state)
{
    struct ticket_ask ask = {"alice", "web01", NULL, 300 * SECOND, 0};
    struct tickets t = {0};
    const struct ticket *made = NULL;
    char password[TICKET_PASSWORD_SIZE];

    (void)state;
    ask.for_us = TICKET_FOR_MIN_US - 1;
    assert_int_equal(tickets_issue(&t, &ask, NOON, &made, password), SP_ELIMIT);
    ask.for_us = TICKET_FOR_MAX_US + 1;
    assert_int_equal(tickets_issue(&t, &ask, NOON, &made, password), SP_ELIMIT);
    ask.for_us = 300 * SECOND;
    ask.user = "";
    assert_int_equal(tickets_issue(&t, &ask, NOON, &made, password), SP_EVALUE);
    ask.user = "alice";
    ask.target = NULL;
    assert_int_equal(tickets_issue(&t, &ask, NOON, &made, password), SP_EVALUE);
    ask.target = "web01";
    for (size_t i = 0; i < TICKETS_MAX; i++)
        assert_int_equal(tickets_issue(&t, &ask, NOON, &made, password), SP_OK);
    made = NULL;
    assert_int_equal(tickets_issue(&t, &ask, NOON, &made, password), SP_ELIMIT);
    assert_null(made);
    assert_int_equal(password[0], 0);
    tickets_clear(&t);
}

static void good_once(void **state)
{
    struct tickets t = {0};
    struct ticket *ticket = issue(&t, NULL);

    (void)state;
    assert_int_equal(tickets_judge(&t, ticket, here, NOON), TICKET_GOOD);
    tickets_use(&t, ticket, NOON);
    for (int i = 0; i < 100; i++)
        assert_int_equal(tickets_judge(&t, ticket, here, NOON), TICKET_WAS_USED);
    assert_int_equal(tickets_revoke(&t, ticket, NOON), SP_ESTATE);
    tickets_clear(&t);
}

static void revoked(void **state)
{
    struct tickets t = {0};
    struct ticket *ticket = issue(&t, NULL);

    (void)state;
    assert_int_equal(tickets_revoke(&t, ticket, NOON), SP_OK);
    assert_int_equal(tickets_judge(&t, ticket, here, NOON), TICKET_WAS_REVOKED);
    assert_int_equal(tickets_revoke(&t, ticket, NOON), SP_ESTATE);
    tickets_clear(&t);
}

static void for_one_source(void **state)
{
    struct tickets t = {0};
    struct net source;

    (void)state;
    assert_int_equal(net_read("192.0.2.7", &source), SP_OK);
    struct ticket *ticket = issue(&t, &source);
    assert_int_equal(tickets_judge(&t, ticket, there, NOON), TICKET_WRONG_SOURCE);
    assert_int_equal(tickets_judge(&t, ticket, here, NOON), TICKET_GOOD);
    tickets_clear(&t);
}

static void for_its_time_whatever_the_clock_does(void **state)
{
    struct tickets t = {0};
    struct ticket *ticket = issue(&t, NULL);

    (void)state;
    assert_int_equal(tickets_judge(&t, ticket, here, NOON + 300 * SECOND - 1), TICKET_GOOD);
    /* Set back by an hour: what was left stays what is left. */
    assert_int_equal(tickets_judge(&t, ticket, here, NOON - 3600 * SECOND), TICKET_GOOD);
    assert_int_equal(tickets_judge(&t, ticket, here, NOON + 300 * SECOND), TICKET_EXPIRED);
    assert_int_equal(tickets_judge(&t, ticket, here, NOON - 3600 * SECOND), TICKET_EXPIRED);
    tickets_clear(&t);
}

static void forgotten_after_a_day(void **state)
{
    struct tickets t = {0};
    struct ticket *a = issue(&t, NULL);
    char first[TICKET_ID_SIZE], id[TICKET_ID_SIZE] = "";

    (void)state;
    memcpy(first, a->id, sizeof(first));
    tickets_use(&t, a, NOON);
    issue(&t, NULL);
    assert_false(tickets_expire(&t, NOON + TICKET_KEPT_US - 1, id));
    assert_true(tickets_expire(&t, NOON + TICKET_KEPT_US, id));
    assert_string_equal(id, first);
    assert_null(tickets_find(&t, first));
    assert_int_equal(t.count, 1);
    assert_false(tickets_expire(&t, NOON + TICKET_KEPT_US, id));
    assert_true(tickets_expire(&t, NOON + TICKET_KEPT_US + 300 * SECOND, id));
    assert_int_equal(t.count, 0);
    tickets_clear(&t);
}

static void there_and_back(void **state)
{
    struct tickets t = {0}, u = {0};
    struct net source;

    (void)state;
    assert_int_equal(net_read("2001:db8::/32", &source), SP_OK);
    tickets_use(&t, issue(&t, &source), NOON + SECOND);
    assert_int_equal(tickets_revoke(&t, issue(&t, NULL), NOON + SECOND), SP_OK);
    issue(&t, NULL);
    for (size_t i = 0; i < t.count; i++) {
        json_t *body = ticket_body(&t.list[i]);

        assert_int_equal(tickets_load(&u, t.list[i].id, body, t.list[i].nt_hash, 16), SP_OK);
        assert_int_equal(tickets_load(&u, t.list[i].id, body, t.list[i].nt_hash, 16), SP_EVALUE);
        assert_memory_equal(&u.list[i], &t.list[i], sizeof(t.list[i]));
        json_decref(body);
    }
    assert_int_equal(u.latest_us, NOON + SECOND);
    assert_string_equal(ticket_state_word(&u.list[0], NOON), "used");
    assert_string_equal(ticket_state_word(&u.list[2], NOON), "unused");
    assert_string_equal(ticket_state_word(&u.list[2], NOON + 302 * SECOND), "expired");
    tickets_clear(&t);
    tickets_clear(&u);
}

/* Every damaged field is refused, and so is every missing one. */
static void rows_that_are_damaged(void **state)
{
    static const char *const damage[] = {"{\"user\":\"\"}",
                                         "{\"user\":7}",
                                         "{\"target\":\"\"}",
                                         "{\"state\":\"new\"}",
                                         "{\"state\":\"used\"}",
                                         "{\"ended_us\":1}",
                                         "{\"issued_us\":-1}",
                                         "{\"issued_us\":\"1\"}",
                                         "{\"expires_us\":9223372036854775807}",
                                         "{\"expires_us\":0}",
                                         "{\"source\":\"nowhere\"}",
                                         "{\"source\":null}",
                                         "{\"by_uid\":\"root\"}"};
    static const char *const needed[] = {"user",       "target",   "state", "issued_us",
                                         "expires_us", "ended_us", "by_uid"};
    struct tickets t = {0}, u = {0};
    const struct ticket *ticket = issue(&t, NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(damage) / sizeof(damage[0]); i++) {
        json_t *body = ticket_body(ticket), *bad = json_loads(damage[i], 0, NULL);

        json_object_update(body, bad);
        assert_int_equal(tickets_load(&u, ticket->id, body, ticket->nt_hash, 16), SP_EVALUE);
        json_decref(body);
        json_decref(bad);
    }
    for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
        json_t *body = ticket_body(ticket);

        json_object_del(body, needed[i]);
        assert_int_equal(tickets_load(&u, ticket->id, body, ticket->nt_hash, 16), SP_EVALUE);
        json_decref(body);
    }
    json_t *body = ticket_body(ticket);
    assert_int_equal(tickets_load(&u, ticket->id, body, ticket->nt_hash, 15), SP_EVALUE);
    assert_int_equal(tickets_load(&u, "t-short", body, ticket->nt_hash, 16), SP_EVALUE);
    json_decref(body);
    assert_int_equal(u.count, 0);
    tickets_clear(&t);
}

static void every_verdict_has_a_reason(void **state)
{
    (void)state;
    for (int i = 0; i < TICKET_VERDICT_COUNT; i++)
        assert_string_not_equal(ticket_verdict_reason((enum ticket_verdict)i), "?");
    assert_string_equal(ticket_verdict_reason(TICKET_VERDICT_COUNT), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(name_and_password),
        cmocka_unit_test(what_cannot_be_issued),
        cmocka_unit_test(good_once),
        cmocka_unit_test(revoked),
        cmocka_unit_test(for_one_source),
        cmocka_unit_test(for_its_time_whatever_the_clock_does),
        cmocka_unit_test(forgotten_after_a_day),
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(rows_that_are_damaged),
        cmocka_unit_test(every_verdict_has_a_reason),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
