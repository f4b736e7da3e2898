/* SPDX-License-Identifier: Apache-2.0
 * What the signer's files share.
 */
#ifndef SP_KEEPER_SIGNER_PRIV_H
#define SP_KEEPER_SIGNER_PRIV_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "keeper/signer.h"

enum key_kind { KEY_P256 = 1, KEY_P384 = 2, KEY_RSA = 4 };

struct signer {
    EVP_PKEY *key;
    enum key_kind kind;
    X509 *leaf;             /* of signer_check_matches_cert, else NULL */
    STACK_OF(X509) * chain; /* what follows it in the file; may be NULL */
};

#endif
