/* SPDX-License-Identifier: Apache-2.0
 * Tests of explain: what a request may hold, and that the answer is made of it.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keeper/config.h"
#include "keeper/explain.h"

static const char *read(const char *text, struct explain_request *out)
{
    json_t *root = json_loads(text, 0, NULL);

    assert_non_null(root);
    const char *error = explain_read(root, out);
    json_decref(root);
    return error;
}

static void test_refusals(void **state)
{
    static const char *const bad[][2] = {
        {"{}", "needs \"user\""},
        {"{\"user\": \"\"}", "needs \"user\""},
        {"{\"user\": 7}", "needs \"user\""},
        {"{\"user\": \"a\", \"x\": 1}", "not known"},
        {"{\"user\": \"a\", \"target\": 1}", "\"target\""},
        {"{\"user\": \"a\", \"from\": \"10.0.0.0/8\"}", "\"from\""},
        {"{\"user\": \"a\", \"from\": \"here\"}", "\"from\""},
        {"{\"user\": \"a\", \"from\": 1}", "\"from\""},
        {"{\"user\": \"a\", \"at_us\": -1}", "\"at_us\""},
        {"{\"user\": \"a\", \"at_us\": \"now\"}", "\"at_us\""},
        {"{\"user\": \"a\", \"nla\": \"basic\"}", "\"nla\""},
        {"{\"user\": \"a\", \"factor\": \"sms\"}", "\"factor\""},
        {"{\"user\": \"a\", \"factor\": \"totp\", \"factor_at_us\": 0}", "\"factor_at_us\""},
        {"{\"user\": \"a\", \"client\": 1}", "\"client\""},
        {"{\"user\": \"a\", \"build\": 4294967296}", "\"build\""},
        {"{\"user\": \"a\", \"build\": \"1\"}", "\"build\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct explain_request request = {.user = "untouched"};
        const char *error = read(bad[i][0], &request);

        if (error == NULL || strstr(error, bad[i][1]) == NULL)
            fail_msg("%s: %s", bad[i][0], error != NULL ? error : "accepted");
        assert_string_equal(request.user, "untouched");
    }
}

static void test_answer(void **state)
{
    static const char yaml[] =
        "users: [{name: a}]\ntargets: [{name: t, address: h, login: delegate}]\n"
        "rules: [{name: r, users: [a], targets: [t], sources: [192.0.2.1], mfa: totp, fresh: 5m,\n"
        "  clients: {names: [x]}}]\n";
    struct moment now = {.wall_us = 1000000000, .boot_ms = 77};
    struct explain_request request;
    char error[CONFIG_ERROR_SIZE];
    struct config *config = NULL;

    (void)state;
    assert_int_equal(config_parse("f", yaml, sizeof(yaml) - 1, &config, error, sizeof(error)),
                     SP_OK);
    assert_null(read("{\"user\": \"A\", \"target\": \"T\", \"from\": \"192.0.2.1\", \"factor\": "
                     "\"totp\", \"factor_at_us\": 800000000, \"client\": \"x\", \"build\": 1}",
                     &request));
    json_t *answer = explain_answer(config->catalog, &request, &now, "DE", NULL, 0);
    assert_string_equal(json_string_value(json_object_get(answer, "verdict")), "allowed");
    assert_string_equal(json_string_value(json_object_get(answer, "country")), "DE");
    assert_string_equal(json_string_value(json_object_get(answer, "at")),
                        "1970-01-01T00:16:40.000000Z");
    json_decref(answer);
    request.proof.at_us = 600000000; /* too long ago */
    answer = explain_answer(config->catalog, &request, &now, NULL, NULL, 0);
    assert_string_equal(json_string_value(json_object_get(answer, "verdict")), "needs");
    json_decref(answer);
    config_free(config);
}

static int use_utf8(void **state)
{
    (void)state;
    return setlocale(LC_CTYPE, "C.UTF-8") == NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_answer),
    };

    return cmocka_run_group_tests(tests, use_utf8, NULL);
}
