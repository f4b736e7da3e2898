/* SPDX-License-Identifier: Apache-2.0
 * How every room says that something failed: one code, the place, and two numbers.
 */
#ifndef SP_BASE_ERR_H
#define SP_BASE_ERR_H

#include <stdint.h>

#define SP_MUST_USE __attribute__((warn_unused_result))

/* The kind of a failure; callers switch on it. */
enum sp_err {
    SP_OK = 0,
    SP_ESHORT,  /* fewer bytes than the structure needs                       */
    SP_ETRAIL,  /* bytes left over where the specification allows none        */
    SP_EVALUE,  /* a field has a value that is not legal here                 */
    SP_ELIMIT,  /* a count or length is above our fixed limit                 */
    SP_ESTATE,  /* a legal message in the wrong state                         */
    SP_ESPACE,  /* our own output buffer is too small                         */
    SP_ECRYPTO, /* a signature, checksum or proof does not verify             */
    SP_EDENIED, /* policy says no                                             */
    SP_ETIME,   /* a deadline passed                                          */
    SP_ECLOSED, /* the peer closed the connection                             */
    SP_ESYS,    /* the system refused; errno is in sp_fail.got                */
    SP_ERR_COUNT
};

/* Detail of a failure: filled by whoever fails first, never overwritten. */
struct sp_fail {
    enum sp_err code;
    const char *where;  /* static text, "RDP_NEG_REQ.length"         */
    uint32_t got, want; /* the two numbers of the log line, or 0     */
};

/*
 * The short name of an error code, as it stands in logs and events ("short", "value", …).
 * Owner:   static text, never NULL
 */
const char *sp_err_name(enum sp_err code);

/*
 * Record a failure unless one is recorded already.
 * fail     the record; may be NULL, then only the code is returned
 * code     must not be SP_OK
 * where    static text; kept by pointer
 * Returns  code, so that a caller can return in the same line
 */
enum sp_err sp_fail_set(struct sp_fail *fail, enum sp_err code, const char *where, uint32_t got,
                        uint32_t want);

/* Say that a result is ignored on purpose: there is nobody left to tell. */
static inline void sp_ignore(enum sp_err err)
{
    (void)err;
}

/*
 * End the process after writing "file:line: text" to standard error. Never returns.
 */
_Noreturn void sp_bug(const char *file, int line, const char *text);

/* Our own mistake, in every build: ends the process; its parent logs and reaps it. */
#define SP_BUG(condition)                                                                          \
    do {                                                                                           \
        if (condition)                                                                             \
            sp_bug(__FILE__, __LINE__, #condition);                                                \
    } while (0)

#endif
