/* SPDX-License-Identifier: Apache-2.0
 * The clipboard filter: who may copy what to whom, message by message.
 */
#include <string.h>

#include "rdp/cliprdr_priv.h"

/* A message of which the first chunk is here. */
struct first {
    enum channel_direction direction;
    struct cliprdr_header header;
    struct rd body; /* what is here of the data, without surplus */
    size_t total;
};

typedef enum sp_err handler(struct cliprdr_filter *f, struct first *m, enum svc_mode *mode,
                            struct svc_out *out);

enum sp_err cliprdr_fail(struct svc_out *out, const struct rd *r)
{
    return sp_fail_set(&out->fail, r->fail.code, r->fail.where, r->fail.got, r->fail.want);
}

enum sp_err cliprdr_answer(struct svc_out *out, enum channel_direction to, uint16_t type,
                           uint16_t flags, const uint32_t *stream_id)
{
    uint8_t message[CLIPRDR_HEADER_SIZE + 4];
    struct cliprdr_header header = {type, flags, stream_id != NULL ? 4 : 0};
    struct wr w;

    wr_init(&w, message, sizeof(message));
    cliprdr_header_write(&w, &header);
    if (stream_id != NULL)
        wr_u32le(&w, *stream_id);
    return svc_out_put(out, to, message, w.pos);
}

static bool files_pass(const struct cliprdr_filter *f, enum channel_direction direction)
{
    return (f->policy.clipboard & svc_way(direction)) != 0 &&
           (f->policy.clipboard_kinds & SVC_CLIPBOARD_FILES) != 0;
}

static enum sp_err on_gathered(struct cliprdr_filter *f, struct first *m, enum svc_mode *mode,
                               struct svc_out *out)
{
    (void)f, (void)m, (void)out;
    *mode = SVC_MODE_GATHER;
    return SP_OK;
}

static enum sp_err on_plain(struct cliprdr_filter *f, struct first *m, enum svc_mode *mode,
                            struct svc_out *out)
{
    (void)f, (void)m, (void)out;
    *mode = SVC_MODE_PASS;
    return SP_OK;
}

/* A path of the client's machine, of no use to a target that cannot reach it. */
static enum sp_err on_temp_directory(struct cliprdr_filter *f, struct first *m, enum svc_mode *mode,
                                     struct svc_out *out)
{
    (void)f, (void)m, (void)out;
    *mode = SVC_MODE_DROP;
    return SP_OK;
}

static const struct cliprdr_announced *find_format(const struct cliprdr_owner *o, uint32_t id)
{
    for (size_t i = 0; i < o->format_count; i++) {
        if (o->formats[i].id == id)
            return &o->formats[i];
    }
    return NULL;
}

/*
 * Requests carry no number, so that answers must keep their order: ours to a refused request waits
 * for those of the owner to the requests before it.
 */
static enum sp_err on_data_request(struct cliprdr_filter *f, struct first *m, enum svc_mode *mode,
                                   struct svc_out *out)
{
    enum channel_direction back = svc_back(m->direction);
    struct cliprdr_owner *o = &f->owner[back];
    uint32_t id = rd_u32le(&m->body, "CLIPRDR_FORMAT_DATA_REQUEST.requestedFormatId");

    if (!rd_ok(&m->body))
        return cliprdr_fail(out, &m->body);
    const struct cliprdr_announced *format = find_format(o, id);
    bool is_full = o->pending_count == CLIPRDR_REQUESTS_MAX;
    if (format == NULL)
        svc_out_refused(out, svc_way(back), "clipboard data that was not announced", NULL);
    if (is_full || (format == NULL && o->pending_count == 0))
        return cliprdr_answer(out, back, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_FAIL, NULL);
    struct cliprdr_pending *p = &o->pending[o->pending_count++];
    *p = (struct cliprdr_pending){.is_denied = format == NULL, .generation = o->generation};
    if (format != NULL) {
        p->format = *format;
        *mode = SVC_MODE_PASS;
    }
    return SP_OK;
}

static struct cliprdr_pending pop_pending(struct cliprdr_owner *o)
{
    struct cliprdr_pending head = o->pending[0];

    o->pending_count--;
    memmove(o->pending, o->pending + 1, o->pending_count * sizeof(o->pending[0]));
    return head;
}

enum sp_err cliprdr_answer_denied(struct cliprdr_owner *o, enum channel_direction direction,
                                  struct svc_out *out)
{
    while (o->pending_count > 0 && o->pending[0].is_denied) {
        enum sp_err err =
            cliprdr_answer(out, direction, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_FAIL, NULL);

        if (err != SP_OK)
            return err;
        (void)pop_pending(o);
    }
    return SP_OK;
}

static enum sp_err on_data_response(struct cliprdr_filter *f, struct first *m, enum svc_mode *mode,
                                    struct svc_out *out)
{
    struct cliprdr_owner *o = &f->owner[m->direction];
    enum sp_err err;

