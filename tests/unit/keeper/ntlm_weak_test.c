/* SPDX-License-Identifier: Apache-2.0
 * Whole exchanges between our initiator, acceptor and keeper: one that works, and 30 weak ones
 * that must not (security check NLA-04), each made by a client that knows the password.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/ntlm_verify.h"
#include "support/nla.h"
#include "rdp/ntlm_acceptor.h"
#include "rdp/ntlm_initiator.h"

#define HASH       "ntlm_values/freerdp_nt_hash"
#define NOW        UINT64_C(0x01dd7a91d39b4d80)
#define MIC_OFFSET 72
#define PAIRS_MAX  1024

static const struct ntlm_names names = {"LAB", "FRONT", "lab.test", "front.lab.test"};
static const uint8_t server_challenge[NTLM_CHALLENGE_SIZE] = {1, 2, 3, 4, 5, 6, 7, 8};
static const uint8_t user[] = {'a', 0, 'l', 0, 'i', 0, 'c', 0, 'e', 0};
static const uint8_t domain[] = {'L', 0, 'A', 0, 'B', 0};

/* A client that can be told to misbehave at each place. */
struct client {
    uint8_t negotiate[64], challenge[NTLM_CHALLENGE_MAX], pairs[PAIRS_MAX];
    size_t negotiate_size, challenge_size, pairs_size;
    uint32_t flags;
    bool has_old_response; /* NTLMv1 or less in place of NTLMv2 */
    size_t nt_size, lm_size, key_size, user_size;
    bool has_no_mic_field;
    int mic_bit; /* flipped, -1 for none */
};

/* One way of being weak. */
struct weakness {
    const char *name;
    void (*spoil)(struct client *c); /* NULL: the response is cut to old_size */
    bool in_negotiate;               /* refused with the first token already   */
    size_t old_size;
};

/* ---- the client's messages ---- */

static struct ntlm_bind_answer respond(const struct client *c)
{
    struct ntlm_bind_ask ask = {.time = NOW,
                                .user = {user, c->user_size},
                                .domain = {domain, sizeof(domain)},
                                .av_pairs = {c->pairs, c->pairs_size}};
    struct ntlm_bind_answer answer;

    memcpy(ask.server_challenge, server_challenge, sizeof(server_challenge));
    assert_int_equal(ntlm_bind(&ask, nla_golden(HASH).data, &answer), SP_OK);
    return answer;
}

/* Write an AUTHENTICATE whose payload begins at 72, where a MIC would stand. */
static void drop_mic_field(uint8_t *message, size_t *size)
{
    static const size_t offsets[] = {16, 24, 32, 40, 48, 56};

    memmove(message + MIC_OFFSET, message + MIC_OFFSET + NTLM_KEY_SIZE,
            *size - MIC_OFFSET - NTLM_KEY_SIZE);
    *size -= NTLM_KEY_SIZE;
    for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++) {
        unsigned at = message[offsets[i]] | (unsigned)message[offsets[i] + 1] << 8;

        message[offsets[i]] = (uint8_t)(at - NTLM_KEY_SIZE);
        message[offsets[i] + 1] = (uint8_t)((at - NTLM_KEY_SIZE) >> 8);
    }
}

static void add_mic(const struct client *c, const uint8_t *key, uint8_t *message, size_t size)
{
    struct ntlm_transcript t = {c->negotiate,      c->challenge,      message,
                                c->negotiate_size, c->challenge_size, size};
    uint8_t mic[NTLM_KEY_SIZE];

    ntlm_mic(key, &t, mic);
    if (c->mic_bit >= 0)
        mic[c->mic_bit / 8] ^= (uint8_t)(1u << c->mic_bit % 8);
    memcpy(message + MIC_OFFSET, mic, sizeof(mic));
}

