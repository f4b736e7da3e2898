/* SPDX-License-Identifier: Apache-2.0
 * Named virtual patches: each attack's bytes go through the product's parser and get their name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "rdp/caps.h"
#include "rdp/channel.h"
#include "rdp/gcc.h"
#include "rdp/info.h"
#include "rdp/licence.h"
#include "rdp/mcs.h"
#include "rdp/ntlm.h"
#include "rdp/rdstls.h"
#include "session/signatures.h"
#include "support/vector.h"

typedef void feed_fn(struct rd *r, struct sp_fail *fail);

static void of_gcc_client(struct rd *r, struct sp_fail *fail)
{
    static struct gcc_client out;

    sp_ignore(gcc_client_read(r, true, &out));
    *fail = r->fail;
}

static void of_connect_initial(struct rd *r, struct sp_fail *fail)
{
    struct mcs_connect_initial in;
    struct mcs_domain_parameters merged;

    assert_int_equal(mcs_connect_initial_read(r, &in), SP_OK);
    sp_ignore(mcs_domain_parameters_merge(&in, &merged, fail));
}

static void of_client_info(struct rd *r, struct sp_fail *fail)
{
    static struct client_info out;

    sp_ignore(client_info_read(r, &out));
    *fail = r->fail;
}

static void of_confirm_active(struct rd *r, struct sp_fail *fail)
{
    static struct active_pdu out;

    sp_ignore(confirm_active_read(r, &out));
    *fail = r->fail;
}

static void of_authenticate(struct rd *r, struct sp_fail *fail)
{
    struct ntlm_authenticate a;
    struct ntlm_facts facts;
    struct rd none;

    if (ntlm_authenticate_read(r, &a) != SP_OK) {
        *fail = r->fail;
        return;
    }
    rd_init(&none, NULL, 0);
    sp_ignore(ntlm_authenticate_check(&a, none, &facts, fail));
}

static void of_negotiate(struct rd *r, struct sp_fail *fail)
{
    struct ntlm_negotiate out;

    sp_ignore(ntlm_negotiate_read(r, &out));
    *fail = r->fail;
}

static void of_challenge(struct rd *r, struct sp_fail *fail)
{
    struct ntlm_challenge out;
    struct ntlm_av av = {.id = MsvAvTimestamp};

    if (ntlm_challenge_read(r, &out) != SP_OK) {
        *fail = r->fail;
        return;
    }
    while (ntlm_av_next(&out.target_info, &av) == SP_OK && av.id != MsvAvEOL)
        ;
    *fail = out.target_info.fail;
}

static void of_gcc_server(struct rd *r, struct sp_fail *fail)
{
    struct gcc_server out;

    sp_ignore(gcc_server_read(r, &out));
    *fail = r->fail;
}

static void of_licence(struct rd *r, struct sp_fail *fail)
{
    struct licence_pdu out;

    sp_ignore(licence_read(r, &out));
    *fail = r->fail;
}

/* Length, flags and bytes of each chunk. */
static void of_chunks(struct rd *r, struct sp_fail *fail)
{
    struct channel_stream stream = {0};

    while (r->left > 0 && fail->code == SP_OK) {
        struct channel_header header = {.length = rd_u32le(r, "length")};

        header.flags = rd_u32le(r, "flags");
        sp_ignore(channel_stream_step(&stream, CHANNEL_SERVER_TO_CLIENT, &header,
                                      rd_u32le(r, "size"), CHANNEL_CHUNK_MAX, fail));
    }
}

static void of_rdstls_result(struct rd *r, struct sp_fail *fail)
{
    struct rdstls_client client = {0};
    struct rdstls_login login = {.guid = {.size = 2}, .password = {.size = 2}};
    uint8_t out[256];
    struct wr w;
    struct rd first = *r;

    wr_init(&w, out, sizeof(out));
    assert_int_equal(rdstls_client_answer(&client, &first, &login, &w), SP_OK);
    sp_ignore(rdstls_client_result(&client, r));
    *fail = client.fail;
}

struct attack {
    const char *file, *id;
    feed_fn *feed;
    enum ipc_leg leg;
    enum ipc_step step;
};

#define CLIENT IPC_LEG_CLIENT
#define TARGET IPC_LEG_TARGET

