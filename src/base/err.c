/* SPDX-License-Identifier: Apache-2.0
 * Names of errors, and the end of a process that met its own mistake.
 */
#include "base/err.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const names[SP_ERR_COUNT] = {
    [SP_OK] = "ok",         [SP_ESHORT] = "short",   [SP_ETRAIL] = "trailing",
    [SP_EVALUE] = "value",  [SP_ELIMIT] = "limit",   [SP_ESTATE] = "state",
    [SP_ESPACE] = "space",  [SP_ECRYPTO] = "crypto", [SP_EDENIED] = "denied",
    [SP_ETIME] = "timeout", [SP_ECLOSED] = "closed", [SP_ESYS] = "system",
};

const char *sp_err_name(enum sp_err code)
{
    if ((unsigned)code >= SP_ERR_COUNT)
        return "unknown";
    return names[code];
}

enum sp_err sp_fail_set(struct sp_fail *fail, enum sp_err code, const char *where, uint32_t got,
                        uint32_t want)
{
    SP_BUG(code == SP_OK);
    if (fail != NULL && fail->code == SP_OK)
        *fail = (struct sp_fail){code, where, got, want};
    return code;
}

_Noreturn void sp_bug(const char *file, int line, const char *text)
{
    char message[256];
    int size = snprintf(message, sizeof(message), "sallyport: internal error at %s:%d: %s\n", file,
                        line, text);

    /* Not dprintf: it seeks, and a session's sandbox would end us before the message is out. */
    if (size >= (int)sizeof(message))
        size = (int)sizeof(message) - 1;
    if (size < 0 || write(STDERR_FILENO, message, (size_t)size) < 0)
        abort();
    abort();
}
