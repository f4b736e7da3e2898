/* SPDX-License-Identifier: Apache-2.0
 * The master key in memory, and sealing with what is derived from it.
 */
#include "keeper/vault.h"

#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "keeper/secret.h"
#include "keeper/vault_priv.h"

#define FORM           1
#define CONTEXT        "sallypor" /* of crypto_kdf: 8 bytes     */
#define SUBKEY_ID      100        /* beside every vault_purpose */
#define NONCE_SIZE     crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG_SIZE       crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD_SIZE      (1 + VAULT_ID_SIZE + NONCE_SIZE)
#define PASSPHRASE_MIN 16 /* bytes */
#define CREDENTIAL     "sallyport.master"
#define MESSAGE_SIZE   256

static_assert(VAULT_OVERHEAD == HEAD_SIZE + TAG_SIZE, "the parts of a sealed value");

void vault_key_take(struct vault_key *key, const uint8_t bytes[VAULT_KEY_SIZE])
{
    uint8_t id[crypto_kdf_BYTES_MIN];

    memcpy(key->bytes, bytes, sizeof(key->bytes));
    SP_BUG(crypto_kdf_derive_from_key(id, sizeof(id), SUBKEY_ID, CONTEXT, key->bytes) != 0);
    memcpy(key->id, id, sizeof(key->id));
    key->is_set = true;
}

void vault_key_clear(struct vault_key *key)
{
    sp_wipe(key, sizeof(*key));
}

static struct vault *vault_new(void)
{
    struct vault *v = calloc(1, sizeof(*v));

    SP_BUG(v == NULL || sodium_init() < 0 || pthread_mutex_init(&v->lock, NULL) != 0);
    (void)sodium_mlock(v, sizeof(*v)); /* out of swap where the limits allow it */
    return v;
}

struct vault *vault_new_random(void)
{
    struct vault *v = vault_new();
    uint8_t bytes[VAULT_KEY_SIZE];

    sp_random(bytes, sizeof(bytes));
    vault_key_take(&v->now, bytes);
    sp_wipe(bytes, sizeof(bytes));
    return v;
}

void vault_free(struct vault *v)
{
    if (v == NULL)
        return;
    pthread_mutex_destroy(&v->lock);
    sodium_munlock(v, sizeof(*v)); /* wipes too */
    free(v);
}

/* ---- opening ---- */

static enum sp_err read_passphrase(struct vault *v, const char *path, char *error)
{
    char written[VAULT_PATH_SIZE + 8], text[SECRET_TEXT_MAX], message[SECRET_MESSAGE_MAX];
    enum sp_err err;

    snprintf(written, sizeof(written), "file:%s", path);
    err = secret_resolve(written, "/", text, message, sizeof(message));
    if (err != SP_OK) {
        snprintf(error, VAULT_ERROR_SIZE, "master_key: %s", message);
        return err;
    }
    v->passphrase_size = strlen(text);
    memcpy(v->passphrase, text, v->passphrase_size);
    sp_wipe(text, sizeof(text));
    if (v->passphrase_size >= PASSPHRASE_MIN)
        return SP_OK;
    snprintf(error, VAULT_ERROR_SIZE,
             "master_key: the passphrase in %s is shorter than %d bytes; use a longer one", path,
             PASSPHRASE_MIN);
    return SP_EVALUE;
}

static enum sp_err read_credential(struct vault *v, char *error)
{
    const char *dir = getenv("CREDENTIALS_DIRECTORY");
    char path[VAULT_PATH_SIZE];

    if (dir == NULL || dir[0] != '/') {
        snprintf(error, VAULT_ERROR_SIZE,
                 "master_key: there are no systemd credentials; add LoadCredential=" CREDENTIAL
                 ":FILE to the unit, or use another master_key");
        return SP_ESYS;
    }
    int n = snprintf(path, sizeof(path), "%s/" CREDENTIAL, dir);
    if (n < 0 || (size_t)n >= sizeof(path)) {
        snprintf(error, VAULT_ERROR_SIZE, "master_key: CREDENTIALS_DIRECTORY is too long");
        return SP_ELIMIT;
    }
    return read_passphrase(v, path, error);
}

static enum sp_err make_key(struct vault *v, char *error)
{
    uint8_t bytes[VAULT_KEY_SIZE];

    sp_random(bytes, sizeof(bytes));
    vault_key_take(&v->now, bytes);
    sp_wipe(bytes, sizeof(bytes));
    return vault_file_write(v, v->path, &v->now, error);
}

static enum sp_err load_keys(struct vault *v, bool may_make, char *error)
{
    char path[VAULT_PATH_SIZE + 8];
    enum sp_err err = vault_file_read(v, v->path, &v->now, error);

