/* SPDX-License-Identifier: Apache-2.0
 * Signatures over messages of keeper's own: .rdp files.
 */
#include <openssl/err.h>
#include <openssl/pkcs7.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "keeper/signer_priv.h"

/* Heap memory of ours, whatever OpenSSL allocates with. */
static enum sp_err to_der(const PKCS7 *signature, uint8_t **der, size_t *der_size)
{
    int size = i2d_PKCS7(signature, NULL);
    uint8_t *bytes = size > 0 ? malloc((size_t)size) : NULL;
    unsigned char *at = bytes;

    if (bytes == NULL || i2d_PKCS7(signature, &at) != size) {
        free(bytes);
        return SP_ECRYPTO;
    }
    *der = bytes;
    *der_size = (size_t)size;
    return SP_OK;
}

enum sp_err signer_detached(const struct signer *signer, const uint8_t *message,
                            size_t message_size, uint8_t **der, size_t *der_size)
{
    enum sp_err err = SP_ECRYPTO;

    if (signer->leaf == NULL)
        return SP_ESTATE;
    BIO *bio = message_size > INT32_MAX ? NULL : BIO_new_mem_buf(message, (int)message_size);
    PKCS7 *signature =
        bio == NULL ? NULL
                    : PKCS7_sign(signer->leaf, signer->key, signer->chain, bio,
                                 PKCS7_DETACHED | PKCS7_BINARY | PKCS7_NOATTR | PKCS7_NOSMIMECAP);
    if (signature != NULL)
        err = to_der(signature, der, der_size);
    PKCS7_free(signature);
    BIO_free(bio);
    ERR_clear_error();
    return err;
}
