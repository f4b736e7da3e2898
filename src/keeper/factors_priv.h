/* SPDX-License-Identifier: Apache-2.0
 * What the files of factors share.
 */
#ifndef SP_KEEPER_FACTORS_PRIV_H
#define SP_KEEPER_FACTORS_PRIV_H

#include "keeper/factors.h"

/* A new zeroed place at the end; NULL if there is no room. */
struct factor *factors_add(struct factors *f);

#endif
