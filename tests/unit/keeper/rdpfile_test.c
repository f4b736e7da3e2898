/* SPDX-License-Identifier: Apache-2.0
 * .rdp files: what stands in them, what is signed, and that no name becomes a setting.
 */
#include "keeper/rdpfile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs7.h>

#include "support/identity.h"

static struct identity ids[IDENTITY_KINDS];
static struct signer *signers[IDENTITY_KINDS];

static const struct rdpfile plain = {.host = "gate.example", .port = 3389, .user = "alice#web01"};

static void settings_as_text(void **state)
{
    struct rdpfile file = plain;
    char out[RDPFILE_TEXT_MAX];

    (void)state;
    assert_int_equal(rdpfile_write(&file, out, sizeof(out)), SP_OK);
    assert_non_null(strstr(out, "full address:s:gate.example:3389\r\n"));
    assert_non_null(strstr(out, "username:s:alice#web01\r\n"));
    assert_non_null(strstr(out, "redirectclipboard:i:0\r\n"));
    assert_non_null(strstr(out, "drivestoredirect:s:\r\n"));
    file.host = "2001:db8::7";
    file.user = NULL;
    file.channels =
        (struct ipc_channels){.clipboard = 3, .drives = 1, .devices = IPC_DEVICE_PRINTERS};
    assert_int_equal(rdpfile_write(&file, out, sizeof(out)), SP_OK);
    assert_non_null(strstr(out, "full address:s:[2001:db8::7]:3389\r\n"));
    assert_null(strstr(out, "username:s:"));
    assert_non_null(strstr(out, "redirectclipboard:i:1\r\n"));
    assert_non_null(strstr(out, "drivestoredirect:s:*\r\n"));
    assert_non_null(strstr(out, "redirectprinters:i:1\r\n"));
    assert_non_null(strstr(out, "redirectcomports:i:0\r\n"));
}

static void no_name_becomes_a_setting(void **state)
{
    struct rdpfile file = plain;
    char out[RDPFILE_TEXT_MAX];

    (void)state;
    file.user = "alice\r\nalternate shell:s:calc.exe";
    assert_int_equal(rdpfile_write(&file, out, sizeof(out)), SP_EVALUE);
    file.user = "alice\x7f";
    assert_int_equal(rdpfile_write(&file, out, sizeof(out)), SP_EVALUE);
    file = plain;
    file.host = "a\nb";
    assert_int_equal(rdpfile_write(&file, out, sizeof(out)), SP_EVALUE);
    file.host = "";
    assert_int_equal(rdpfile_write(&file, out, sizeof(out)), SP_EVALUE);
    assert_int_equal(rdpfile_write(&plain, out, 64), SP_ESPACE);
}

/* The bytes that a client checks, made from the signed text without our code. */
static size_t message_of(const char *const *lines, uint8_t *out)
{
    size_t used = 0;

    for (; *lines != NULL; lines++) {
        for (const char *c = *lines; *c != '\0'; c++) {
            out[used++] = (uint8_t)*c;
            out[used++] = 0;
        }
        memcpy(out + used, "\r\0\n", 4);
        used += 4;
    }
    out[used++] = 0;
    out[used++] = 0;
    return used;
}

static int verify(const char *signed_text, const uint8_t *message, size_t size,
                  const struct identity *id)
{
    const char *at = strstr(signed_text, "signature:s:");
    uint8_t raw[8192];

    assert_non_null(at);
    at += strlen("signature:s:");
    int n = EVP_DecodeBlock(raw, (const unsigned char *)at, (int)strcspn(at, "\r"));
    assert_true(n > 12);
    assert_memory_equal(raw, "\1\0\1\0\1\0\0\0", 8);
    uint32_t der_size = raw[8] | (uint32_t)raw[9] << 8;
    assert_in_range(n - 12 - (int)der_size, 0, 2);
    const unsigned char *der = raw + 12;
    PKCS7 *p7 = d2i_PKCS7(NULL, &der, der_size);
    assert_non_null(p7);
    assert_true(PKCS7_get_detached(p7));
    BIO *pem = BIO_new_mem_buf(id->cert, (int)id->cert_size);
    BIO *data = BIO_new_mem_buf(message, (int)size);
    X509 *cert = PEM_read_bio_X509(pem, NULL, NULL, NULL);
    STACK_OF(X509) *certs = sk_X509_new_null();
    sk_X509_push(certs, cert);
    int good =
        PKCS7_verify(p7, certs, NULL, data, NULL, PKCS7_NOVERIFY | PKCS7_NOINTERN | PKCS7_BINARY);
    sk_X509_pop_free(certs, X509_free);
    BIO_free(data);
    BIO_free(pem);
    PKCS7_free(p7);
    return good == 1;
}

