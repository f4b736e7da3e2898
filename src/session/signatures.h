/* SPDX-License-Identifier: Apache-2.0
 * Named virtual patches: which refusals of our parsers are attacks that have a name.
 *
 * Nothing of a client's or a target's handshake is ever forwarded, so an exploit ends in one of our
 * parsers, which refuses it for what it is: a length, a count, a value. This table gives such a
 * refusal its name, so that an administrator learns that somebody attacks, and with what.
 *
 * A row must be something that no client or target sends by mistake or age: a hit costs its source
 * ten minutes.
 */
#ifndef SP_SESSION_SIGNATURES_H
#define SP_SESSION_SIGNATURES_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipc_msg.h"

struct signature {
    const char *id;     /* "CVE-2019-0708"                                             */
    const char *where;  /* of the failure; a '*' at its end stands for any rest        */
    const char *rule;   /* what such input tries, in words                             */
    enum ipc_leg leg;   /* who sends it                                                */
    enum ipc_step last; /* not after this step                                        */
    uint32_t codes;     /* a bit for each enum sp_err; 0 = any                         */
    uint32_t min, max;  /* what sp_fail.got must lie in                                */
};

/* All rows, for tests and documentation. count: how many */
const struct signature *signature_table(size_t *count);

/*
 * The attack that a refusal was, if it has a name.
 * leg      who sent what was refused
 * Returns  NULL if it is no attack that we know
 */
const struct signature *signature_find(enum ipc_leg leg, enum ipc_step step,
                                       const struct sp_fail *fail);

/* Who sent what failed at a step before the splice. */
enum ipc_leg signature_leg(enum ipc_step step);

#endif