    /* Data that nobody was allowed to ask for. */
    if (o->pending_count == 0)
        return SP_OK;
    struct cliprdr_pending asked = pop_pending(o);
    bool is_ok = (m->header.msg_flags & CB_RESPONSE_FAIL) == 0;
    if (is_ok && asked.format.kind == CLIPRDR_FILES) {
        o->gathering_generation = asked.generation;
        *mode = SVC_MODE_GATHER;
        if (m->total <= CLIPRDR_GATHER_MAX)
            return SP_OK;
        *mode = SVC_MODE_DROP;
        svc_out_refused(out, svc_way(m->direction), "clipboard file list too long", NULL);
        err = cliprdr_answer(out, m->direction, CB_FORMAT_DATA_RESPONSE, CB_RESPONSE_FAIL, NULL);
        return err != SP_OK ? err : cliprdr_answer_denied(o, m->direction, out);
    }
    *mode = SVC_MODE_PASS;
    if (is_ok) {
        o->passing = CLIPRDR_PASS_DATA;
        o->passing_format = asked.format;
        o->passing_end = CLIPRDR_HEADER_SIZE + m->header.data_len;
        svc_hash_init(&o->passing_hash);
    }
    return cliprdr_answer_denied(o, m->direction, out);
}

static enum sp_err on_lock(struct cliprdr_filter *f, struct first *m, enum svc_mode *mode,
                           struct svc_out *out)
{
    enum channel_direction back = svc_back(m->direction);
    uint32_t id = rd_u32le(&m->body, "CLIPRDR_LOCK_CLIPDATA.clipDataId");

    if (!rd_ok(&m->body))
        return cliprdr_fail(out, &m->body);
    if (!files_pass(f, back))
        return SP_OK;
    *mode = SVC_MODE_PASS;
    if (m->header.msg_type == CB_LOCK_CLIPDATA)
        cliprdr_lock(&f->owner[back], id);
    else
        cliprdr_unlock(&f->owner[back], back, id, out);
    return SP_OK;
}

static enum sp_err on_contents_request(struct cliprdr_filter *f, struct first *m,
                                       enum svc_mode *mode, struct svc_out *out)
{
    enum channel_direction back = svc_back(m->direction);
    struct cliprdr_owner *o = &f->owner[back];
    struct cliprdr_range range;

    if (cliprdr_contents_request_read(&m->body, &range.request) != SP_OK)
        return cliprdr_fail(out, &m->body);
    if (files_pass(f, back) && cliprdr_range_generation(o, &range) &&
        o->range_count < CLIPRDR_RANGES_MAX) {
        o->ranges[o->range_count++] = range;
        *mode = SVC_MODE_PASS;
        return SP_OK;
    }
    svc_out_refused(out, svc_way(back), "clipboard file", NULL);
    return cliprdr_answer(out, back, CB_FILECONTENTS_RESPONSE, CB_RESPONSE_FAIL,
                          &range.request.stream_id);
}

/* Take the oldest request of this stream; false if there is none. */
static bool pop_range(struct cliprdr_owner *o, uint32_t stream_id, struct cliprdr_range *range)
{
    for (size_t i = 0; i < o->range_count; i++) {
        if (o->ranges[i].request.stream_id != stream_id)
            continue;
        *range = o->ranges[i];
        o->range_count--;
        memmove(o->ranges + i, o->ranges + i + 1, (o->range_count - i) * sizeof(o->ranges[0]));
        return true;
    }
    return false;
}

static enum sp_err on_contents_response(struct cliprdr_filter *f, struct first *m,
                                        enum svc_mode *mode, struct svc_out *out)
{
    struct cliprdr_owner *o = &f->owner[m->direction];
    uint32_t stream_id = rd_u32le(&m->body, "CLIPRDR_FILECONTENTS_RESPONSE.streamId");
    struct cliprdr_range range;

    if (!rd_ok(&m->body))
        return cliprdr_fail(out, &m->body);
    if (!pop_range(o, stream_id, &range))
        return SP_OK;
    *mode = SVC_MODE_PASS;
    if ((m->header.msg_flags & CB_RESPONSE_FAIL) != 0)
        return SP_OK;
    uint32_t size = m->header.data_len - 4;
    if (range.request.is_size ? size == 8 : size <= range.request.requested) {
        cliprdr_moving_start(f, m->direction, &range, size, &m->body, out);
        return SP_OK;
    }
    /* More than was asked for: some receivers copied it all the same. */
    *mode = SVC_MODE_DROP;
    svc_out_refused(out, svc_way(m->direction), "clipboard file contents of a wrong size", NULL);
    return cliprdr_answer(out, m->direction, CB_FILECONTENTS_RESPONSE, CB_RESPONSE_FAIL,
                          &stream_id);
}

#define FROM_CLIENT 1u
#define FROM_SERVER 2u
#define FROM_BOTH   3u

