/* SPDX-License-Identifier: Apache-2.0
 * A connection that came through a trusted proxy: who is behind it.
 */
#include "session/proxied.h"

#include <string.h>

#include "rdp/proxy_v2.h"

enum sp_err proxied_source(struct stream *s)
{
    struct ipc_proxied told = {0};
    struct proxy_v2 header;
    struct rd r;
    uint8_t *data;
    size_t size;
    enum sp_err err = stream_message(s, proxy_v2_size, PROXY_V2_SIZE_MAX, &data, &size);

    if (err != SP_OK)
        return err;
    rd_init(&r, data, size);
    err = proxy_v2_read(&r, &header);
    if (err != SP_OK) {
        s->fail = r.fail;
        return err;
    }
    told.has_source = header.has_source;
    memcpy(told.source.ip, header.source, sizeof(told.source.ip));
    told.source.port = header.source_port;
    keeper_proxied(s->keeper, &told);
    return SP_OK;
}
