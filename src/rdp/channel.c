/* SPDX-License-Identifier: Apache-2.0
 * Static virtual channels: chunk headers, the rules of reassembly, names and options.
 */
#include "rdp/channel.h"

#include <string.h>

enum sp_err channel_header_read(struct rd *r, struct channel_header *out)
{
    struct channel_header header;

    header.length = rd_u32le(r, "CHANNEL_PDU_HEADER.length");
    header.flags = rd_u32le(r, "CHANNEL_PDU_HEADER.flags");
    if (rd_ok(r))
        *out = header;
    return r->fail.code;
}

void channel_header_write(struct wr *w, const struct channel_header *header)
{
    wr_u32le(w, header->length);
    wr_u32le(w, header->flags);
}

static uint32_t clamp32(size_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* What can be said of a chunk without knowing those before it. */
static enum sp_err check_alone(enum channel_direction direction,
                               const struct channel_header *header, size_t chunk_size,
                               size_t chunk_max, struct sp_fail *fail)
{
    uint32_t flow = header->flags & (CHANNEL_FLAG_SUSPEND | CHANNEL_FLAG_RESUME);

    if (chunk_size > chunk_max)
        return sp_fail_set(fail, SP_ELIMIT, "Virtual Channel PDU", clamp32(chunk_size),
                           clamp32(chunk_max));
    /* We cleared VCCAPS towards both peers, so nobody may compress (2.2.7.1.10). */
    if ((header->flags & CHANNEL_PACKET_COMPRESSED) != 0)
        return sp_fail_set(fail, SP_EVALUE, "CHANNEL_PDU_HEADER.flags", header->flags,
                           header->flags & ~(uint32_t)CHANNEL_PACKET_COMPRESSED);
    if (direction == CHANNEL_CLIENT_TO_SERVER && flow != 0)
        return sp_fail_set(fail, SP_EVALUE, "CHANNEL_PDU_HEADER.flags", header->flags,
                           header->flags & ~flow);
    return SP_OK;
}

enum sp_err channel_stream_step(struct channel_stream *s, enum channel_direction direction,
                                const struct channel_header *header, size_t chunk_size,
                                size_t chunk_max, struct sp_fail *fail)
{
    enum sp_err err = check_alone(direction, header, chunk_size, chunk_max, fail);
    bool is_first = (header->flags & CHANNEL_FLAG_FIRST) != 0;
    bool is_last = (header->flags & CHANNEL_FLAG_LAST) != 0;
    uint32_t received = is_first ? 0 : s->received;

    if (err != SP_OK)
        return err;
    /* SUSPEND and RESUME are words to the receiver's sender and carry no message (2.2.6.1.1). */
    if ((header->flags & (CHANNEL_FLAG_SUSPEND | CHANNEL_FLAG_RESUME)) != 0 && chunk_size == 0)
        return SP_OK;
    if (is_first == s->is_open)
        return sp_fail_set(fail, SP_ESTATE, "CHANNEL_PDU_HEADER.flags", header->flags,
                           CHANNEL_FLAG_FIRST);
    if (!is_first && header->length != s->length)
        return sp_fail_set(fail, SP_EVALUE, "CHANNEL_PDU_HEADER.length", header->length, s->length);
    if (chunk_size > header->length - received)
        return sp_fail_set(fail, SP_EVALUE, "CHANNEL_PDU_HEADER.length", clamp32(chunk_size),
                           header->length - received);
    received += (uint32_t)chunk_size;
    if (is_last && received != header->length)
        return sp_fail_set(fail, SP_EVALUE, "CHANNEL_PDU_HEADER.length", received, header->length);
    *s = (struct channel_stream){
        .is_open = !is_last, .length = header->length, .received = received};
    return SP_OK;
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool channel_name_equal(const char name[CHANNEL_NAME_SIZE], const char *other)
{
    for (size_t i = 0; i < CHANNEL_NAME_SIZE; i++) {
        if (lower(name[i]) != lower(other[i]))
            return false;
        if (name[i] == '\0')
            return true;
    }
    return false;
}

bool channel_name_allowed(const char name[CHANNEL_NAME_SIZE], const struct ipc_channels *policy)
{
    const uint32_t behind_rdpdr =
        IPC_DEVICE_PRINTERS | IPC_DEVICE_SMARTCARDS | IPC_DEVICE_PORTS | IPC_DEVICE_SOUND;
    const bool has_rail = (policy->devices & IPC_DEVICE_REMOTEAPP) != 0;
    const struct {
        const char *name;
        bool is_needed;
    } known[] = {
        {"cliprdr", policy->clipboard != 0 && policy->clipboard_kinds != 0},
        {"rdpdr", policy->drives != 0 || (policy->devices & behind_rdpdr) != 0},
        {"rdpsnd", (policy->devices & IPC_DEVICE_SOUND) != 0},
        {"drdynvc", true},
        {"rail", has_rail},
        {"rail_wi", has_rail},
        {"rail_ri", has_rail},
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (channel_name_equal(name, known[i].name))
            return known[i].is_needed;
    }
    return false;
}

uint32_t channel_options_filter(uint32_t options)
{
    const uint32_t keep = CHANNEL_OPTION_PRI_HIGH | CHANNEL_OPTION_PRI_MED |
                          CHANNEL_OPTION_PRI_LOW | CHANNEL_OPTION_COMPRESS_RDP |
                          CHANNEL_OPTION_SHOW_PROTOCOL;

    return (options & keep) | CHANNEL_OPTION_INITIALIZED;
}
