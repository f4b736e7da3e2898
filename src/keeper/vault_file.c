/* SPDX-License-Identifier: Apache-2.0
 * The master key on disk, raw or wrapped, and how one takes the place of another.
 */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "keeper/secret.h"
#include "keeper/vault_priv.h"

/*
 *   sallyport-key 1 raw KEY
 *   sallyport-key 1 argon2id SALT NONCE-AND-WRAPPED-KEY      all in hexadecimal, one line
 */
#define RAW          "sallyport-key 1 raw "
#define WRAPPED      "sallyport-key 1 argon2id "
#define SALT_SIZE    crypto_pwhash_SALTBYTES
#define NONCE_SIZE   crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define WRAPPED_SIZE (NONCE_SIZE + VAULT_KEY_SIZE + crypto_aead_xchacha20poly1305_ietf_ABYTES)
#define FILE_MAX     512
#define ARGON2_OPS   3
#define ARGON2_BYTES (64u * 1024u * 1024u)

void vault_path_new(const struct vault *v, char *out)
{
    snprintf(out, VAULT_PATH_SIZE + 8, "%s.new", v->path);
}

static enum sp_err say(char *error, enum sp_err err, const char *path, const char *what)
{
    snprintf(error, VAULT_ERROR_SIZE, "the master key %s %s", path, what);
    return err;
}

static enum sp_err read_text(const char *path, char *text, char *error)
{
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    ssize_t n;