static size_t write_authenticate(const struct client *c, uint8_t *out, size_t out_size)
{
    struct ntlm_bind_answer answer = respond(c);
    struct ntlm_authenticate a = {.flags = c->flags};
    static const uint8_t zeros[64];
    struct wr w;
    size_t size;

    rd_init(&a.user, user, c->user_size);
    rd_init(&a.domain, domain, sizeof(domain));
    rd_init(&a.workstation, domain, 0);
    rd_init(&a.lm_response, zeros, c->lm_size);
    rd_init(&a.nt_response, answer.nt_response,
            c->has_old_response ? c->nt_size : answer.nt_response_size);
    rd_init(&a.encrypted_random_session_key, answer.encrypted_random_session_key, c->key_size);
    wr_init(&w, out, out_size);
    assert_int_equal(ntlm_authenticate_write(&w, &a), SP_OK);
    size = w.pos;
    if (c->has_no_mic_field)
        drop_mic_field(out, &size);
    else
        add_mic(c, answer.exported_key, out, size);
    return size;
}

/* ---- the exchange ---- */

static enum sp_err ask_keeper(const struct ntlm_acceptor *a, uint8_t key[NTLM_KEY_SIZE])
{
    struct ntlm_verify_input in;
    struct ntlm_verify_ask ask;

    assert_int_equal(ntlm_acceptor_verify_input(a, &in), SP_OK);
    ask = (struct ntlm_verify_ask){.user = {in.user.at, in.user.left},
                                   .domain = {in.domain.at, in.domain.left},
                                   .nt_response = {in.nt_response.at, in.nt_response.left},
                                   .messages = in.messages};
    memcpy(ask.server_challenge, server_challenge, sizeof(server_challenge));
    memcpy(ask.encrypted_random_session_key, in.encrypted_random_session_key, NTLM_KEY_SIZE);
    memcpy(ask.mic, in.mic, NTLM_KEY_SIZE);
    return ntlm_verify_check(&ask, nla_golden(HASH).data, true, key);
}

static enum sp_err send_token(struct ntlm_acceptor *a, const uint8_t *data, size_t size)
{
    uint8_t unused[64];
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    wr_init(&w, unused, sizeof(unused));
    return ntlm_acceptor_token(a, &r, &w);
}

static void prepare(struct client *c)
{
    struct golden g = nla_golden("ntlm_negotiate/freerdp");

    *c = (struct client){.flags = 0xE288B235,
                         .lm_size = 24,
                         .key_size = NTLM_KEY_SIZE,
                         .user_size = sizeof(user),
                         .mic_bit = -1};
    memcpy(c->negotiate, g.data, g.size);
    c->negotiate_size = g.size;
}

/* Take the CHALLENGE and make the AV pairs of an honest client. */
static void take_challenge(struct client *c, struct ntlm_acceptor *a)
{
    struct ntlm_challenge challenge;
    struct wr w;
    struct rd r;

    wr_init(&w, c->challenge, sizeof(c->challenge));
    assert_int_equal(ntlm_acceptor_challenge(a, server_challenge, NOW, &w), SP_OK);
    c->challenge_size = w.pos;
    rd_init(&r, c->challenge, c->challenge_size);
    assert_int_equal(ntlm_challenge_read(&r, &challenge), SP_OK);
    wr_init(&w, c->pairs, sizeof(c->pairs));
    assert_int_equal(ntlm_target_info_augment(&w, challenge.target_info, "TERMSRV/front"), SP_OK);
    c->pairs_size = w.pos;
}

static void old_response(struct client *c, size_t nt_size)
{
    c->has_old_response = true;
    c->nt_size = nt_size;
}

static void spoil(struct client *c, const struct weakness *weak)
{
    if (weak->spoil != NULL)
        weak->spoil(c);
    else
        old_response(c, weak->old_size);
}

/* One whole exchange. SP_OK only if keeper gave out a key. */
static enum sp_err authenticate(const struct weakness *weak)
{
    static struct ntlm_acceptor a;
    static struct client c;
    uint8_t message[2048], key[NTLM_KEY_SIZE];
    enum sp_err err;

