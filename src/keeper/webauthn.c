/* SPDX-License-Identifier: Apache-2.0
 * WebAuthn: the checks of registrations and assertions.
 */
#include "keeper/webauthn.h"

#include <fido.h>
#include <fido/eddsa.h>
#include <fido/es256.h>
#include <fido/rs256.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <string.h>

#include "base/mem.h"

#define FLAG_UP 0x01u
#define FLAG_UV 0x04u
#define FLAG_BE 0x08u
#define FLAG_BS 0x10u

static enum sp_err refuse(const char **why, enum sp_err err, const char *text)
{
    *why = text;
    return err;
}

static bool is_text(const json_t *root, const char *key, const char *wanted)
{
    const json_t *value = json_object_get(root, key);

    return json_is_string(value) && json_string_length(value) == strlen(wanted) &&
           memcmp(json_string_value(value), wanted, strlen(wanted)) == 0;
}

/* base64url without padding, as 5 of RFC 4648 and WebAuthn want it. */
static bool is_challenge(const json_t *root, const uint8_t challenge[WEBAUTHN_CHALLENGE_SIZE])
{
    const json_t *value = json_object_get(root, "challenge");
    uint8_t bytes[WEBAUTHN_CHALLENGE_SIZE];
    size_t used = 0;
    const char *end = NULL;

    if (!json_is_string(value) ||
        sodium_base642bin(bytes, sizeof(bytes), json_string_value(value), json_string_length(value),
                          NULL, &used, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0)
        return false;
    return used == sizeof(bytes) && end == json_string_value(value) + json_string_length(value) &&
           sp_equal_ct(bytes, challenge, sizeof(bytes));
}

/* Spec: WebAuthn 7.1 steps 7 to 11, 7.2 steps 11 to 15 */
static enum sp_err check_client(const struct webauthn_site *site, const char *type,
                                const uint8_t challenge[WEBAUTHN_CHALLENGE_SIZE],
                                const uint8_t *client, size_t size, const char **why)
{
    json_t *root = size <= WEBAUTHN_CLIENT_MAX
                       ? json_loadb((const char *)client, size, JSON_REJECT_DUPLICATES, NULL)
                       : NULL;
    const json_t *cross = json_object_get(root, "crossOrigin");

    *why = NULL;
    if (!json_is_object(root))
        *why = "clientDataJSON is no JSON object";
    else if (!is_text(root, "type", type))
        *why = "clientDataJSON is of another ceremony";
    else if (!is_challenge(root, challenge))
        *why = "another challenge was signed";
    else if (!is_text(root, "origin", site->origin))
        *why = "another origin asked for it";
    else if (cross != NULL && !json_is_false(cross))
        *why = "a frame of another origin asked for it";
    else if (json_object_get(root, "topOrigin") != NULL)
        *why = "a page of another origin was around it";
    json_decref(root);
    return *why == NULL ? SP_OK : SP_EDENIED;
}

/* Spec: WebAuthn 7.1 steps 13 to 18, 7.2 steps 17 to 20 */
static enum sp_err check_auth(const struct webauthn_site *site, const struct webauthn_auth *auth,
                              const char **why)
{
    uint8_t hash[32];
    unsigned size = 0;

    if (EVP_Digest(site->rp_id, strlen(site->rp_id), hash, &size, EVP_sha256(), NULL) != 1)
        return refuse(why, SP_ECRYPTO, "no SHA-256");
    if (!sp_equal_ct(hash, auth->rp_id_hash, sizeof(hash)))
        return refuse(why, SP_EDENIED, "the authenticator signed for another site");
    if ((auth->flags & FLAG_UP) == 0)
        return refuse(why, SP_EDENIED, "nobody touched the authenticator");
    if (site->needs_uv && (auth->flags & FLAG_UV) == 0)
        return refuse(why, SP_EDENIED, "the authenticator did not verify its user");
    if ((auth->flags & FLAG_BS) != 0 && (auth->flags & FLAG_BE) == 0)
        return refuse(why, SP_EDENIED, "backed up, but not eligible for backup");
    return SP_OK;
}

static bool is_offered(int64_t alg)
{
    return alg == WEBAUTHN_ES256 || alg == WEBAUTHN_EDDSA || alg == WEBAUTHN_RS256;
}

static bool hash_client(const uint8_t *client, size_t size, uint8_t out[32])
{
    unsigned used = 0;

    return EVP_Digest(client, size, out, &used, EVP_sha256(), NULL) == 1 && used == 32;
}

/* libfido2's own view of a registration: it parses the key, and checks the rest once more. */
static bool fill_cred(fido_cred_t *cred, const struct webauthn_site *site,
                      const struct webauthn_registration *in)
{
    uint8_t hash[32];

    return hash_client(in->client, in->client_size, hash) &&
           fido_cred_set_type(cred, (int)in->auth.alg) == FIDO_OK &&
           fido_cred_set_clientdata_hash(cred, hash, sizeof(hash)) == FIDO_OK &&
           fido_cred_set_rp(cred, site->rp_id, NULL) == FIDO_OK &&
           fido_cred_set_uv(cred, site->needs_uv ? FIDO_OPT_TRUE : FIDO_OPT_OMIT) == FIDO_OK &&
           fido_cred_set_authdata_raw(cred, in->auth.raw, in->auth.raw_size) == FIDO_OK;
}

/* Spec: WebAuthn 8.2 (packed), 8.7 (none: nothing was signed) */
static bool verify_statement(fido_cred_t *cred, const struct webauthn_registration *in)
{
    if (!in->is_packed)
        return true;
    if (fido_cred_set_fmt(cred, "packed") != FIDO_OK ||
        fido_cred_set_sig(cred, in->signature, in->signature_size) != FIDO_OK)
        return false;
    if (in->x509_size == 0)
        return in->statement_alg == in->auth.alg && fido_cred_verify_self(cred) == FIDO_OK;
    return in->statement_alg == WEBAUTHN_ES256 &&
           fido_cred_set_x509(cred, in->x509, in->x509_size) == FIDO_OK &&
           fido_cred_verify(cred) == FIDO_OK;
}

static bool take_key(const fido_cred_t *cred, const struct webauthn_registration *in,
                     struct webauthn_key *out)
{
    size_t size = fido_cred_pubkey_len(cred);

    if (fido_cred_pubkey_ptr(cred) == NULL || size == 0 || size > sizeof(out->key) ||
        fido_cred_id_len(cred) != in->auth.id_size ||
        memcmp(fido_cred_id_ptr(cred), in->auth.id, in->auth.id_size) != 0)
        return false;
    memcpy(out->key, fido_cred_pubkey_ptr(cred), size);
    out->key_size = (uint16_t)size;
    memcpy(out->id, in->auth.id, in->auth.id_size);
    out->id_size = in->auth.id_size;
    out->alg = in->auth.alg;
    out->sign_count = in->auth.sign_count;
    out->is_backup_eligible = (in->auth.flags & FLAG_BE) != 0;
    out->is_backed_up = (in->auth.flags & FLAG_BS) != 0;
    return true;
}

enum sp_err webauthn_register(const struct webauthn_site *site,
                              const uint8_t challenge[WEBAUTHN_CHALLENGE_SIZE],
                              const struct webauthn_registration *in, const uint8_t *handle,
                              size_t handle_size, struct webauthn_key *out, const char **why)
{
    struct webauthn_key made = {0};
    enum sp_err err =
        check_client(site, "webauthn.create", challenge, in->client, in->client_size, why);

    if (err == SP_OK)
        err = check_auth(site, &in->auth, why);
    if (err != SP_OK)
        return err;
    if (handle_size == 0 || handle_size > sizeof(made.handle))
        return refuse(why, SP_EVALUE, "no handle of the person");
    if (!in->auth.has_credential)
        return refuse(why, SP_EVALUE, "there is no key in it");
    if (!is_offered(in->auth.alg))
        return refuse(why, SP_EDENIED, "the key is of an algorithm that was not offered");
    fido_cred_t *cred = fido_cred_new();
    if (cred == NULL || !fill_cred(cred, site, in))
        err = refuse(why, SP_EVALUE, "the key in it cannot be read");
    else if (!verify_statement(cred, in))
        err = refuse(why, SP_ECRYPTO, "the attestation's signature does not verify");
    else if (!take_key(cred, in, &made))
        err = refuse(why, SP_EVALUE, "the key in it cannot be read");
    fido_cred_free(&cred);
    if (err != SP_OK)
        return err;
    memcpy(made.handle, handle, handle_size);
    made.handle_size = (uint16_t)handle_size;
    *out = made;
    return SP_OK;
}

/* libfido2 takes each algorithm's key in a type of its own. */
static int verify_by(fido_assert_t *assert, const struct webauthn_key *key)
{
    es256_pk_t *es256 = es256_pk_new();
    rs256_pk_t *rs256 = rs256_pk_new();
    eddsa_pk_t *eddsa = eddsa_pk_new();
    const void *pk = NULL;

    if (key->alg == WEBAUTHN_ES256 && es256 != NULL &&
        es256_pk_from_ptr(es256, key->key, key->key_size) == FIDO_OK)
        pk = es256;
    if (key->alg == WEBAUTHN_RS256 && rs256 != NULL &&
        rs256_pk_from_ptr(rs256, key->key, key->key_size) == FIDO_OK)
        pk = rs256;
    if (key->alg == WEBAUTHN_EDDSA && eddsa != NULL &&
        eddsa_pk_from_ptr(eddsa, key->key, key->key_size) == FIDO_OK)
        pk = eddsa;
    int code =
        pk != NULL ? fido_assert_verify(assert, 0, (int)key->alg, pk) : FIDO_ERR_INVALID_ARGUMENT;
    es256_pk_free(&es256);
    rs256_pk_free(&rs256);
    eddsa_pk_free(&eddsa);
    return code;
}

static bool verify_assertion(const struct webauthn_site *site, const struct webauthn_assertion *in,
                             const struct webauthn_key *key)
{
    uint8_t hash[32], wrapped[WEBAUTHN_AUTH_MAX + 3];
    fido_assert_t *assert = fido_assert_new();
    bool is_good =
        assert != NULL &&hash_client(in->client, in->client_size, hash) &&
        fido_assert_set_clientdata_hash(assert, hash, sizeof(hash)) ==
            FIDO_OK &&fido_assert_set_rp(assert, site->rp_id) ==
            FIDO_OK &&fido_assert_set_count(assert, 1) ==
            FIDO_OK &&fido_assert_set_up(assert, FIDO_OPT_TRUE) ==
            FIDO_OK &&fido_assert_set_uv(assert, site->needs_uv ? FIDO_OPT_TRUE : FIDO_OPT_OMIT) ==
            FIDO_OK;

    /* It wants the data as a CBOR byte string. */
    wrapped[0] = 0x59;
    wrapped[1] = (uint8_t)(in->auth.raw_size >> 8);
    wrapped[2] = (uint8_t)in->auth.raw_size;
    memcpy(wrapped + 3, in->auth.raw, in->auth.raw_size);
    is_good = is_good &&
              fido_assert_set_authdata(assert, 0, wrapped, in->auth.raw_size + 3) == FIDO_OK &&
              fido_assert_set_sig(assert, 0, in->signature, in->signature_size) == FIDO_OK &&
              verify_by(assert, key) == FIDO_OK;
    fido_assert_free(&assert);
    return is_good;
}

static enum sp_err check_owner(const struct webauthn_assertion *in, const struct webauthn_key *key,
                               const char **why)
{
    if (in->id_size != key->id_size || memcmp(in->id, key->id, key->id_size) != 0)
        return refuse(why, SP_EDENIED, "another key answered");
    if (in->handle_size != 0 && (in->handle_size != key->handle_size ||
                                 memcmp(in->handle, key->handle, key->handle_size) != 0))
        return refuse(why, SP_EDENIED, "the key is another person's");
    return SP_OK;
}

/* Spec: WebAuthn 7.2 steps 19, 21 and 22 */
static enum sp_err check_progress(const struct webauthn_auth *auth, const struct webauthn_key *key,
                                  const char **why)
{
    if (((auth->flags & FLAG_BE) != 0) != key->is_backup_eligible)
        return refuse(why, SP_EDENIED, "its eligibility for backup has changed");
    if ((auth->sign_count != 0 || key->sign_count != 0) && auth->sign_count <= key->sign_count)
        return refuse(why, SP_EDENIED, "its counter did not go on: there may be a copy of the key");
    return SP_OK;
}

enum sp_err webauthn_assert(const struct webauthn_site *site,
                            const uint8_t challenge[WEBAUTHN_CHALLENGE_SIZE],
                            const struct webauthn_assertion *in, struct webauthn_key *key,
                            const char **why)
{
    enum sp_err err = check_owner(in, key, why);

    if (err == SP_OK)
        err = check_client(site, "webauthn.get", challenge, in->client, in->client_size, why);
    if (err == SP_OK)
        err = check_auth(site, &in->auth, why);
    if (err == SP_OK && in->auth.has_credential)
        err = refuse(why, SP_EVALUE, "a key is in an assertion");
    if (err == SP_OK && !verify_assertion(site, in, key))
        err = refuse(why, SP_ECRYPTO, "the signature does not verify");
    if (err == SP_OK)
        err = check_progress(&in->auth, key, why);
    if (err != SP_OK)
        return err;
    key->sign_count = in->auth.sign_count;
    key->is_backed_up = (in->auth.flags & FLAG_BS) != 0;
    return SP_OK;
}

bool webauthn_is_known(const struct webauthn_key *keys, size_t count, const uint8_t *id,
                       size_t id_size)
{
    for (size_t i = 0; i < count; i++) {
        if (keys[i].id_size == id_size && memcmp(keys[i].id, id, id_size) == 0)
            return true;
    }
    return false;
}
