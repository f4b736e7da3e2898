/* SPDX-License-Identifier: Apache-2.0
 * An OpenSSL 3 provider whose keys are public halves of keys that keeper holds.
 *
 * libcrypto offers every key to its default provider first, by exporting it. Our export refuses as
 * soon as the private half is asked for, and so the signature ends up in keyless_signature.c.
 * The provider lives in a library context of its own: nobody else can fetch its algorithms.
 */
#include "front/keyless_priv.h"

#include <openssl/core_names.h>
#include <openssl/obj_mac.h>
#include <openssl/objects.h>
#include <openssl/provider.h>
#include <stdlib.h>

#include "base/mem.h"

#define PROPERTIES "provider=sallyport"

struct keyless_key {
    const char *kind; /* "EC" or "RSA" */
    EVP_PKEY *public_half;
};

EVP_PKEY *keyless_key_public(void *provkey)
{
    struct keyless_key *key = provkey;

    return key->public_half;
}

static void *new_key(const char *kind)
{
    struct keyless_key *key = calloc(1, sizeof(*key));

    if (key != NULL)
        key->kind = kind;
    return key;
}

static void *ec_new(void *provctx)
{
    (void)provctx;
    return new_key("EC");
}

static void *rsa_new(void *provctx)
{
    (void)provctx;
    return new_key("RSA");
}

static void key_free(void *keydata)
{
    struct keyless_key *key = keydata;

    if (key != NULL)
        EVP_PKEY_free(key->public_half);
    free(key);
}

/* Whoever holds the private half: the key can sign, which is what is asked here. */
static int key_has(const void *keydata, int selection)
{
    const struct keyless_key *key = keydata;

    (void)selection;
    return key != NULL && key->public_half != NULL;
}

static int key_match(const void *a, const void *b, int selection)
{
    const struct keyless_key *x = a;
    const struct keyless_key *y = b;

    (void)selection;
    return EVP_PKEY_eq(x->public_half, y->public_half) == 1;
}

static int key_import(void *keydata, int selection, const OSSL_PARAM *params)
{
    struct keyless_key *key = keydata;
    OSSL_PARAM *copy = OSSL_PARAM_dup(params); /* fromdata takes them without const */
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, key->kind, NULL);
    int ok = copy != NULL && ctx != NULL && key->public_half == NULL &&
             EVP_PKEY_fromdata_init(ctx) == 1 &&
             EVP_PKEY_fromdata(ctx, &key->public_half, EVP_PKEY_PUBLIC_KEY, copy) == 1;

    (void)selection;
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(copy);
    return ok;
}

static int key_export(void *keydata, int selection, OSSL_CALLBACK *callback, void *arg)
{
    struct keyless_key *key = keydata;
    OSSL_PARAM *params = NULL;

    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return 0;
    if (EVP_PKEY_todata(key->public_half, EVP_PKEY_PUBLIC_KEY, &params) != 1)
        return 0;
    int ok = callback(params, arg);
    OSSL_PARAM_free(params);
    return ok;
}

static const OSSL_PARAM *key_types(int selection)
{
    static const OSSL_PARAM none[] = {OSSL_PARAM_END};

    (void)selection;
    return none;
}

static int key_get_params(void *keydata, OSSL_PARAM params[])
{
    struct keyless_key *key = keydata;

    return EVP_PKEY_get_params(key->public_half, params);
}

static const OSSL_PARAM *key_gettable(void *provctx)
{
    static const OSSL_PARAM gettable[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return gettable;
}

static const char *ec_operation_name(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

/* OpenSSL's tables hold functions of every type as one. */
#define FN(f) ((void (*)(void))(f))
#define KEY_COMMON                                                                                 \
    {OSSL_FUNC_KEYMGMT_FREE, FN(key_free)}, {OSSL_FUNC_KEYMGMT_HAS, FN(key_has)},                  \
        {OSSL_FUNC_KEYMGMT_MATCH, FN(key_match)}, {OSSL_FUNC_KEYMGMT_IMPORT, FN(key_import)},      \
        {OSSL_FUNC_KEYMGMT_IMPORT_TYPES, FN(key_types)},                                           \
        {OSSL_FUNC_KEYMGMT_EXPORT, FN(key_export)},                                                \
        {OSSL_FUNC_KEYMGMT_EXPORT_TYPES, FN(key_types)},                                           \
        {OSSL_FUNC_KEYMGMT_GET_PARAMS, FN(key_get_params)},                                        \
    {                                                                                              \
        OSSL_FUNC_KEYMGMT_GETTABLE_PARAMS, FN(key_gettable)                                        \
    }

static const OSSL_DISPATCH ec_key_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, FN(ec_new)},
    {OSSL_FUNC_KEYMGMT_QUERY_OPERATION_NAME, FN(ec_operation_name)},
    KEY_COMMON,
    {0, NULL},
};

static const OSSL_DISPATCH rsa_key_functions[] = {
    {OSSL_FUNC_KEYMGMT_NEW, FN(rsa_new)},
    KEY_COMMON,
    {0, NULL},
};

static const OSSL_ALGORITHM key_algorithms[] = {
    {"EC:id-ecPublicKey:1.2.840.10045.2.1", PROPERTIES, ec_key_functions, "keeper's EC keys"},
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, rsa_key_functions, "keeper's RSA keys"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM signature_algorithms[] = {
    {"ECDSA", PROPERTIES, keyless_ecdsa_functions, "keeper signs"},
    {"RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, keyless_rsa_functions, "keeper signs"},
    {NULL, NULL, NULL, NULL},
};

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
    (void)provctx;
    *no_cache = 0;
    if (operation == OSSL_OP_KEYMGMT)
        return key_algorithms;
    return operation == OSSL_OP_SIGNATURE ? signature_algorithms : NULL;
}

static int provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in,
                         const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH functions[] = {
        {OSSL_FUNC_PROVIDER_QUERY_OPERATION, FN(query)},
        {0, NULL},
    };
    static int context; /* a provider must have one; ours knows nothing */

    (void)handle;
    (void)in;
    *out = functions;
    *provctx = &context;
    return 1;
}

/* Lives as long as the process, as every context made from it does. */
static OSSL_LIB_CTX *library(void)
{
    static OSSL_LIB_CTX *lib;

    if (lib != NULL)
        return lib;
    OSSL_LIB_CTX *fresh = OSSL_LIB_CTX_new();
    if (fresh == NULL)
        return NULL;
    if (OSSL_PROVIDER_add_builtin(fresh, "sallyport", provider_init) != 1 ||
        OSSL_PROVIDER_load(fresh, "sallyport") == NULL) {
        OSSL_LIB_CTX_free(fresh);
        return NULL;
    }
    lib = fresh;
    return lib;
}

EVP_PKEY *keyless_key_new(EVP_PKEY *public_half)
{
    const char *kind = EVP_PKEY_is_a(public_half, "EC") ? "EC" : "RSA";
    OSSL_PARAM *params = NULL;
    EVP_PKEY *key = NULL;
    EVP_PKEY_CTX *ctx = NULL;

    if (library() != NULL)
        ctx = EVP_PKEY_CTX_new_from_name(library(), kind, PROPERTIES);
    if (ctx != NULL && EVP_PKEY_todata(public_half, EVP_PKEY_PUBLIC_KEY, &params) == 1 &&
        EVP_PKEY_fromdata_init(ctx) == 1)
        (void)EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}
