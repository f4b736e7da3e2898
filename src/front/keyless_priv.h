/* SPDX-License-Identifier: Apache-2.0
 * What keyless.c and its OpenSSL provider share.
 */
#ifndef SP_FRONT_KEYLESS_PRIV_H
#define SP_FRONT_KEYLESS_PRIV_H

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "front/keyless.h"

/* keyless_provider.c */

/*
 * Make a key that claims to be complete, signs by asking, and holds only a public half.
 * Returns  the key for EVP_PKEY_free, or NULL
 */
EVP_PKEY *keyless_key_new(EVP_PKEY *public_half);

/* The public half inside a provider's key; provkey is what OpenSSL hands to the provider. */
EVP_PKEY *keyless_key_public(void *provkey);

/* keyless_signature.c */

extern const OSSL_DISPATCH keyless_ecdsa_functions[];
extern const OSSL_DISPATCH keyless_rsa_functions[];

#endif