    prepare(&c);
    if (weak != NULL && weak->in_negotiate)
        weak->spoil(&c);
    ntlm_acceptor_init(&a, &names);
    err = send_token(&a, c.negotiate, c.negotiate_size);
    if (err != SP_OK)
        return err;
    assert_false(weak != NULL && weak->in_negotiate);
    take_challenge(&c, &a);
    if (weak != NULL)
        spoil(&c, weak);
    err = send_token(&a, message, write_authenticate(&c, message, sizeof(message)));
    return err != SP_OK ? err : ask_keeper(&a, key);
}

/* ---- the thirty ---- */

static void no_response_at_all(struct client *c)
{
    old_response(c, 0);
    c->lm_size = 0;
}

static void lm_one_byte(struct client *c)
{
    old_response(c, 0);
    c->lm_size = 1;
}

static void no_user(struct client *c)
{
    c->user_size = 0;
}

static void anonymous(struct client *c)
{
    c->user_size = 0;
    old_response(c, 0);
    c->lm_size = 1;
    c->flags |= NTLMSSP_ANONYMOUS;
}

static void anonymous_flag(struct client *c)
{
    c->flags |= NTLMSSP_ANONYMOUS;
}

static void no_key(struct client *c)
{
    c->key_size = 0;
}

static void short_key(struct client *c)
{
    c->key_size = 8;
}

static void no_mic(struct client *c)
{
    c->has_no_mic_field = true;
}

static void first_mic_bit(struct client *c)
{
    c->mic_bit = 0;
}

static void last_mic_bit(struct client *c)
{
    c->mic_bit = 127;
}

/* Change one byte of the pair's value in the client's list. */
static void spoil_pair(struct client *c, uint16_t id, uint8_t value)
{
    struct rd pairs, found;

    rd_init(&pairs, c->pairs, c->pairs_size);
    assert_true(ntlm_av_find(pairs, id, &found));
    c->pairs[found.at - c->pairs] = value;
}

static void av_flags_clear(struct client *c)
{
    spoil_pair(c, MsvAvFlags, 0);
}

static void av_flags_without_mic_field(struct client *c)
{
    spoil_pair(c, MsvAvFlags, 0);
    c->has_no_mic_field = true;
}

static void other_computer(struct client *c)
{
    spoil_pair(c, MsvAvNbComputerName, 'X');
}

static void other_domain(struct client *c)
{
    spoil_pair(c, MsvAvNbDomainName, 'X');
}

static void other_dns_name(struct client *c)
{
    spoil_pair(c, MsvAvDnsComputerName, 'X');
}

static void other_timestamp(struct client *c)
{
    spoil_pair(c, MsvAvTimestamp, 0xEE);
}

/* Nothing but the end of the list. */
static void no_pairs(struct client *c)
{
    memset(c->pairs, 0, 4);
    c->pairs_size = 4;
}

static void pairs_without_end(struct client *c)
{
    c->pairs_size -= 4;
    c->pairs[c->pairs_size - 2] = 0xFF;
    memset(c->pairs, 0xFF, 4);
}

static void no_seal(struct client *c)
{
    c->flags &= ~NTLMSSP_NEGOTIATE_SEAL;
}

static void no_session_security(struct client *c)
{
    c->flags &= ~NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY;
}

static void no_seal_in_negotiate(struct client *c)
{
    c->negotiate[12] &= (uint8_t)~NTLMSSP_NEGOTIATE_SEAL;
}

static void no_sign_in_negotiate(struct client *c)
{
    c->negotiate[12] &= (uint8_t)~NTLMSSP_NEGOTIATE_SIGN;
}

/* The server saw another NEGOTIATE than the client sent: someone took a flag out on the way. */
static void negotiate_changed_on_the_way(struct client *c)
{
    c->negotiate[15] |= 0x01;
}