static const struct attack attacks[] = {
    {"CVE-2018-8789_authenticate", "CVE-2018-8789", of_authenticate, CLIENT, IPC_STEP_NLA},
    {"CVE-2018-8789_negotiate", "CVE-2018-8789", of_negotiate, CLIENT, IPC_STEP_NLA},
    {"CVE-2018-8789_header", "CVE-2018-8789", of_authenticate, CLIENT, IPC_STEP_NLA},
    {"CVE-2022-24882_empty", "CVE-2022-24882", of_authenticate, CLIENT, IPC_STEP_NLA},
    {"CVE-2020-13396_short", "CVE-2020-13396", of_authenticate, CLIENT, IPC_STEP_NLA},
    {"CVE-2020-11097_pair", "CVE-2020-11097", of_authenticate, CLIENT, IPC_STEP_NLA},
    {"CVE-2019-0708_first", "CVE-2019-0708", of_gcc_client, CLIENT, IPC_STEP_MCS},
    {"CVE-2019-0708_31", "CVE-2019-0708", of_gcc_client, CLIENT, IPC_STEP_MCS},
    {"CVE-2012-0002_0", "CVE-2012-0002", of_connect_initial, CLIENT, IPC_STEP_MCS},
    {"CVE-2012-0002_3", "CVE-2012-0002", of_connect_initial, CLIENT, IPC_STEP_MCS},
    {"CVE-2018-8786_channels", "CVE-2018-8786", of_gcc_client, CLIENT, IPC_STEP_MCS},
    {"CVE-2018-8786_monitors", "CVE-2018-8786", of_gcc_client, CLIENT, IPC_STEP_MCS},
    {"CVE-2018-8786_monitors_ex", "CVE-2018-8786", of_gcc_client, CLIENT, IPC_STEP_MCS},
    {"CVE-2022-23482_mandatory", "CVE-2022-23482", of_gcc_client, CLIENT, IPC_STEP_MCS},
    {"CVE-2022-23482_optional", "CVE-2022-23482", of_gcc_client, CLIENT, IPC_STEP_MCS},
    {"CVE-2025-68670_fffe", "CVE-2025-68670", of_client_info, CLIENT, IPC_STEP_INFO},
    {"CVE-2025-68670_514", "CVE-2025-68670", of_client_info, CLIENT, IPC_STEP_INFO},
    {"CVE-2025-68670_odd", "CVE-2025-68670", of_client_info, CLIENT, IPC_STEP_INFO},
    {"CVE-2022-23481_descriptor", "CVE-2022-23481", of_confirm_active, CLIENT, IPC_STEP_SPLICE},
    {"CVE-2022-23481_short", "CVE-2022-23481", of_confirm_active, CLIENT, IPC_STEP_SPLICE},
    {"CVE-2026-33516_length_0", "CVE-2026-33516", of_confirm_active, CLIENT, IPC_STEP_SPLICE},
    {"CVE-2026-33516_length_3", "CVE-2026-33516", of_confirm_active, CLIENT, IPC_STEP_SPLICE},
    {"CVE-2026-33516_length_65535", "CVE-2026-33516", of_confirm_active, CLIENT, IPC_STEP_SPLICE},
    {"CVE-2026-33516_count", "CVE-2026-33516", of_confirm_active, CLIENT, IPC_STEP_SPLICE},
    {"CVE-2018-8789_challenge", "CVE-2018-8789", of_challenge, TARGET, IPC_STEP_TARGET_NLA},
    {"CVE-2020-11097_target", "CVE-2020-11097", of_challenge, TARGET, IPC_STEP_TARGET_NLA},
    {"CVE-2026-73241_capabilities", "CVE-2026-73241", of_rdstls_result, TARGET,
     IPC_STEP_TARGET_NLA},
    {"CVE-2017-2836_certificate", "CVE-2017-2836", of_gcc_server, TARGET, IPC_STEP_TARGET_MCS},
    {"CVE-2017-2834_size", "CVE-2017-2834", of_licence, TARGET, IPC_STEP_TARGET_LICENCE},
    {"CVE-2026-109255_scopes", "CVE-2026-109255", of_licence, TARGET, IPC_STEP_TARGET_LICENCE},
    {"CVE-2020-11099_licence", "CVE-2020-11099", of_licence, TARGET, IPC_STEP_TARGET_LICENCE},
    {"CVE-2020-9498_more", "CVE-2020-9498", of_chunks, TARGET, IPC_STEP_SPLICE},
    {"CVE-2020-9498_changed", "CVE-2020-9498", of_chunks, TARGET, IPC_STEP_SPLICE},
};
#define ATTACK_COUNT (sizeof(attacks) / sizeof(attacks[0]))

