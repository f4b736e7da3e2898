/* SPDX-License-Identifier: Apache-2.0
 * What the filters of static virtual channels share: whole messages, queues, records, hashes.
 */
#include "rdp/svc.h"

#include <stdio.h>
#include <string.h>

#define ENTRY_SIZE 4 /* the length before each message of a queue */

static const uint8_t *queue_head(const struct svc_queue *q, size_t *size)
{
    struct rd r;

    if (q->lent_size > 0) {
        *size = q->lent_size;
        return q->lent;
    }
    rd_init(&r, q->buf + q->at, q->used - q->at);
    *size = rd_u32le(&r, "queue");
    SP_BUG(!rd_ok(&r) || *size > r.left);
    return r.at;
}

static void queue_pop(struct svc_queue *q, size_t size)
{
    q->sent = 0;
    if (q->lent_size > 0) {
        q->lent = NULL;
        q->lent_size = 0;
        return;
    }
    q->at += ENTRY_SIZE + size;
    if (q->at == q->used)
        q->at = q->used = 0;
}

bool svc_out_pending(const struct svc_out *out, enum channel_direction direction)
{
    const struct svc_queue *q = &out->queue[direction];

    return !q->is_passing && (q->lent_size > 0 || q->at < q->used);
}

bool svc_out_next(struct svc_out *out, enum channel_direction direction, size_t chunk_max,
                  struct channel_header *header, const uint8_t **data, size_t *size)
{
    struct svc_queue *q = &out->queue[direction];
    size_t total;

    SP_BUG(chunk_max == 0);
    if (!svc_out_pending(out, direction))
        return false;
    const uint8_t *message = queue_head(q, &total);
    size_t n = total - q->sent < chunk_max ? total - q->sent : chunk_max;
    header->length = (uint32_t)total;
    header->flags = q->flags;
    if (q->sent == 0)
        header->flags |= CHANNEL_FLAG_FIRST;
    *data = message + q->sent;
    *size = n;
    q->sent += n;
    if (q->sent == total) {
        header->flags |= CHANNEL_FLAG_LAST;
        queue_pop(q, total);
    }
    return true;
}

enum sp_err svc_out_put(struct svc_out *out, enum channel_direction direction, const uint8_t *data,
                        size_t size)
{
    struct svc_queue *q = &out->queue[direction];
    struct wr w;

    SP_BUG(size == 0);
    if (q->at > 0) {
        memmove(q->buf, q->buf + q->at, q->used - q->at);
        q->used -= q->at;
        q->at = 0;
    }
    if (size > sizeof(q->buf) - q->used || sizeof(q->buf) - q->used - size < ENTRY_SIZE)
        return sp_fail_set(&out->fail, SP_ELIMIT, "answers that wait", (uint32_t)q->used,
                           sizeof(q->buf));
    wr_init(&w, q->buf + q->used, sizeof(q->buf) - q->used);
    wr_u32le(&w, (uint32_t)size);
    wr_bytes(&w, data, size);
    SP_BUG(!wr_ok(&w));
    q->used += w.pos;
    return SP_OK;
}

void svc_out_lend(struct svc_out *out, enum channel_direction direction, const uint8_t *data,
                  size_t size)
{
    struct svc_queue *q = &out->queue[direction];

    SP_BUG(size == 0 || size > UINT32_MAX || q->lent_size > 0 || q->sent > 0);
    q->lent = data;
    q->lent_size = size;
}

bool svc_out_transfer(struct svc_out *out, struct svc_transfer *transfer)
{
    if (out->transfers_count == 0)
        return false;
    *transfer = out->transfers[out->transfers_at];
    out->transfers_at = (out->transfers_at + 1) % SVC_TRANSFERS_MAX;
    out->transfers_count--;
    return true;
}

void svc_out_record(struct svc_out *out, const struct svc_transfer *transfer)
{
    if (out->transfers_count == SVC_TRANSFERS_MAX) {
        out->transfers_lost++;
        return;
    }
    out->transfers[(out->transfers_at + out->transfers_count) % SVC_TRANSFERS_MAX] = *transfer;
    out->transfers_count++;
}

void svc_out_refused(struct svc_out *out, uint32_t way, const char *what, const char *detail)
{
    struct svc_transfer record = {.kind = SVC_TRANSFER_REFUSED, .way = way};

    if (out->refusals >= SVC_TRANSFERS_MAX)
        return;
    out->refusals++;
    snprintf(record.name, sizeof(record.name), "%s%s%s", what, detail != NULL ? ": " : "",
             detail != NULL ? detail : "");
    svc_out_record(out, &record);
}

