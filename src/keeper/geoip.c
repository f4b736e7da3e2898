/* SPDX-License-Identifier: Apache-2.0
 * The country of an address, by a MaxMind DB file that the administrator provides.
 */
#include "keeper/geoip.h"

#include <maxminddb.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

struct geoip {
    MMDB_s db;
};

enum sp_err geoip_open(const char *path, struct geoip **out, const char **why)
{
    struct geoip *made = calloc(1, sizeof(*made));

    SP_BUG(made == NULL);
    int status = MMDB_open(path, MMDB_MODE_MMAP, &made->db);
    if (status == MMDB_SUCCESS) {
        *out = made;
        return SP_OK;
    }
    free(made);
    *why = MMDB_strerror(status);
    return status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR ? SP_ESYS : SP_EVALUE;
}

static int find(const struct geoip *g, const uint8_t ip[16], MMDB_lookup_result_s *found)
{
    static const uint8_t mapped[12] = {[10] = 0xFF, [11] = 0xFF};
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    int status = MMDB_SUCCESS;

    memcpy(&v4.sin_addr, ip + 12, 4);
    memcpy(&v6.sin6_addr, ip, 16);
    bool is_v4 = memcmp(ip, mapped, sizeof(mapped)) == 0;
    const void *address = is_v4 ? (const void *)&v4 : (const void *)&v6;
    *found = MMDB_lookup_sockaddr(&g->db, address, &status);
    return status;
}

void geoip_country(const struct geoip *g, const uint8_t ip[16], char out[3])
{
    MMDB_lookup_result_s found;
    MMDB_entry_data_s data;

    memset(out, 0, 3);
    if (g == NULL || find(g, ip, &found) != MMDB_SUCCESS || !found.found_entry ||
        MMDB_get_value(&found.entry, &data, "country", "iso_code", NULL) != MMDB_SUCCESS)
        return;
    if (data.has_data && data.type == MMDB_DATA_TYPE_UTF8_STRING && data.data_size == 2)
        memcpy(out, data.utf8_string, 2);
}

void geoip_close(struct geoip *g)
{
    if (g != NULL)
        MMDB_close(&g->db);
    free(g);
}