static const struct {
    uint8_t from;
    handler *on;
} handlers[] = {
    [CB_MONITOR_READY] = {FROM_SERVER, on_plain},
    [CB_FORMAT_LIST] = {FROM_BOTH, on_gathered},
    [CB_FORMAT_LIST_RESPONSE] = {FROM_BOTH, on_plain},
    [CB_FORMAT_DATA_REQUEST] = {FROM_BOTH, on_data_request},
    [CB_FORMAT_DATA_RESPONSE] = {FROM_BOTH, on_data_response},
    [CB_TEMP_DIRECTORY] = {FROM_CLIENT, on_temp_directory},
    [CB_CLIP_CAPS] = {FROM_BOTH, on_gathered},
    [CB_FILECONTENTS_REQUEST] = {FROM_BOTH, on_contents_request},
    [CB_FILECONTENTS_RESPONSE] = {FROM_BOTH, on_contents_response},
    [CB_LOCK_CLIPDATA] = {FROM_BOTH, on_lock},
    [CB_UNLOCK_CLIPDATA] = {FROM_BOTH, on_lock},
};

static enum sp_err first(void *filter, enum channel_direction direction, const uint8_t *data,
                         size_t size, size_t total, enum svc_mode *mode, struct svc_out *out)
{
    uint8_t from = direction == CHANNEL_CLIENT_TO_SERVER ? FROM_CLIENT : FROM_SERVER;
    struct cliprdr_filter *f = filter;
    struct first m = {.direction = direction, .total = total};
    struct rd r;

    f->owner[direction].passing = CLIPRDR_PASS_PLAIN;
    rd_init(&r, data, size);
    if (cliprdr_header_read(&r, total, &m.header) != SP_OK)
        return cliprdr_fail(out, &r);
    uint16_t type = m.header.msg_type;
    if (type >= sizeof(handlers) / sizeof(handlers[0]) || (handlers[type].from & from) == 0)
        return sp_fail_set(&out->fail, SP_EVALUE, "CLIPRDR_HEADER.msgType", type, 0);
    rd_sub(&r, m.header.data_len < r.left ? m.header.data_len : r.left, &m.body, "clipboard data");
    return handlers[type].on(f, &m, mode, out);
}

/* A record of text or a picture that passed whole. CF_LOCALE only says a text's language. */
static void record_data(struct cliprdr_owner *o, enum channel_direction direction,
                        struct svc_out *out)
{
    struct svc_transfer record = {.way = svc_way(direction)};
    size_t size = o->passing_end - CLIPRDR_HEADER_SIZE;

    if (o->passing_format.id == 16)
        return;
    record.kind = o->passing_format.kind == CLIPRDR_IMAGE ? SVC_TRANSFER_CLIPBOARD_IMAGE
                                                          : SVC_TRANSFER_CLIPBOARD_TEXT;
    record.size = record.bytes = size;
    memcpy(record.name, o->passing_format.name, sizeof(o->passing_format.name));
    svc_hash_finish(&o->passing_hash, true, &record);
    svc_out_record(out, &record);
}

static enum sp_err passing(void *filter, enum channel_direction direction, const uint8_t *data,
                           size_t size, size_t at, bool is_last, struct svc_out *out)
{
    struct cliprdr_filter *f = filter;
    struct cliprdr_owner *o = &f->owner[direction];
    size_t begin = CLIPRDR_HEADER_SIZE + (o->passing == CLIPRDR_PASS_CONTENTS ? 4 : 0);
    size_t skip = at < begin ? begin - at : 0;
    size_t end = at + size < o->passing_end ? at + size : o->passing_end;

    if (o->passing == CLIPRDR_PASS_PLAIN)
        return SP_OK;
    if (at + skip < end) {
        if (o->passing == CLIPRDR_PASS_DATA)
            svc_hash_update(&o->passing_hash, data + skip, end - at - skip);
        else
            cliprdr_moving_update(o, data + skip, end - at - skip);
    }
    if (is_last && o->passing == CLIPRDR_PASS_DATA)
        record_data(o, direction, out);
    else if (is_last)
        cliprdr_moving_stop(o, direction, out);
    return SP_OK;
}

static const struct svc_steps steps = {first, passing, cliprdr_whole};

void cliprdr_filter_init(struct cliprdr_filter *f, const struct svc_policy *policy)
{
    f->policy = *policy;
    for (size_t i = 0; i < 2; i++) {
        f->owner[i].side.buf = f->owner[i].gathered;
        f->owner[i].side.capacity = sizeof(f->owner[i].gathered);
    }
}

enum svc_verdict cliprdr_filter_chunk(struct cliprdr_filter *f, enum channel_direction direction,
                                      const struct channel_header *header, const uint8_t *data,
                                      size_t size, struct svc_out *out)
{
    return svc_filter_step(&steps, f, &f->owner[direction].side, direction, header, data, size,
                           out);
}
