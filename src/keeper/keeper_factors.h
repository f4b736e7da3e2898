/* SPDX-License-Identifier: Apache-2.0
 * Second factors in the running keeper: kept in the store, enrolled over the control socket, and
 * checked for whoever asks a person for a code.
 */
#ifndef SP_KEEPER_KEEPER_FACTORS_H
#define SP_KEEPER_KEEPER_FACTORS_H

#include "keeper/keeper_priv.h"

/* What came of a code; it is durable. */
typedef void factors_done_fn(void *ctx, enum factors_verdict verdict);

/* Take the rows of the store in place of those that are there. Errors: as store_read */
SP_MUST_USE enum sp_err keeper_factors_load(struct keeper *k);

/*
 * Check a code that a person typed, by the wall clock.
 * challenge  of the screen that asks
 * done     called once: later, when the code's use is stored, or before this returns if there was
 *          nothing to store. A use that cannot be stored is FACTORS_WRONG
 */
void keeper_factors_check(struct keeper *k, const char *user, const char *code,
                          struct factors_challenge *challenge, factors_done_fn *done, void *ctx);

#endif
