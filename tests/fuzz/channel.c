/* SPDX-License-Identifier: Apache-2.0
 * Fuzz static channel streams: whatever the chunks say, received never passes length.
 */
#include "rdp/channel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Input: chunks of { direction u8, chunk size u16, CHANNEL_PDU_HEADER }; bodies are not needed. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct channel_stream streams[2] = {{0}};
    struct channel_header header;
    struct rd r;

    rd_init(&r, data, size);
    while (r.left > 0) {
        enum channel_direction direction =
            rd_u8(&r, "direction") % 2 == 0 ? CHANNEL_CLIENT_TO_SERVER : CHANNEL_SERVER_TO_CLIENT;
        uint16_t chunk = rd_u16le(&r, "chunk");
        struct channel_stream *s = &streams[direction];
        struct sp_fail fail = {0};

        if (channel_header_read(&r, &header) != SP_OK)
            return 0;
        if (channel_stream_step(s, direction, &header, chunk, CHANNEL_CHUNK_LENGTH, &fail) != SP_OK)
            SP_BUG(fail.code == SP_OK);
        SP_BUG(s->received > s->length);
        SP_BUG(!s->is_open && s->received != s->length);
    }
    return 0;
}
