/* SPDX-License-Identifier: Apache-2.0
 * A connection that came through a trusted proxy: who is behind it.
 */
#ifndef SP_SESSION_PROXIED_H
#define SP_SESSION_PROXIED_H

#include "base/stream.h"

/*
 * Read the PROXY header, which comes before everything else, and tell keeper.
 * Errors:  SP_EVALUE, SP_ELIMIT not such a header; SP_ETIME; SP_ECLOSED; detail in s->fail
 */
SP_MUST_USE enum sp_err proxied_source(struct stream *s);

#endif
