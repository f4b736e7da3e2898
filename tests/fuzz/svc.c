/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the common part of the channel filters with a filter that does what a message's first byte
 * says: what leaves in either direction keeps the rules of chunks.
 */
#include "rdp/svc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct svc_out out;
static struct channel_stream leaving[2];
static struct svc_side sides[2];
static uint8_t held[2][4096];

static enum sp_err first(void *filter, enum channel_direction direction, const uint8_t *data,
                         size_t size, size_t total, enum svc_mode *mode, struct svc_out *o)
{
    (void)filter;
    SP_BUG(size > total || (size < total && size < SVC_PREFIX_SIZE));
    if (size == 0)
        return SP_ESHORT;
    *mode = (enum svc_mode)(data[0] % 3);
    if (data[0] % 8 == 7)
        return svc_out_put(o, svc_back(direction), data, size);
    if (data[0] % 8 == 6)
        svc_out_refused(o, svc_way(direction), "what", NULL);
    return SP_OK;
}

static enum sp_err passing(void *filter, enum channel_direction direction, const uint8_t *data,
                           size_t size, size_t at, bool is_last, struct svc_out *o)
{
    (void)filter, (void)data, (void)o;
    SP_BUG(at + size > sides[direction].stream.length);
    SP_BUG(is_last && at + size != sides[direction].stream.length);
    return SP_OK;
}

static enum sp_err whole(void *filter, enum channel_direction direction, uint8_t *data, size_t size,
                         struct svc_out *o)
{
    (void)filter;
    SP_BUG(size != sides[direction].stream.length);
    svc_out_lend(o, direction, data, size);
    return svc_out_put(o, direction, (const uint8_t *)"tail", 4);
}

static const struct svc_steps steps = {first, passing, whole};

static void leave(enum channel_direction direction, const struct channel_header *header,
                  size_t size)
{
    SP_BUG(channel_stream_step(&leaving[direction], direction, header, size, CHANNEL_CHUNK_MAX,
                               NULL) != SP_OK);
}

static void drain(enum channel_direction direction, size_t chunk_max)
{
    struct channel_header header;
    const uint8_t *data;
    size_t size;

    while (svc_out_next(&out, direction, chunk_max, &header, &data, &size)) {
        SP_BUG(size > chunk_max);
        leave(direction, &header, size);
    }
}

/* Input: { direction and chunk_max u8, chunk size u16, CHANNEL_PDU_HEADER, chunk }*. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r;

    out = (struct svc_out){0};
    for (size_t i = 0; i < 2; i++) {
        leaving[i] = (struct channel_stream){0};
        sides[i] = (struct svc_side){.buf = held[i], .capacity = sizeof(held[i])};
    }
    rd_init(&r, data, size);
    while (r.left > 0) {
        uint8_t how = rd_u8(&r, "how");
        size_t chunk = rd_u16le(&r, "size");
        enum channel_direction direction =
            how % 2 == 0 ? CHANNEL_CLIENT_TO_SERVER : CHANNEL_SERVER_TO_CLIENT;
        struct channel_header header;

        if (channel_header_read(&r, &header) != SP_OK)
            return 0;
        chunk = chunk < r.left ? chunk : r.left;
        const uint8_t *bytes = rd_bytes(&r, chunk, "chunk");
        enum svc_verdict verdict = svc_filter_step(&steps, NULL, &sides[direction], direction,
                                                   &header, bytes, chunk, &out);
        SP_BUG((verdict == SVC_REFUSE) != (out.fail.code != SP_OK));
        if (verdict == SVC_REFUSE)
            return 0;
        if (verdict == SVC_PASS)
            leave(direction, &header, chunk);
        drain(direction, (size_t)(how >> 1) + 1);
        drain(svc_back(direction), 1600);
    }
    return 0;
}
