/* SPDX-License-Identifier: Apache-2.0
 * `sallyport passwd`: a password, unseen, becomes the nt_hash of a user.
 */
#include "cli/cli.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "keeper/config.h"
#include "keeper/secret.h"
#include "rdp/ntlm_crypto.h"

#define LINE_SIZE (SECRET_TEXT_MAX + 2)

static volatile sig_atomic_t caught;

static void on_signal(int number)
{
    caught = number;
}

/* One line from standard input without its end. */
static bool read_line(char line[LINE_SIZE], const char **error)
{
    size_t used = 0;
    ssize_t n = 0;
    char c = '\0';

    *error = "the password is too long; at most 255 characters are possible";
    while (used + 1 < LINE_SIZE) {
        n = read(STDIN_FILENO, &c, 1);
        if (n < 0 && errno == EINTR && caught == 0)
            continue;
        if (n <= 0 || c == '\n')
            break;
        line[used++] = c;
    }
    line[used] = '\0';
    bool is_whole = n == 0 || c == '\n';
    sp_wipe(&c, sizeof(c));
    if (n < 0)
        *error = caught != 0 ? "stopped" : "cannot read the password from standard input";
    if (n < 0 || !is_whole)
        return false;
    if (used > 0 && line[used - 1] == '\r')
        line[--used] = '\0';
    if (strlen(line) != used) {
        *error = "the password has a NUL character, which no client can send";
        return false;
    }
    return true;
}

/* Ask on the terminal with its echo off; a signal restores the terminal before it takes effect. */
static bool ask_unseen(const char *prompt, char line[LINE_SIZE], const char **error)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP};
    struct sigaction old[sizeof(signals) / sizeof(signals[0])];
    struct sigaction action = {.sa_handler = on_signal};
    struct termios shown, unseen;

    *error = "cannot switch off the terminal's echo; give the password on standard input";
    if (tcgetattr(STDIN_FILENO, &shown) != 0)
        return false;
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &action, &old[i]);
    unseen = shown;
    unseen.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
    bool is_good = tcsetattr(STDIN_FILENO, TCSAFLUSH, &unseen) == 0;
    if (is_good) {
        fputs(prompt, stderr);
        is_good = read_line(line, error);
        fputs("\n", stderr);
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    }
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaction(signals[i], &old[i], NULL);
    if (caught != 0)
        raise(caught);
    return is_good;
}

static_assert(LINE_SIZE == CLI_PASSWORD_SIZE, "one size");

bool cli_ask_password(char *line, const char **error)
{
    return isatty(STDIN_FILENO) ? ask_unseen("Password: ", line, error) : read_line(line, error);
}

static bool get_password(char line[LINE_SIZE], const char **error)
{
    char again[LINE_SIZE];

    if (!isatty(STDIN_FILENO))
        return read_line(line, error);
    bool is_good =
        ask_unseen("Password: ", line, error) && ask_unseen("The same again: ", again, error);
    if (is_good && strcmp(line, again) != 0) {
        *error = "the two passwords differ; run the command again";
        is_good = false;
    }
    sp_wipe(again, sizeof(again));
    return is_good;
}

static bool hash_password(const char *line, char hex[33], const char **error)
{
    struct secret password = {0};
    uint8_t hash[NTLM_KEY_SIZE];
    enum sp_err err = secret_from_password(line, &password);

    *error = line[0] == '\0'    ? "the password is empty; type at least one character"
             : err == SP_ELIMIT ? "the password is too long; at most 255 characters are possible"
                                : "the password is not UTF-8; set the terminal to UTF-8";
    if (err != SP_OK)
        return false;
    ntlm_nt_hash(password.bytes, password.size, hash);
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(hex + 2 * i, 3, "%02x", hash[i]);
    secret_clear(&password);
    sp_wipe(hash, sizeof(hash));
    return true;
}

static void print(const struct cli_options *options, const char *hex)
{
    const char *name = options->argument;

    if (options->is_json) {
        cli_print_json(json_pack("{s:b, s:s?, s:s}", "ok", 1, "name", name, "nt_hash", hex));
        return;
    }
    if (name == NULL) {
        printf("nt_hash: %s\n", hex);
        return;
    }
    json_t *quoted = json_string(name); /* JSON's quoting is YAML's double quoting */
    printf("  - name: ");
    json_dumpf(quoted, stdout, JSON_ENCODE_ANY);
    printf("\n    nt_hash: %s\n", hex);
    json_decref(quoted);
    if (isatty(STDOUT_FILENO))
        fputs("Paste this under \"users:\" and keep the file private (chmod 0600).\n", stderr);
}

int cli_passwd(const struct cli_options *options)
{
    char line[LINE_SIZE] = "", hex[33];
    const char *error = "";

    if (options->argument != NULL && !config_is_user_name(options->argument)) {
        cli_complain(options, "a user's name is 1 to 64 bytes of UTF-8 without # \\ @ / : and "
                              "control characters, no blank at an end; choose another");
        return CLI_USAGE;
    }
    bool is_good = get_password(line, &error) && hash_password(line, hex, &error);
    sp_wipe(line, sizeof(line));
    if (!is_good) {
        cli_complain(options, error);
        return CLI_FAILED;
    }
    print(options, hex);
    sp_wipe(hex, sizeof(hex));
    return CLI_OK;
}
