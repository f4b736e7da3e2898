/* SPDX-License-Identifier: Apache-2.0
 * What the tests of CredSSP, NTLM and SPNEGO share: golden bytes and the usual abuse of parsers.
 */
#ifndef SP_TEST_NLA_H
#define SP_TEST_NLA_H

#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

struct golden {
    uint8_t *data; /* exactly size bytes; lives until the program ends */
    size_t size;
};

/* A parser under test; out is large enough for its struct. */
typedef enum sp_err nla_parse_fn(struct rd *r, void *out);

/* Load tests/vectors/<name>.hex. */
struct golden nla_golden(const char *name);

/* A reader over golden bytes. */
struct rd nla_reader(struct golden g);

/*
 * Every prefix that is shorter than from bytes fails, in an exact allocation, and leaves out alone.
 */
void nla_check_prefixes(const char *name, size_t from, nla_parse_fn *parse);

/* Every change of a single byte is accepted or refused. */
void nla_check_changes(const char *name, nla_parse_fn *parse);

#endif
