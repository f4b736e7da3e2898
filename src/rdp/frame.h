/* SPDX-License-Identifier: Apache-2.0
 * Where one message ends in the byte stream, and the TPKT + X.224 data envelope around MCS.
 */
#ifndef SP_RDP_FRAME_H
#define SP_RDP_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define TPKT_HEADER_SIZE   4
#define TPKT_SIZE_MIN      7
#define TPKT_SIZE_MAX      65535
#define RDP_DATA_OFFSET    7 /* TPKT header and X.224 data TPDU (02 f0 80) */
#define FASTPATH_SIZE_MIN  3
#define FASTPATH_SIZE_MAX  0x7fff
#define TSREQUEST_SIZE_MAX 16384
/* No frame of any kind is longer than this; a receive buffer of this size is enough. */
#define RDP_FRAME_SIZE_MAX TPKT_SIZE_MAX

/* How the state of the connection says that the next message is delimited. */
enum rdp_frame_kind {
    RDP_FRAME_TPKT,      /* connection sequence: TPKT only                       */
    RDP_FRAME_TSREQUEST, /* while CredSSP runs: one DER SEQUENCE                 */
    RDP_FRAME_ACTIVE,    /* after the connection sequence: TPKT or fast-path     */
};

/*
 * Find the length of the message that starts at p, as soon as its header allows.
 * Spec:    T.123 8, MS-RDPBCGR 2.2.9.1.2, MS-CSSP 2.2.1
 * p        have bytes; may be NULL when have is 0
 * size     whole length including its header, or 0 when more bytes are needed to tell
 * fail     may be NULL
 * Errors:  SP_EVALUE the first bytes are no message of this kind, or a length below the minimum;
 *          SP_ELIMIT a TSRequest above TSREQUEST_SIZE_MAX
 */
SP_MUST_USE enum sp_err rdp_frame_size(enum rdp_frame_kind kind, const uint8_t *p, size_t have,
                                       size_t *size, struct sp_fail *fail);

/*
 * True if a message that starts with this byte in RDP_FRAME_ACTIVE is fast-path, not TPKT.
 * Spec:    MS-RDPBCGR 2.2.8.1.2, 2.2.9.1.2
 */
bool rdp_is_fastpath(uint8_t first);

/*
 * Open the TPKT and X.224 data TPDU around a payload.
 * Spec:    T.123 8, X.224 13.7
 * pdu        at the TPKT header, holding exactly one whole PDU; consumed
 * payload    the bytes behind 02 f0 80; empty on a disconnect
 * disconnect true if the TPDU is a Disconnect Request: the peer's orderly end
 * Errors:    SP_ESHORT; SP_EVALUE version, length or TPDU wrong; SP_ETRAIL bytes behind the PDU
 * Owner:     payload borrows pdu's bytes
 */
SP_MUST_USE enum sp_err rdp_data_open(struct rd *pdu, struct rd *payload, bool *disconnect);

/*
 * Begin a TPKT PDU with an X.224 data TPDU; append the payload, then call rdp_data_end.
 * Returns  the mark to give to rdp_data_end
 */
size_t rdp_data_begin(struct wr *w);

/* Back-fill the TPKT length of the PDU begun at mark. Errors: SP_ESPACE longer than a TPKT holds */
void rdp_data_end(struct wr *w, size_t mark);

#endif