static const struct weakness weaknesses[] = {
    {"empty NtResponse", NULL, false, 0},
    {"no response at all", no_response_at_all, false, 0},
    {"LM of one byte", lm_one_byte, false, 0},
    {"NtResponse of 1 byte", NULL, false, 1},
    {"NtResponse of 16 bytes", NULL, false, 16},
    {"NTLMv1", NULL, false, 24},
    {"NtResponse of 25 bytes", NULL, false, 25},
    {"NtResponse of 43 bytes", NULL, false, 43},
    {"NtResponse without AV pairs", NULL, false, 44},
    {"NtResponse cut in its AV pairs", NULL, false, 60},
    {"empty user", no_user, false, 0},
    {"anonymous", anonymous, false, 0},
    {"anonymous flag alone", anonymous_flag, false, 0},
    {"no session key", no_key, false, 0},
    {"session key of 8 bytes", short_key, false, 0},
    {"no MIC field", no_mic, false, 0},
    {"first bit of the MIC", first_mic_bit, false, 0},
    {"last bit of the MIC", last_mic_bit, false, 0},
    {"MIC bit of AV flags cleared", av_flags_clear, false, 0},
    {"MIC bit cleared and no field", av_flags_without_mic_field, false, 0},
    {"other NetBIOS computer", other_computer, false, 0},
    {"other NetBIOS domain", other_domain, false, 0},
    {"other DNS name", other_dns_name, false, 0},
    {"other timestamp", other_timestamp, false, 0},
    {"no AV pairs", no_pairs, false, 0},
    {"AV pairs without an end", pairs_without_end, false, 0},
    {"no SEAL in AUTHENTICATE", no_seal, false, 0},
    {"no ESS in AUTHENTICATE", no_session_security, false, 0},
    {"no SEAL in NEGOTIATE", no_seal_in_negotiate, true, 0},
    {"no SIGN in NEGOTIATE", no_sign_in_negotiate, true, 0},
    {"NEGOTIATE changed on the way", negotiate_changed_on_the_way, false, 0},
};

static void honest_client_is_accepted(void **state)
{
    (void)state;
    assert_int_equal(authenticate(NULL), SP_OK);
}

static void weak_clients_are_refused(void **state)
{
    (void)state;
    assert_true(sizeof(weaknesses) / sizeof(weaknesses[0]) >= 30);
    for (size_t i = 0; i < sizeof(weaknesses) / sizeof(weaknesses[0]); i++) {
        if (authenticate(&weaknesses[i]) == SP_OK)
            fail_msg("accepted: %s", weaknesses[i].name);
    }
}

/* A proof made without the domain, while AUTHENTICATE names one (MS-NLMP 3.2.5.1.2). */
static void proof_without_domain_is_accepted(void **state)
{
    static struct ntlm_acceptor a;
    static struct client c;
    uint8_t message[2048], key[NTLM_KEY_SIZE];
    struct ntlm_bind_ask ask = {.time = NOW, .user = {user, sizeof(user)}};
    struct ntlm_authenticate auth = {.flags = 0xE288B235};
    struct ntlm_bind_answer answer;
    struct wr w;

    (void)state;
    prepare(&c);
    ntlm_acceptor_init(&a, &names);
    assert_int_equal(send_token(&a, c.negotiate, c.negotiate_size), SP_OK);
    take_challenge(&c, &a);
    ask.av_pairs = (struct ntlm_blob){c.pairs, c.pairs_size};
    memcpy(ask.server_challenge, server_challenge, sizeof(server_challenge));
    assert_int_equal(ntlm_bind(&ask, nla_golden(HASH).data, &answer), SP_OK);
    rd_init(&auth.user, user, sizeof(user));
    rd_init(&auth.domain, domain, sizeof(domain));
    rd_init(&auth.nt_response, answer.nt_response, answer.nt_response_size);
    rd_init(&auth.encrypted_random_session_key, answer.encrypted_random_session_key, 16);
    wr_init(&w, message, sizeof(message));
    assert_int_equal(ntlm_authenticate_write(&w, &auth), SP_OK);
    add_mic(&c, answer.exported_key, message, w.pos);
    assert_int_equal(send_token(&a, message, w.pos), SP_OK);
    assert_int_equal(ask_keeper(&a, key), SP_OK);
    assert_memory_equal(key, answer.exported_key, NTLM_KEY_SIZE);
}