    if (fd < 0 && errno == ENOENT)
        return SP_ECLOSED;
    if (fd < 0 || fstat(fd, &st) != 0)
        return say(error, SP_ESYS, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return say(error, SP_EVALUE, path, "is not a regular file");
    if (!secret_mode_is_private(st.st_mode, st.st_uid))
        return say(error, SP_EDENIED, path,
                   "is open to others, so that it is a secret no longer; run: chmod 0600 on it, "
                   "start, and then: sallyport vault rotate");
    n = read(fd, text, FILE_MAX - 1);
    if (n < 0)
        return say(error, SP_ESYS, path, strerror(errno));
    text[n] = '\0';
    return SP_OK;
}

/* Exactly size bytes of hexadecimal digits; returns what follows them, or NULL. */
static const char *take_hex(const char *text, uint8_t *out, size_t size)
{
    size_t used = 0;
    const char *end = NULL;

    if (strspn(text, "0123456789abcdef") != size * 2 ||
        sodium_hex2bin(out, size, text, size * 2, NULL, &used, &end) != 0 || used != size)
        return NULL;
    return end;
}

static void wrapping_key(const struct vault *v, const uint8_t salt[SALT_SIZE], uint8_t out[32])
{
    /* Fails only for want of 64 MiB. */
    SP_BUG(crypto_pwhash(out, 32, (const char *)v->passphrase, v->passphrase_size, salt, ARGON2_OPS,
                         ARGON2_BYTES, crypto_pwhash_ALG_ARGON2ID13) != 0);
}

static enum sp_err unwrap(const struct vault *v, const char *path, const char *text,
                          uint8_t out[VAULT_KEY_SIZE], char *error)
{
    uint8_t salt[SALT_SIZE], wrapped[WRAPPED_SIZE], key[32];

    text = take_hex(text, salt, sizeof(salt));
    text = text != NULL && *text == ' ' ? take_hex(text + 1, wrapped, sizeof(wrapped)) : NULL;
    if (text == NULL || strcmp(text, "\n") != 0)
        return say(error, SP_EVALUE, path, "is damaged; put a copy of it back");
    wrapping_key(v, salt, key);
    int failed = crypto_aead_xchacha20poly1305_ietf_decrypt(out, NULL, NULL, wrapped + NONCE_SIZE,
                                                            sizeof(wrapped) - NONCE_SIZE, salt,
                                                            sizeof(salt), wrapped, key);
    sp_wipe(key, sizeof(key));
    return failed == 0 ? SP_OK
                       : say(error, SP_ECRYPTO, path,
                             "does not open with this credential or passphrase, or it is damaged");
}

static enum sp_err parse(const struct vault *v, const char *path, const char *text,
                         uint8_t bytes[VAULT_KEY_SIZE], char *error)
{
    const char *end;

    if (strncmp(text, RAW, sizeof(RAW) - 1) == 0) {
        if (v->source != VAULT_FILE)
            return say(error, SP_EVALUE, path,
                       "is not wrapped, but master_key says that it is; sallyport vault rotate "
                       "wraps it, after a start with master_key: {file: …}");
        end = take_hex(text + sizeof(RAW) - 1, bytes, VAULT_KEY_SIZE);
        if (end != NULL && strcmp(end, "\n") == 0)
            return SP_OK;
        return say(error, SP_EVALUE, path, "is damaged; put a copy of it back");
    }
    if (strncmp(text, WRAPPED, sizeof(WRAPPED) - 1) != 0)
        return say(error, SP_EVALUE, path, "is not one, or it is damaged; put a copy of it back");
    if (v->source == VAULT_FILE)
        return say(error, SP_EVALUE, path,
                   "is wrapped; master_key must say by what: credential or passphrase_file");
    return unwrap(v, path, text + sizeof(WRAPPED) - 1, bytes, error);
}

enum sp_err vault_file_read(const struct vault *v, const char *path, struct vault_key *out,
                            char *error)
{
    char text[FILE_MAX];
    uint8_t bytes[VAULT_KEY_SIZE];
    enum sp_err err = read_text(path, text, error);

    if (err == SP_OK)
        err = parse(v, path, text, bytes, error);
    if (err == SP_OK)
        vault_key_take(out, bytes);
    sp_wipe(text, sizeof(text));
    sp_wipe(bytes, sizeof(bytes));
    return err;
}

static void compose(const struct vault *v, const struct vault_key *key, char text[FILE_MAX])
{
    char hex[2 * WRAPPED_SIZE + 1], salt_hex[2 * SALT_SIZE + 1];
    uint8_t salt[SALT_SIZE], wrapped[WRAPPED_SIZE], wrapping[32];

    if (v->source == VAULT_FILE) {
        sodium_bin2hex(hex, sizeof(hex), key->bytes, sizeof(key->bytes));
        snprintf(text, FILE_MAX, RAW "%s\n", hex);
        sp_wipe(hex, sizeof(hex));
        return;
    }
    sp_random(salt, sizeof(salt));
    sp_random(wrapped, NONCE_SIZE);
    wrapping_key(v, salt, wrapping);
    SP_BUG(crypto_aead_xchacha20poly1305_ietf_encrypt(wrapped + NONCE_SIZE, NULL, key->bytes,
                                                      sizeof(key->bytes), salt, sizeof(salt), NULL,
                                                      wrapped, wrapping) != 0);
    sodium_bin2hex(hex, sizeof(hex), wrapped, sizeof(wrapped));
    sodium_bin2hex(salt_hex, sizeof(salt_hex), salt, sizeof(salt));
    snprintf(text, FILE_MAX, WRAPPED "%s %s\n", salt_hex, hex);
    sp_wipe(wrapping, sizeof(wrapping));
}

/* The folder of a path, opened to be flushed. */
static int open_folder(const char *path)
{
    char folder[VAULT_PATH_SIZE + 8];
    char *slash;

    snprintf(folder, sizeof(folder), "%s", path);
    slash = strrchr(folder, '/');
    if (slash == NULL || slash == folder)
        snprintf(folder, sizeof(folder), "%s", slash == NULL ? "." : "/");
    else
        *slash = '\0';
    return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool flush_folder(const char *path)
{
    SP_FD dir = open_folder(path);

    return dir >= 0 && fsync(dir) == 0;
}

static bool write_temporary(const char *path, const char *text)
{
    unlink(path);
    SP_FD fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    size_t size = strlen(text);

    return fd >= 0 && fchmod(fd, 0600) == 0 && write(fd, text, size) == (ssize_t)size &&
           fsync(fd) == 0;
}

enum sp_err vault_file_write(const struct vault *v, const char *path, const struct vault_key *key,
                             char *error)
{
    char text[FILE_MAX], temporary[VAULT_PATH_SIZE + 16];
    bool is_written;

    compose(v, key, text);
    snprintf(temporary, sizeof(temporary), "%s.tmp", path);
    is_written = write_temporary(temporary, text);
    sp_wipe(text, sizeof(text));
    if (is_written && rename(temporary, path) == 0 && flush_folder(path))
        return SP_OK;
    int why = errno;
    unlink(temporary);
    return say(error, SP_ESYS, path, strerror(why));
}

enum sp_err vault_rotate_begin(struct vault *v, char *error)
{
    char path[VAULT_PATH_SIZE + 8];
    struct vault_key made = {0};
    uint8_t bytes[VAULT_KEY_SIZE];
    enum sp_err err = v->is_rotating ? vault_rotate_end(v, error) : SP_OK;

    vault_path_new(v, path);
    if (v->is_uncertain)
        return say(error, SP_ESTATE, path,
                   "is of a rotation that did not end; restart the service");
    if (err != SP_OK)
        return err; /* everything is sealed with a key that is not in its place yet */
    sp_random(bytes, sizeof(bytes));
    vault_key_take(&made, bytes);
    sp_wipe(bytes, sizeof(bytes));
    if (v->path[0] != '\0')
        err = vault_file_write(v, path, &made, error);
    if (err == SP_OK) {
        pthread_mutex_lock(&v->lock);
        v->other = v->now;
        v->now = made;
        v->is_rotating = true;
        pthread_mutex_unlock(&v->lock);
    }
    vault_key_clear(&made);
    return err;
}

enum sp_err vault_rotate_end(struct vault *v, char *error)
{
    char path[VAULT_PATH_SIZE + 8];

    /* Written anew from memory, so that nothing depends on the other file being there still. */
    vault_path_new(v, path);
    if (v->path[0] != '\0') {
        enum sp_err err = vault_file_write(v, v->path, &v->now, error);

        if (err != SP_OK)
            return err;
        unlink(path);
    }
    pthread_mutex_lock(&v->lock);
    vault_key_clear(&v->other);
    v->is_rotating = false;
    pthread_mutex_unlock(&v->lock);
    return SP_OK;
}

void vault_rotate_stop(struct vault *v, bool is_certain)
{
    char path[VAULT_PATH_SIZE + 8];
    struct vault_key made = v->now;

    pthread_mutex_lock(&v->lock);
    if (v->is_rotating) {
        v->now = v->other;
        v->other = made;
    }
    if (is_certain)
        vault_key_clear(&v->other);
    v->is_rotating = false;
    v->is_uncertain = !is_certain;
    pthread_mutex_unlock(&v->lock);
    vault_key_clear(&made);
    vault_path_new(v, path);
    if (is_certain && v->path[0] != '\0' && unlink(path) == 0)
        (void)flush_folder(path);
}

enum sp_err vault_settle(struct vault *v, const uint8_t id[VAULT_ID_SIZE], char *error)
{
    bool is_now, is_other;

    pthread_mutex_lock(&v->lock);
    is_now = memcmp(v->now.id, id, VAULT_ID_SIZE) == 0;
    is_other = v->other.is_set && memcmp(v->other.id, id, VAULT_ID_SIZE) == 0;
    if (is_other && !is_now) {
        struct vault_key old = v->now;

        v->now = v->other;
        v->other = old;
        vault_key_clear(&old);
    }
    pthread_mutex_unlock(&v->lock);
    if (is_now && v->other.is_set)
        vault_rotate_stop(v, true);
    if (is_now)
        return SP_OK;
    if (is_other)
        return vault_rotate_end(v, error);
    return say(error, SP_EDENIED, v->path,
               "is not the one that the store is sealed with; put that one back");
}
