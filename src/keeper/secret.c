/* SPDX-License-Identifier: Apache-2.0
 * The one type in which keeper holds a password or a hash, and where a secret may come from.
 */
#include "keeper/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"

#define NT_HASH_SIZE 16
#define PATH_SIZE    1024

void secret_clear(struct secret *s)
{
    sp_wipe(s, sizeof(*s));
}

enum secret_source secret_source_of(const char *written)
{
    if (strncmp(written, "file:", 5) == 0)
        return SECRET_FILE;
    return strncmp(written, "env:", 4) == 0 ? SECRET_ENV : SECRET_INLINE;
}

bool secret_mode_is_private(mode_t mode, uid_t owner)
{
    if ((mode & 0007) != 0 || (mode & 0030) != 0)
        return false;
    return (mode & 0040) == 0 || owner == 0 || owner == geteuid();
}

/* The text as a C string without its last line end; anything else that looks like two is refused.
 */
static enum sp_err take_line(char *text, size_t size, char *out, const char **why)
{
    if (size > 0 && text[size - 1] == '\n')
        size--;
    if (size > 0 && text[size - 1] == '\r')
        size--;
    *why = "is empty; write the secret into it";
    if (size == 0)
        return SP_EVALUE;
    *why = "is longer than a secret can be; it must hold the secret alone";
    if (size >= SECRET_TEXT_MAX)
        return SP_ELIMIT;
    *why = "has more than one line; it must hold the secret alone";
    if (memchr(text, '\n', size) != NULL || memchr(text, '\0', size) != NULL)
        return SP_EVALUE;
    memcpy(out, text, size);
    out[size] = '\0';
    return SP_OK;
}

static void say(char *message, size_t size, const char *kind, const char *name, const char *why)
{
    char shown[SECRET_MESSAGE_MAX / 2];

    text_escape(name, shown, sizeof(shown));
    snprintf(message, size, "%s %s %s", kind, shown, why);
}

/* A descriptor of a private regular file; never waits, even if the path is a pipe. */
static enum sp_err open_private(const char *path, int *out, char *message, size_t message_size)
{
    SP_FD fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    struct stat st;
    char why[SECRET_MESSAGE_MAX / 4];

    if (fd < 0 || fstat(fd, &st) != 0) {
        snprintf(why, sizeof(why), "cannot be read: %s", strerror(errno));
        say(message, message_size, "file", path, why);
        return SP_ESYS;
    }
    if (!S_ISREG(st.st_mode)) {
        say(message, message_size, "file", path, "is not a regular file");
        return SP_ESYS;
    }
    if (!secret_mode_is_private(st.st_mode, st.st_uid)) {
        char shown[SECRET_MESSAGE_MAX / 4];

        text_escape(path, shown, sizeof(shown));
        snprintf(message, message_size, "file %s is open to others (mode %04o); run: chmod 0600 %s",
                 shown, (unsigned)(st.st_mode & 07777), shown);
        return SP_EDENIED;
    }
    *out = sp_fd_take(&fd);
    return SP_OK;
}

static enum sp_err from_file(const char *name, const char *dir, char *out, char *message,
                             size_t message_size)
{
    char path[PATH_SIZE], text[SECRET_TEXT_MAX + 2];
    const char *why;
    ssize_t n;
    SP_FD fd = -1;
    int length = name[0] == '/' ? snprintf(path, sizeof(path), "%s", name)
                                : snprintf(path, sizeof(path), "%s/%s", dir, name);

    if (name[0] == '\0' || length < 0 || (size_t)length >= sizeof(path)) {
        say(message, message_size, "file:", "", "must be followed by a path");
        return SP_EVALUE;
    }
    enum sp_err err = open_private(path, &fd, message, message_size);
    if (err != SP_OK)
        return err;

    n = read(fd, text, sizeof(text));
    if (n < 0) {
        say(message, message_size, "file", path, "cannot be read");
        return SP_ESYS;
    }
    err = take_line(text, (size_t)n, out, &why);
    sp_wipe(text, sizeof(text));
    if (err != SP_OK)
        say(message, message_size, "file", path, why);
    return err;
}

static enum sp_err from_env(const char *name, char *out, char *message, size_t message_size)
{
    const char *value = name[0] != '\0' ? getenv(name) : NULL;
    size_t size = value != NULL ? strlen(value) : 0;

    if (value == NULL || size == 0 || size >= SECRET_TEXT_MAX) {
        say(message, message_size, "environment variable", name,
            value == NULL ? "is not set; set it before starting sallyport"
            : size == 0   ? "is empty"
                          : "is longer than a secret can be");
        return value == NULL ? SP_ESYS : size == 0 ? SP_EVALUE : SP_ELIMIT;
    }
    memcpy(out, value, size + 1);
    return SP_OK;
}

enum sp_err secret_resolve(const char *written, const char *dir, char *out, char *message,
                           size_t message_size)
{
    size_t size = strlen(written);

    if (secret_source_of(written) == SECRET_FILE)
        return from_file(written + 5, dir, out, message, message_size);
    if (secret_source_of(written) == SECRET_ENV)
        return from_env(written + 4, out, message, message_size);
    if (size == 0 || size >= SECRET_TEXT_MAX) {
        snprintf(message, message_size, size == 0 ? "the value is empty" : "the value is too long");
        return size == 0 ? SP_EVALUE : SP_ELIMIT;
    }
    memcpy(out, written, size + 1);
    return SP_OK;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

enum sp_err secret_from_nt_hash(const char *text, struct secret *out)
{
    struct secret made = {0};

    if (strlen(text) != (size_t)NT_HASH_SIZE * 2)
        return SP_EVALUE;
    for (size_t i = 0; i < NT_HASH_SIZE; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);

        if (high < 0 || low < 0) {
            secret_clear(&made);
            return SP_EVALUE;
        }
        made.bytes[i] = (uint8_t)(high << 4 | low);
    }
    made.size = NT_HASH_SIZE;
    *out = made;
    secret_clear(&made);
    return SP_OK;
}

enum sp_err secret_from_password(const char *text, struct secret *out)
{
    struct secret made = {0};
    enum sp_err err = text_utf16le_from_utf8(text, made.bytes, SECRET_MAX - 2, &made.size);

    if (err == SP_OK && made.size == 0)
        err = SP_EVALUE;
    if (err == SP_OK)
        *out = made;
    secret_clear(&made);
    return err == SP_ESPACE ? SP_ELIMIT : err;
}