enum channel_direction svc_back(enum channel_direction direction)
{
    return direction == CHANNEL_CLIENT_TO_SERVER ? CHANNEL_SERVER_TO_CLIENT
                                                 : CHANNEL_CLIENT_TO_SERVER;
}

uint32_t svc_way(enum channel_direction direction)
{
    return direction == CHANNEL_CLIENT_TO_SERVER ? SVC_WAY_TO_TARGET : SVC_WAY_TO_CLIENT;
}

static enum sp_err gather(struct svc_side *side, const uint8_t *data, size_t size,
                          struct svc_out *out)
{
    if (size > side->capacity - side->size)
        return sp_fail_set(&out->fail, SP_ELIMIT, "message held for inspection",
                           side->stream.length, (uint32_t)side->capacity);
    if (size > 0)
        memcpy(side->buf + side->size, data, size);
    side->size += size;
    return SP_OK;
}

static enum sp_err choose(const struct svc_steps *steps, void *filter, struct svc_side *side,
                          enum channel_direction direction, const uint8_t *data, size_t size,
                          struct svc_out *out)
{
    size_t total = side->stream.length;

    /* Senders fill their chunks (2.2.6.1), so that the first one shows what the message is. */
    if (size < SVC_PREFIX_SIZE && size < total)
        return sp_fail_set(&out->fail, SP_EVALUE, "first chunk of a message", (uint32_t)size,
                           SVC_PREFIX_SIZE);
    side->size = 0;
    side->mode = SVC_MODE_DROP;
    return steps->first(filter, direction, data, size, total, &side->mode, out);
}

static enum sp_err step(const struct svc_steps *steps, void *filter, struct svc_side *side,
                        enum channel_direction direction, const struct channel_header *header,
                        const uint8_t *data, size_t size, struct svc_out *out)
{
    enum sp_err err =
        channel_stream_step(&side->stream, direction, header, size, CHANNEL_CHUNK_MAX, &out->fail);
    bool is_last = (header->flags & CHANNEL_FLAG_LAST) != 0;

    if (err == SP_OK && (header->flags & CHANNEL_FLAG_FIRST) != 0)
        err = choose(steps, filter, side, direction, data, size, out);
    if (err != SP_OK || side->mode == SVC_MODE_DROP)
        return err;
    if (side->mode == SVC_MODE_PASS) {
        out->queue[direction].is_passing = !is_last;
        return steps->passing(filter, direction, data, size, side->stream.received - size, is_last,
                              out);
    }
    err = gather(side, data, size, out);
    if (err == SP_OK && is_last)
        err = steps->whole(filter, direction, side->buf, side->size, out);
    return err;
}

enum svc_verdict svc_filter_step(const struct svc_steps *steps, void *filter, struct svc_side *side,
                                 enum channel_direction direction,
                                 const struct channel_header *header, const uint8_t *data,
                                 size_t size, struct svc_out *out)
{
    SP_BUG(svc_out_pending(out, direction));
    out->exploit = NULL;
    out->exploit_where = NULL;
    out->fail = (struct sp_fail){0};
    /* Words to the receiver's sender, without a message (MS-RDPBCGR 2.2.6.1.1). */
    if ((header->flags & (CHANNEL_FLAG_SUSPEND | CHANNEL_FLAG_RESUME)) != 0 && size == 0) {
        enum sp_err err = channel_stream_step(&side->stream, direction, header, size,
                                              CHANNEL_CHUNK_MAX, &out->fail);

        return err == SP_OK ? SVC_PASS : SVC_REFUSE;
    }
    out->queue[direction].flags = header->flags & CHANNEL_FLAG_SHOW_PROTOCOL;
    enum sp_err err = step(steps, filter, side, direction, header, data, size, out);
    if (err != SP_OK) {
        (void)sp_fail_set(&out->fail, err, "channel message", 0, 0);
        return SVC_REFUSE;
    }
    return side->mode == SVC_MODE_PASS ? SVC_PASS : SVC_DROP;
}

void svc_hash_init(struct svc_hash *h)
{
    sha256_init(&h->sha);
    h->next = 0;
    h->is_ordered = true;
}

void svc_hash_seek(struct svc_hash *h, uint64_t offset)
{
    if (offset != h->next)
        h->is_ordered = false;
}

void svc_hash_update(struct svc_hash *h, const uint8_t *data, size_t size)
{
    if (h->is_ordered)
        sha256_update(&h->sha, size, data);
    h->next += size;
}

void svc_hash_finish(struct svc_hash *h, bool is_whole, struct svc_transfer *transfer)
{
    transfer->is_hashed = h->is_ordered && is_whole;
    if (transfer->is_hashed)
        sha256_digest(&h->sha, sizeof(transfer->sha256), transfer->sha256);
    h->is_ordered = false;
}
