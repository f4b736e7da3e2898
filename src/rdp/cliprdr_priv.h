/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the clipboard filter share: messages judged whole, and files on the move.
 */
#ifndef SP_RDP_CLIPRDR_PRIV_H
#define SP_RDP_CLIPRDR_PRIV_H

#include "rdp/cliprdr.h"

/* ---- cliprdr_filter.c ---- */

/* Take over a reader's failure as the reason of a refusal. */
enum sp_err cliprdr_fail(struct svc_out *out, const struct rd *r);

/*
 * Send a message without data, or with a streamId alone.
 * stream_id NULL for none
 * Errors:  SP_ELIMIT
 */
SP_MUST_USE enum sp_err cliprdr_answer(struct svc_out *out, enum channel_direction to,
                                       uint16_t type, uint16_t flags, const uint32_t *stream_id);

/* Answer the refused requests whose turn has come. Errors: SP_ELIMIT */
SP_MUST_USE enum sp_err cliprdr_answer_denied(struct cliprdr_owner *o,
                                              enum channel_direction direction,
                                              struct svc_out *out);

/* ---- cliprdr_whole.c ---- */

/* Judge a gathered message: capabilities, a format list, or a list of files. */
enum sp_err cliprdr_whole(void *filter, enum channel_direction direction, uint8_t *data,
                          size_t size, struct svc_out *out);

/* ---- cliprdr_files.c ---- */

/* Keep names and sizes of a list that cliprdr_file_next has judged; those that do not fit, not. */
void cliprdr_names_keep(struct cliprdr_owner *o, struct rd files, uint32_t count);

/* The owner has a new clipboard: records for files that nobody can ask for any more. */
void cliprdr_generation_next(struct cliprdr_owner *o, enum channel_direction direction,
                             struct svc_out *out);

/* The other side asks to keep the present clipboard's files; the oldest lock goes if too many. */
void cliprdr_lock(struct cliprdr_owner *o, uint32_t id);

/* The other side gives a lock back. */
void cliprdr_unlock(struct cliprdr_owner *o, enum channel_direction direction, uint32_t id,
                    struct svc_out *out);

/* Find which clipboard a request for contents means; false if it has no list of files. */
bool cliprdr_range_generation(const struct cliprdr_owner *o, struct cliprdr_range *range);

/*
 * An answer to a request for contents begins to pass.
 * size     of its data, the streamId not counted
 * body     at the data
 */
void cliprdr_moving_start(struct cliprdr_filter *f, enum channel_direction direction,
                          const struct cliprdr_range *range, uint32_t size, struct rd *body,
                          struct svc_out *out);

/* Some of its data passes. */
void cliprdr_moving_update(struct cliprdr_owner *o, const uint8_t *data, size_t size);

/* It passed whole: a record if the file is complete. */
void cliprdr_moving_stop(struct cliprdr_owner *o, enum channel_direction direction,
                         struct svc_out *out);

#endif
