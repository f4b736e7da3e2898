/* SPDX-License-Identifier: Apache-2.0
 * The provider's signatures: collect what is to be signed, name its TLS scheme, ask the signer.
 */
#include "front/keyless_priv.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/ipc_msg.h"
#include "base/mem.h"

struct signature {
    bool is_ec, is_pss;
    uint16_t hash; /* low byte of the SignatureScheme: 4, 5, 6; 0 = none that TLS signs with */
    void *key;     /* borrowed: OpenSSL keeps it while the operation lasts */
    size_t tbs_size;
    uint8_t tbs[IPC_TBS_MAX];
};

static keyless_sign_fn *signer;
static void *signer_arg;

void keyless_set_signer(keyless_sign_fn *sign, void *arg)
{
    signer = sign;
    signer_arg = arg;
}

/* RFC 8446 4.2.3. */
static uint16_t scheme_of(const struct signature *s)
{
    unsigned hash = s->hash;
    unsigned scheme = s->is_ec ? hash << 8 | 0x03 : s->is_pss ? 0x0800 | hash : hash << 8 | 0x01;

    return hash == 0 ? 0 : (uint16_t)scheme;
}

static uint16_t hash_of(const char *name)
{
    static const struct {
        const char *name;
        uint16_t hash;
    } hashes[] = {{"SHA256", 4},   {"SHA2-256", 4}, {"SHA384", 5},
                  {"SHA2-384", 5}, {"SHA512", 6},   {"SHA2-512", 6}};

    for (size_t i = 0; name != NULL && i < sizeof(hashes) / sizeof(hashes[0]); i++)
        if (strcasecmp(name, hashes[i].name) == 0)
            return hashes[i].hash;
    return 0;
}

static void *signature_new(bool is_ec)
{
    struct signature *s = calloc(1, sizeof(*s));

    if (s != NULL)
        s->is_ec = is_ec;
    return s;
}

static void *ecdsa_new(void *provctx, const char *properties)
{
    (void)provctx;
    (void)properties;
    return signature_new(true);
}

static void *rsa_new(void *provctx, const char *properties)
{
    (void)provctx;
    (void)properties;
    return signature_new(false);
}

static void signature_free(void *ctx)
{
    free(ctx);
}

static void *signature_dup(void *ctx)
{
    struct signature *copy = malloc(sizeof(*copy));

    if (copy != NULL)
        memcpy(copy, ctx, sizeof(*copy));
    return copy;
}

static int set_params(void *ctx, const OSSL_PARAM params[])
{
    struct signature *s = ctx;
    const OSSL_PARAM *p =
        params == NULL ? NULL : OSSL_PARAM_locate_const(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    int mode = 0;

    if (p == NULL) /* the salt is as long as the digest and MGF1 uses it: TLS knows no other */
        return 1;
    if (p->data_type == OSSL_PARAM_UTF8_STRING)
        mode = strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PSS) == 0       ? RSA_PKCS1_PSS_PADDING
               : strcmp(p->data, OSSL_PKEY_RSA_PAD_MODE_PKCSV15) == 0 ? RSA_PKCS1_PADDING
                                                                      : 0;
    else if (OSSL_PARAM_get_int(p, &mode) != 1)
        return 0;
    s->is_pss = mode == RSA_PKCS1_PSS_PADDING;
    return mode == RSA_PKCS1_PSS_PADDING || mode == RSA_PKCS1_PADDING;
}

static const OSSL_PARAM *settable_params(void *ctx, void *provctx)
{
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return settable;
}

static int sign_init(void *ctx, const char *hash, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    if (key != NULL)
        s->key = key;
    s->tbs_size = 0;
    s->is_pss = false;
    s->hash = hash_of(hash);
    return s->key != NULL && s->hash != 0 && set_params(ctx, params);
}

static int sign_update(void *ctx, const unsigned char *data, size_t size)
{
    struct signature *s = ctx;

    if (size > sizeof(s->tbs) - s->tbs_size)
        return 0;
    memcpy(s->tbs + s->tbs_size, data, size);
    s->tbs_size += size;
    return 1;
}

static int sign(struct signature *s, unsigned char *sig, size_t *used, size_t size,
                const uint8_t *tbs, size_t tbs_size)
{
    int max = EVP_PKEY_get_size(keyless_key_public(s->key));
    uint8_t made[IPC_SIG_MAX];
    size_t made_size = sizeof(made);

    if (max <= 0 || (size_t)max > sizeof(made))
        return 0;
    if (sig == NULL) { /* how long may it become? */
        *used = (size_t)max;
        return 1;
    }
    if (signer == NULL || tbs_size > IPC_TBS_MAX ||
        signer(signer_arg, scheme_of(s), tbs, tbs_size, made, &made_size) != SP_OK)
        return 0;
    if (made_size > size)
        return 0;
    memcpy(sig, made, made_size);
    *used = made_size;
    return 1;
}

static int sign_final(void *ctx, unsigned char *sig, size_t *used, size_t size)
{
    struct signature *s = ctx;

    return sign(s, sig, used, size, s->tbs, s->tbs_size);
}

static int sign_once(void *ctx, unsigned char *sig, size_t *used, size_t size,
                     const unsigned char *tbs, size_t tbs_size)
{
    return sign(ctx, sig, used, size, tbs, tbs_size);
}

/* OpenSSL's tables hold functions of every type as one. */
#define FN(f) ((void (*)(void))(f))
#define SIGNATURE_COMMON                                                                           \
    {OSSL_FUNC_SIGNATURE_FREECTX, FN(signature_free)},                                             \
        {OSSL_FUNC_SIGNATURE_DUPCTX, FN(signature_dup)},                                           \
        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_INIT, FN(sign_init)},                                     \
        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_UPDATE, FN(sign_update)},                                 \
        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN_FINAL, FN(sign_final)},                                   \
        {OSSL_FUNC_SIGNATURE_DIGEST_SIGN, FN(sign_once)},                                          \
        {OSSL_FUNC_SIGNATURE_SET_CTX_PARAMS, FN(set_params)},                                      \
    {                                                                                              \
        OSSL_FUNC_SIGNATURE_SETTABLE_CTX_PARAMS, FN(settable_params)                               \
    }

const OSSL_DISPATCH keyless_ecdsa_functions[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, FN(ecdsa_new)},
    SIGNATURE_COMMON,
    {0, NULL},
};

const OSSL_DISPATCH keyless_rsa_functions[] = {
    {OSSL_FUNC_SIGNATURE_NEWCTX, FN(rsa_new)},
    SIGNATURE_COMMON,
    {0, NULL},
};
