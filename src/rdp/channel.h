/* SPDX-License-Identifier: Apache-2.0
 * Static virtual channels: chunk headers, the rules of reassembly, names and options.
 */
#ifndef SP_RDP_CHANNEL_H
#define SP_RDP_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipc_msg.h"
#include "base/wire.h"
#include "rdp/gcc.h" /* CHANNEL_OPTION_* */

/* flags of CHANNEL_PDU_HEADER, MS-RDPBCGR 2.2.6.1.1 */
#define CHANNEL_FLAG_FIRST             0x00000001
#define CHANNEL_FLAG_LAST              0x00000002
#define CHANNEL_FLAG_SHOW_PROTOCOL     0x00000010
#define CHANNEL_FLAG_SUSPEND           0x00000020
#define CHANNEL_FLAG_RESUME            0x00000040
#define CHANNEL_FLAG_SHADOW_PERSISTENT 0x00000080
#define CHANNEL_PACKET_COMPRESSED      0x00200000
#define CHANNEL_PACKET_AT_FRONT        0x00400000
#define CHANNEL_PACKET_FLUSHED         0x00800000
#define CHANNEL_COMPR_TYPE_MASK        0x000F0000

#define CHANNEL_HEADER_SIZE  8
#define CHANNEL_CHUNK_LENGTH 1600
#define CHANNEL_CHUNK_MAX    16256
#define CHANNEL_NAME_SIZE    8

enum channel_direction { CHANNEL_CLIENT_TO_SERVER, CHANNEL_SERVER_TO_CLIENT };

struct channel_header {
    uint32_t length; /* of the whole message, uncompressed */
    uint32_t flags;  /* CHANNEL_* */
};

/*
 * Read a CHANNEL_PDU_HEADER; what is left in r is the chunk.
 * Spec:    MS-RDPBCGR 2.2.6.1.1
 * out      written only on SP_OK
 * Errors:  SP_ESHORT
 */
SP_MUST_USE enum sp_err channel_header_read(struct rd *r, struct channel_header *out);

/* Write a CHANNEL_PDU_HEADER. Errors: SP_ESPACE */
void channel_header_write(struct wr *w, const struct channel_header *header);

/* One direction of one channel; all zero is its start. */
struct channel_stream {
    bool is_open;      /* FIRST was seen and LAST was not */
    uint32_t length;   /* of the open message             */
    uint32_t received; /* INVARIANT: <= length            */
};

/*
 * Take one chunk's header into account.
 * Spec:    MS-RDPBCGR 2.2.6.1, 3.1.5.2.2
 * chunk_size bytes of the chunk without its header
 * chunk_max  largest chunk of this direction: the negotiated VCChunkSize from the client,
 *            CHANNEL_CHUNK_MAX from the server
 * fail     may be NULL
 * Errors:  SP_ELIMIT chunk longer than chunk_max; SP_EVALUE compressed, SUSPEND or RESUME from a
 *          client, length changed, more bytes than length or fewer at LAST; SP_ESTATE FIRST
 *          twice, or a chunk without FIRST
 */
SP_MUST_USE enum sp_err channel_stream_step(struct channel_stream *s,
                                            enum channel_direction direction,
                                            const struct channel_header *header, size_t chunk_size,
                                            size_t chunk_max, struct sp_fail *fail);

/*
 * True if two channel names of 8 bytes are equal up to their NUL, ASCII case ignored; false for
 * a name without NUL.
 */
bool channel_name_equal(const char name[CHANNEL_NAME_SIZE], const char *other);

/*
 * True for a static channel that the policy needs: cliprdr for any clipboard, rdpdr for any device
 * and for sound (which Windows does not play without it), rdpsnd for sound, the rail channels for
 * RemoteApp, drdynvc always.
 */
bool channel_name_allowed(const char name[CHANNEL_NAME_SIZE], const struct ipc_channels *policy);

/* The options that the back asks of the target when the client asked for options. */
uint32_t channel_options_filter(uint32_t options);

#endif
