/* SPDX-License-Identifier: Apache-2.0
 * The handshakes that the spawner plays: they come as far as signing and leave nothing behind.
 */
#include "session/warm_up.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/err.h>

#include <cmocka.h>

#include "back/back_tls.h"
#include "front/keyless.h"
#include "support/identity.h"

static unsigned asked;

static enum sp_err refuse(void *arg, uint16_t scheme, const uint8_t *tbs, size_t tbs_size,
                          uint8_t *sig, size_t *sig_size)
{
    (void)arg, (void)scheme, (void)tbs, (void)tbs_size, (void)sig, (void)sig_size;
    asked++;
    return SP_EDENIED;
}

static void play(uint16_t tls_min, unsigned signatures)
{
    static struct identity id;
    struct sp_fail fail = {0};

    identity_make(IDENTITY_P256, 1, &id);
    SSL_CTX *front = keyless_context_new(id.cert, id.cert_size, tls_min, &fail);
    SSL_CTX *back = back_context_new(NULL, &fail);
    assert_non_null(front);
    assert_non_null(back);
    asked = 0;
    warm_up_tls(front, back);
    assert_int_equal(asked, signatures);
    assert_int_equal(ERR_peek_error(), 0);
    SSL_CTX_free(front);
    SSL_CTX_free(back);
}

static void both_versions_come_to_the_signature(void **state)
{
    (void)state;
    keyless_set_signer(refuse, NULL);
    play(TLS1_2_VERSION, 2);
}

static void a_version_that_is_off_is_no_harm(void **state)
{
    (void)state;
    keyless_set_signer(refuse, NULL);
    play(TLS1_3_VERSION, 1);
}

static void nobody_signs_in_the_spawner(void **state)
{
    (void)state;
    keyless_set_signer(NULL, NULL);
    play(TLS1_2_VERSION, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_versions_come_to_the_signature),
        cmocka_unit_test(a_version_that_is_off_is_no_harm),
        cmocka_unit_test(nobody_signs_in_the_spawner),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
