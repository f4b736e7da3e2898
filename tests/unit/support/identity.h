/* SPDX-License-Identifier: Apache-2.0
 * Keys and self-signed certificates of every kind, made for a test.
 */
#ifndef SP_TEST_IDENTITY_H
#define SP_TEST_IDENTITY_H

#include <stddef.h>

enum identity_kind {
    IDENTITY_P256,
    IDENTITY_P384,
    IDENTITY_RSA,
    IDENTITY_KINDS, /* what we serve ends here */
    IDENTITY_RSA_SMALL = IDENTITY_KINDS,
    IDENTITY_P521,
    IDENTITY_ED25519,
};

struct identity {
    char key[4096], cert[4096]; /* PEM, NUL-terminated */
    size_t key_size, cert_size;
};

/*
 * Make a key and a certificate for "gate.test", valid from now for days (negative: expired).
 * A failure ends the test program.
 */
void identity_make(enum identity_kind kind, int days, struct identity *out);

#endif
