/* SPDX-License-Identifier: Apache-2.0
 * The state folder and the certificate in it: made on the first start, private, ours.
 */
#include "keeper/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define PATH_SIZE (CONFIG_PATH_SIZE + 32)

static enum sp_err say(char *error, enum sp_err code, const char *path, const char *what)
{
    snprintf(error, STATE_ERROR_SIZE, "%s: %s", path, what);
    return code;
}

/* An existing folder is ours already, or root's and closed to all others. */
static enum sp_err adopt(int dir, const struct config *config, char *error)
{
    uid_t uid = config->run_as_uid != 0 ? config->run_as_uid : geteuid();
    struct stat st;

    if (fstat(dir, &st) != 0)
        return say(error, SP_ESYS, config->state_dir, strerror(errno));
    if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return say(error, SP_EDENIED, config->state_dir,
                   "others may write to the state folder; chmod go-w, or name another state_dir");
    if (st.st_uid == uid)
        return SP_OK;
    if (st.st_uid != geteuid() || (st.st_mode & 077) != 0)
        return say(error, SP_EDENIED, config->state_dir,
                   "the state folder belongs to somebody else; chown it to the user of run_as, or "
                   "name another state_dir");
    if (fchown(dir, config->run_as_uid, config->run_as_gid) != 0)
        return say(error, SP_ESYS, config->state_dir, strerror(errno));
    return SP_OK;
}

enum sp_err state_prepare(const struct config *config, char *error)
{
    if (mkdir(config->state_dir, 0700) != 0 && errno != EEXIST) {
        snprintf(error, STATE_ERROR_SIZE,
                 "cannot make the state folder %s: %s; make its parent, or name another state_dir",
                 config->state_dir, strerror(errno));
        return SP_ESYS;
    }
    SP_FD dir = open(config->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    if (dir < 0)
        return say(error, SP_ESYS, config->state_dir, strerror(errno));
    return adopt(dir, config, error);
}

int state_folder(const struct config *config, const char *name, char *error)
{
    const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW;
    SP_FD dir = open(config->state_dir, flags);
    struct stat st;

    if (dir >= 0 && mkdirat(dir, name, 0700) != 0 && errno != EEXIST)
        sp_fd_cleanup(&dir);
    SP_FD fd = dir < 0 ? -1 : openat(dir, name, flags);
    if (fd < 0 || fstat(fd, &st) != 0 ||
        (st.st_uid == 0 && config->run_as_uid != 0 &&
         fchown(fd, config->run_as_uid, config->run_as_gid) != 0)) {
        snprintf(error, STATE_ERROR_SIZE, "cannot make or open %s in %s: %s", name,
                 config->state_dir, strerror(errno));
        return -1;
    }
    return sp_fd_take(&fd);
}

char *state_read_file(const char *path, size_t max, size_t *size)
{
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    SP_FREE char *text = fd >= 0 ? malloc(max + 2) : NULL;
    size_t used = 0;
    ssize_t n = 0;

    if (text == NULL)
        return NULL;
    while (used <= max && (n = read(fd, text + used, max + 1 - used)) > 0)
        used += (size_t)n;
    if (n < 0 || used > max) {
        errno = n < 0 ? errno : EFBIG;
        return NULL;
    }
    text[used] = '\0';
    *size = used;
    char *out = text;
    text = NULL;
    return out;
}

/* Started as root: what was made here belongs to the user who will need it. */
static enum sp_err give(const struct config *config, const char *cert, const char *key, char *error)
{
    if (config->run_as_uid == 0 || (lchown(cert, config->run_as_uid, config->run_as_gid) == 0 &&
                                    lchown(key, config->run_as_uid, config->run_as_gid) == 0))
        return SP_OK;
    return say(error, SP_ESYS, key, strerror(errno));
}

static enum sp_err generate(const struct config *config, const char *cert, const char *key,
                            char *error)
{
    char host[IPC_HOST_MAX] = "";
    struct sp_fail fail = {0};

    if (access(cert, F_OK) == 0 && access(key, F_OK) == 0)
        return SP_OK;
    if (config->name_count > 0)
        snprintf(host, sizeof(host), "%s", config->names[0]);
    else if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
        snprintf(host, sizeof(host), "sallyport");
    if (signer_generate_self_signed(host, cert, key, &fail) == SP_OK)
        return give(config, cert, key, error);
    snprintf(error, STATE_ERROR_SIZE, "cannot generate a certificate in %s: %s (%s)",
             config->state_dir, fail.where,
             fail.code == SP_ESYS ? strerror((int)fail.got) : sp_err_name(fail.code));
    return fail.code;
}

static enum sp_err load_chain(const char *path, struct boot_config *boot, char *error)
{
    size_t size;
    SP_FREE char *pem = state_read_file(path, BOOT_PEM_MAX - 1, &size);

    if (pem == NULL)
        return say(error, SP_ESYS, path, strerror(errno));
    if (strstr(pem, "PRIVATE KEY-----") != NULL) {
        sp_wipe(pem, size);
        return say(error, SP_EVALUE, path,
                   "there is a private key in the certificate file, and the helpers are given that "
                   "file; keep the key in a file of its own, named by key");
    }
    memcpy(boot->pem, pem, size);
    boot->pem_size = (uint32_t)size;
    return SP_OK;
}

static enum sp_err load_key(const char *path, const char *cert, const struct boot_config *boot,
                            struct signer **out, char *error)
{
    struct sp_fail fail = {0};
    struct signer *signer = signer_load_file(path, &fail);

    if (signer == NULL)
        return say(error, fail.code, path,
                   fail.code == SP_ESYS      ? strerror((int)fail.got)
                   : fail.code == SP_EDENIED ? "expected an EC P-256 or P-384 key, or RSA of 2048 "
                                               "to 8192 bits"
                                             : "expected a private key in PEM, not encrypted");
    enum sp_err err = signer_check_matches_cert(signer, boot->pem, boot->pem_size);
    if (err != SP_OK) {
        signer_free(signer);
        return say(error, err, cert,
                   err == SP_ECRYPTO
                       ? "the certificate belongs to another key than the configured one"
                       : "expected a certificate chain in PEM, leaf first");
    }
    *out = signer;
    return SP_OK;
}

enum sp_err state_certificate(const struct config *config, struct boot_config *boot,
                              struct signer **signer, char *error)
{
    char cert[PATH_SIZE], key[PATH_SIZE];
    enum sp_err err = SP_OK;

    snprintf(cert, sizeof(cert), "%s", config->certificate);
    snprintf(key, sizeof(key), "%s", config->key);
    if (config->certificate[0] == '\0') {
        snprintf(cert, sizeof(cert), "%s/certificate.pem", config->state_dir);
        snprintf(key, sizeof(key), "%s/key.pem", config->state_dir);
        err = generate(config, cert, key, error);
    }
    if (err == SP_OK)
        err = load_chain(cert, boot, error);
    return err == SP_OK ? load_key(key, cert, boot, signer, error) : err;
}