static const struct signature *fire(const struct attack *a, struct sp_fail *fail)
{
    char name[128];
    size_t size;
    struct rd r;

    snprintf(name, sizeof(name), "attacks/%s.hex", a->file);
    uint8_t *data = vector_load(name, &size);
    *fail = (struct sp_fail){0};
    rd_init(&r, data, size);
    a->feed(&r, fail);
    free(data);
    return signature_find(a->leg, a->step, fail);
}

static void each_attack_gets_its_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < ATTACK_COUNT; i++) {
        struct sp_fail fail;
        const struct signature *s = fire(&attacks[i], &fail);

        if (s == NULL || strcmp(s->id, attacks[i].id) != 0)
            fail_msg("%s: %s at %s got %u: %s", attacks[i].file, sp_err_name(fail.code),
                     fail.where != NULL ? fail.where : "-", fail.got, s != NULL ? s->id : "none");
    }
}

/* The two that are proofs over live keys; test_guard.py sends them. */
static bool is_live(const struct signature *s)
{
    return strcmp(s->id, "CVE-2018-0886") == 0;
}

static void each_signature_has_an_attack(void **state)
{
    size_t count;
    const struct signature *table = signature_table(&count);
    bool has_fired[64] = {false};

    (void)state;
    assert_true(count <= 64);
    for (size_t i = 0; i < ATTACK_COUNT; i++) {
        struct sp_fail fail;
        const struct signature *s = fire(&attacks[i], &fail);

        assert_non_null(s);
        has_fired[s - table] = true;
    }
    for (size_t i = 0; i < count; i++) {
        assert_true(strlen(table[i].rule) > 0 && strlen(table[i].id) < 32);
        if (!has_fired[i] && !is_live(&table[i]))
            fail_msg("row %zu, %s at %s, has no attack", i, table[i].id, table[i].where);
    }
}

static void a_live_proof_is_named_by_its_leg(void **state)
{
    struct sp_fail fail = {SP_ECRYPTO, "TSRequest.pubKeyAuth", 0, 0};

    (void)state;
    assert_string_equal(signature_find(CLIENT, IPC_STEP_NLA, &fail)->id, "CVE-2018-0886");
    assert_null(signature_find(TARGET, IPC_STEP_TARGET_NLA, &fail));
    fail.where = "target's pubKeyAuth";
    assert_string_equal(signature_find(TARGET, IPC_STEP_TARGET_NLA, &fail)->id, "CVE-2018-0886");
    assert_int_equal(signature_leg(IPC_STEP_TARGET_NLA), TARGET);
    assert_int_equal(signature_leg(IPC_STEP_INFO), CLIENT);
    assert_int_equal(signature_leg(IPC_STEP_SPLICE), CLIENT);
}

/* What old, odd or broken peers do is a failure and no attack. */
static void mistakes_have_no_name(void **state)
{
    static const struct sp_fail mistakes[] = {
        {SP_ECLOSED, "TPKT.length", 0, 0},
        {SP_EDENIED, "TSRequest.version", 4, 5},
        {SP_EDENIED, "AUTHENTICATE.NtChallengeResponse", 24, 44}, /* an NTLMv1 client */
        {SP_EDENIED, "AUTHENTICATE.UserName", 0, 2},
        {SP_ELIMIT, "CS_NET.channelCount", 32, 31},
        {SP_EVALUE, "CS_CORE.desktopWidth", 0, 1},
        {SP_EVALUE, "TPKT.version", 'G', 3},
        {SP_ESHORT, NULL, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        assert_null(signature_find(CLIENT, IPC_STEP_NLA, &mistakes[i]));
        assert_null(signature_find(TARGET, IPC_STEP_TARGET_NLA, &mistakes[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_attack_gets_its_name),
        cmocka_unit_test(each_signature_has_an_attack),
        cmocka_unit_test(a_live_proof_is_named_by_its_leg),
        cmocka_unit_test(mistakes_have_no_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
