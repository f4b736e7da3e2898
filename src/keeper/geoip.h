/* SPDX-License-Identifier: Apache-2.0
 * The country of an address, by a MaxMind DB file that the administrator provides.
 */
#ifndef SP_KEEPER_GEOIP_H
#define SP_KEEPER_GEOIP_H

#include <stdint.h>

#include "base/err.h"

struct geoip;

/*
 * Open a database of countries or cities.
 * out      written only on SP_OK; for geoip_close
 * why      on failure: static text
 * Errors:  SP_ESYS it cannot be read; SP_EVALUE it is no such database
 */
SP_MUST_USE enum sp_err geoip_open(const char *path, struct geoip **out, const char **why);

/*
 * Find the country of an address.
 * g        NULL knows no country
 * ip       IPv4 as ::ffff:a.b.c.d
 * out      two upper-case letters and a NUL; empty if it is not known
 */
void geoip_country(const struct geoip *g, const uint8_t ip[16], char out[3]);

/* Close a database; NULL is allowed. */
void geoip_close(struct geoip *g);

#endif