static void the_signature_of_rdpsign(void **state)
{
    static const char text[] = "username:s:x\r\nredirectclipboard:i:1\r\nfull address:s:h:1\r\n"
                               "signscope:s:Old\r\nsignature:s:Old\r\n";
    static const char *const lines[] = {"full address:s:h:1", "redirectclipboard:i:1",
                                        "signscope:s:Full Address,RedirectClipboard", NULL};
    char out[RDPFILE_TEXT_MAX];
    uint8_t message[1024];
    size_t size = message_of(lines, message);

    (void)state;
    for (int i = 0; i < IDENTITY_KINDS; i++) {
        assert_int_equal(rdpfile_sign(text, signers[i], out, sizeof(out)), SP_OK);
        assert_memory_equal(out, text,
                            strlen(text) - strlen("signscope:s:Old\r\nsignature:s:Old\r\n"));
        assert_null(strstr(out, "Old"));
        assert_true(verify(out, message, size, &ids[i]));
        assert_false(verify(out, message, size, &ids[(i + 1) % IDENTITY_KINDS]));
        for (size_t at = 0; at < size; at += 7) {
            message[at] ^= 1;
            assert_false(verify(out, message, size, &ids[i]));
            message[at] ^= 1;
        }
    }
}

static void what_cannot_be_signed(void **state)
{
    char out[RDPFILE_TEXT_MAX], text[RDPFILE_TEXT_MAX] = "full address:s:";
    struct signer *bare = signer_load(ids[0].key, ids[0].key_size, NULL);

    (void)state;
    assert_int_equal(rdpfile_sign("username:s:x\r\n", signers[0], out, sizeof(out)), SP_EVALUE);
    assert_int_equal(rdpfile_sign("", signers[0], out, sizeof(out)), SP_EVALUE);
    assert_int_equal(rdpfile_sign("full address:s:a\nb\r\n", signers[0], out, sizeof(out)),
                     SP_EVALUE);
    assert_int_equal(rdpfile_sign("full address:s:\xff\r\n", signers[0], out, sizeof(out)),
                     SP_EVALUE);
    assert_int_equal(rdpfile_sign("full address:s:a\r\n", bare, out, sizeof(out)), SP_ESTATE);
    assert_int_equal(rdpfile_sign("full address:s:a\r\n", signers[0], out, 100), SP_ESPACE);
    assert_string_equal(out, "");
    memset(text + 15, 'a', RDPFILE_LINE_MAX);
    assert_int_equal(rdpfile_sign(text, signers[0], out, sizeof(out)), SP_ELIMIT);
    text[0] = '\0';
    for (size_t i = 0; i <= RDPFILE_LINES_MAX; i++)
        snprintf(text + 3 * i, 4, "a\r\n");
    assert_int_equal(rdpfile_sign(text, signers[0], out, sizeof(out)), SP_ELIMIT);
    signer_free(bare);
}

static int start(void **state)
{
    (void)state;
    for (int i = 0; i < IDENTITY_KINDS; i++) {
        identity_make((enum identity_kind)i, 1, &ids[i]);
        signers[i] = signer_load(ids[i].key, ids[i].key_size, NULL);
        if (signers[i] == NULL ||
            signer_check_matches_cert(signers[i], ids[i].cert, ids[i].cert_size) != SP_OK)
            return -1;
    }
    return 0;
}

static int end(void **state)
{
    (void)state;
    for (int i = 0; i < IDENTITY_KINDS; i++)
        signer_free(signers[i]);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_as_text),
        cmocka_unit_test(no_name_becomes_a_setting),
        cmocka_unit_test(the_signature_of_rdpsign),
        cmocka_unit_test(what_cannot_be_signed),
    };

    return cmocka_run_group_tests(tests, start, end);
}
