/* SPDX-License-Identifier: Apache-2.0
 * The two filters of the splice: one frame in, one verdict out.
 */
#ifndef SP_SESSION_SPLICE_PRIV_H
#define SP_SESSION_SPLICE_PRIV_H

#include "session/splice.h"

/*
 * Judge one frame from the target. frame is patched in place if it passes.
 * frame    one whole fast-path or TPKT PDU of size bytes
 */
enum verdict splice_from_target(struct splice *s, uint8_t *frame, size_t size);

/* Judge one frame from the client; as splice_from_target. */
enum verdict splice_from_client(struct splice *s, uint8_t *frame, size_t size);

#define SPLICE_HASTE_MS 100 /* so soon after a key or a click it may be its answer */

/*
 * True if the target's next PDUs may lie for a moment, or until the client speaks. A target that
 * draws sends many small PDUs a moment apart, and each wakes us and costs a write; together they
 * cost one. The first after a pause goes on at once, and so does all while a person is at the keys.
 * target_spoke, client_spoke   whether bytes came from there in this turn
 */
bool splice_may_gather(const struct splice *s, bool target_spoke, bool client_spoke);

/* ---- splice_channels.c ---- */

/* Choose the filters for the channels of this session. */
void splice_channels_init(struct splice *s, const struct ipc_channels *policy);

/*
 * Show a chunk to the filter of its channel.
 * place    the channel's place in the client's list; it is open towards the target
 * chunk    size bytes without header; may be edited in place
 * Returns  VERDICT_PASS, VERDICT_DROP or VERDICT_REFUSE; has_words of both flows is up to date
 */
enum verdict splice_channel_filter(struct splice *s, size_t place, enum channel_direction direction,
                                   const struct channel_header *header, uint8_t *chunk,
                                   size_t size);

/* Put what the filters have to say into the side buffer of flow, which must be empty. */
void splice_channel_words(struct splice *s, struct flow *flow);

/* Report what is still under way when the session ends. */
void splice_channels_end(struct splice *s);

/* Record why a frame is refused. */
enum verdict splice_refuse(struct flow *flow, enum sp_err code, const char *where, uint32_t got,
                           uint32_t want);

/* As splice_refuse, with a reader's or writer's failure. */
enum verdict splice_refuse_fail(struct flow *flow, const struct sp_fail *fail);

/* Send a note without numbers but a. */
void splice_note(struct splice *s, enum ipc_note_kind kind, uint64_t a);

#endif