/* Our back against our front: initiator, acceptor, both keeper verbs, one sealed message each. */
static void our_two_roles_agree(void **state)
{
    static struct ntlm_acceptor a;
    static struct ntlm_initiator i;
    uint8_t token[4096], key[NTLM_KEY_SIZE], sealed[64], plain[64];
    struct ntlm_bind_input in;
    struct ntlm_bind_ask ask = {.user = {user, sizeof(user)}, .domain = {domain, sizeof(domain)}};
    struct ntlm_bind_answer answer;
    struct ntlm_proof_parts bound;
    struct ntlm_seal seal;
    struct wr w, none;
    struct rd r;

    (void)state;
    assert_int_equal(ntlm_initiator_init(&i, "front.lab.test"), SP_OK);
    wr_init(&w, token, sizeof(token));
    assert_int_equal(ntlm_initiator_negotiate(&i, &w), SP_OK);
    ntlm_acceptor_init(&a, &names);
    assert_int_equal(send_token(&a, token, w.pos), SP_OK);
    wr_init(&w, token, sizeof(token));
    assert_int_equal(ntlm_acceptor_challenge(&a, server_challenge, NOW, &w), SP_OK);
    rd_init(&r, token, w.pos);
    assert_int_equal(ntlm_initiator_challenge(&i, &r, 1, &in), SP_OK);
    ask.time = in.time;
    ask.av_pairs = (struct ntlm_blob){in.av_pairs.at, in.av_pairs.left};
    memcpy(ask.server_challenge, in.server_challenge, sizeof(ask.server_challenge));
    assert_int_equal(ntlm_bind(&ask, nla_golden(HASH).data, &answer), SP_OK);
    bound = (struct ntlm_proof_parts){
        .flags = in.flags, .negotiate = in.negotiate, .challenge = in.challenge};
    rd_init(&bound.nt_response, answer.nt_response, answer.nt_response_size);
    rd_init(&bound.user, user, sizeof(user));
    rd_init(&bound.domain, domain, sizeof(domain));
    memcpy(bound.encrypted_random_session_key, answer.encrypted_random_session_key, 16);
    memcpy(bound.exported_key, answer.exported_key, 16);
    wr_init(&w, token, sizeof(token));
    assert_int_equal(ntlm_authenticate_prove(&bound, &w), SP_OK);
    assert_int_equal(send_token(&a, token, w.pos), SP_OK);
    assert_int_equal(ask_keeper(&a, key), SP_OK);
    wr_init(&none, token, 0);
    assert_int_equal(ntlm_acceptor_accept(&a, key, &none), SP_OK);
    ntlm_seal_init(&seal, answer.exported_key, false);
    ntlm_wrap(&seal, (const uint8_t *)"hash", 4, sealed);
    assert_int_equal(ntlm_unwrap(&a.seal, sealed, 20, plain, NULL), SP_OK);
    ntlm_wrap(&a.seal, (const uint8_t *)"echo", 4, sealed);
    assert_int_equal(ntlm_unwrap(&seal, sealed, 20, plain, NULL), SP_OK);
    assert_memory_equal(plain, "echo", 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(honest_client_is_accepted),
        cmocka_unit_test(weak_clients_are_refused),
        cmocka_unit_test(proof_without_domain_is_accepted),
        cmocka_unit_test(our_two_roles_agree),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
