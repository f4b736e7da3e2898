/* SPDX-License-Identifier: Apache-2.0
 * The catalog that keeper decides by, and the change from one to the next.
 */
#include "keeper/keeper_priv.h"

void keeper_catalog_replace(struct keeper *k, struct catalog *catalog)
{
    struct catalog *old = k->catalog;

    k->catalog = catalog;
    catalog_unref(&old);
    keeper_reevaluate(k);
}

enum sp_err keeper_catalog_make(const struct keeper *k, const struct catalog_source *more,
                                size_t more_count, struct catalog **out, char *error)
{
    struct catalog_source sources[CATALOG_SOURCES_MAX] = {config_source(k->config)};

    SP_BUG(more_count >= CATALOG_SOURCES_MAX);
    for (size_t i = 0; i < more_count; i++)
        sources[i + 1] = more[i];
    return catalog_make(sources, more_count + 1, out, error, CATALOG_ERROR_SIZE);
}