    if (err == SP_ECLOSED && may_make)
        return make_key(v, error);
    if (err == SP_ECLOSED) {
        snprintf(error, VAULT_ERROR_SIZE,
                 "the master key %s is missing, and there is a store that was sealed with it; put "
                 "the key back where it was",
                 v->path);
        return SP_ESYS;
    }
    if (err != SP_OK)
        return err;
    vault_path_new(v, path);
    err = vault_file_read(v, path, &v->other, error);
    return err == SP_ECLOSED ? SP_OK : err;
}

enum sp_err vault_open(const struct vault_options *options, struct vault **out, char *error)
{
    struct vault *v = vault_new();
    enum sp_err err = SP_OK;
    int n = options->source == VAULT_FILE && options->path[0] != '\0'
                ? snprintf(v->path, sizeof(v->path), "%s", options->path)
                : snprintf(v->path, sizeof(v->path), "%s/master.key", options->state_dir);

    error[0] = '\0';
    v->source = options->source;
    if (n < 0 || (size_t)n >= sizeof(v->path)) {
        snprintf(error, VAULT_ERROR_SIZE, "master_key: the path is too long");
        err = SP_ELIMIT;
    }
    if (err == SP_OK && v->source == VAULT_CREDENTIAL)
        err = read_credential(v, error);
    if (err == SP_OK && v->source == VAULT_PASSPHRASE)
        err = read_passphrase(v, options->path, error);
    if (err == SP_OK)
        err = load_keys(v, options->may_make, error);
    if (err == SP_OK)
        *out = v;
    else
        vault_free(v);
    return err;
}

/* ---- sealing ---- */

static void copy_key(struct vault *v, const uint8_t id[VAULT_ID_SIZE], struct vault_key *out)
{
    pthread_mutex_lock(&v->lock);
    if (id == NULL || (v->now.is_set && memcmp(v->now.id, id, VAULT_ID_SIZE) == 0))
        *out = v->now;
    else if (v->other.is_set && memcmp(v->other.id, id, VAULT_ID_SIZE) == 0)
        *out = v->other;
    else
        *out = (struct vault_key){0};
    pthread_mutex_unlock(&v->lock);
}

static void derive(const struct vault_key *key, enum vault_purpose purpose, uint8_t out[32])
{
    SP_BUG(!key->is_set ||
           crypto_kdf_derive_from_key(out, 32, (uint64_t)purpose, CONTEXT, key->bytes) != 0);
}

void vault_id(struct vault *v, uint8_t out[VAULT_ID_SIZE])
{
    pthread_mutex_lock(&v->lock);
    memcpy(out, v->now.id, VAULT_ID_SIZE);
    pthread_mutex_unlock(&v->lock);
}

void vault_seal(struct vault *v, enum vault_purpose purpose, const void *aad, size_t aad_size,
                const void *plain, size_t plain_size, uint8_t *out)
{
    struct vault_key key;
    uint8_t derived[32];

    copy_key(v, NULL, &key);
    derive(&key, purpose, derived);
    out[0] = FORM;
    memcpy(out + 1, key.id, VAULT_ID_SIZE);
    sp_random(out + 1 + VAULT_ID_SIZE, NONCE_SIZE);
    SP_BUG(crypto_aead_xchacha20poly1305_ietf_encrypt(out + HEAD_SIZE, NULL, plain, plain_size, aad,
                                                      aad_size, NULL, out + 1 + VAULT_ID_SIZE,
                                                      derived) != 0);
    vault_key_clear(&key);
    sp_wipe(derived, sizeof(derived));
}

enum sp_err vault_unseal(struct vault *v, enum vault_purpose purpose, const void *aad,
                         size_t aad_size, const uint8_t *sealed, size_t sealed_size, void *out)
{
    struct vault_key key;
    uint8_t derived[32];

    if (sealed_size < VAULT_OVERHEAD)
        return SP_ESHORT;
    if (sealed[0] != FORM)
        return SP_EVALUE;
    copy_key(v, sealed + 1, &key);
    if (!key.is_set)
        return SP_EDENIED;
    derive(&key, purpose, derived);
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, sealed + HEAD_SIZE,
                                                            sealed_size - HEAD_SIZE, aad, aad_size,
                                                            sealed + 1 + VAULT_ID_SIZE, derived);
    vault_key_clear(&key);
    sp_wipe(derived, sizeof(derived));
    return failed != 0 ? SP_ECRYPTO : SP_OK;
}

void vault_digest(struct vault *v, enum vault_purpose purpose, const void *data, size_t size,
                  uint8_t out[32])
{
    struct vault_key key;
    uint8_t derived[32];

    copy_key(v, NULL, &key);
    derive(&key, purpose, derived);
    SP_BUG(crypto_generichash(out, 32, data, size, derived, sizeof(derived)) != 0);
    vault_key_clear(&key);
    sp_wipe(derived, sizeof(derived));
}
