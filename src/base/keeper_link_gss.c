/* SPDX-License-Identifier: Apache-2.0
 * A session's verbs for Kerberos.
 */
#include "base/keeper_link_gss.h"

#include <string.h>

#include "base/mem.h"

enum sp_err keeper_gss(struct keeper_link *k, uint32_t type, uint32_t version, const uint8_t *data,
                       size_t size, struct ipc_gss_rsp *out)
{
    static struct ipc_gss_req req; /* one connection a process */

    if (size > sizeof(req.data))
        return SP_ELIMIT;
    memset(&req, 0, sizeof(req));
    req.size = (uint32_t)size;
    req.version = version;
    memcpy(req.data, data, size);
    enum sp_err err =
        keeper_link_call(k, type, &req, sizeof(req), type + 1, sizeof(*out), KEEPER_GSS_MS);
    sp_wipe(&req, sizeof(req));
    if (err != SP_OK)
        return err;
    keeper_link_take(k, out, sizeof(*out));
    return out->size <= sizeof(out->data) ? SP_OK : SP_EVALUE;
}
