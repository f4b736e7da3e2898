/* SPDX-License-Identifier: Apache-2.0
 * What passes through the static channels: every chunk is shown to its channel's filter.
 */
#include "session/splice_channels.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/ipc_transfer.h"
#include "rdp/mcs.h"
#include "session/splice_priv.h"

/* Dynamic channels may use this part of the session's notes; the rest is kept for failures. */
#define NOTES_MAX (IPC_NOTES_MAX / 2)

static_assert(SVC_TRANSFER_REFUSED == (int)IPC_TRANSFER_REFUSED, "the same order");
static_assert(SVC_WAY_TO_TARGET == IPC_WAY_TO_TARGET && SVC_WAY_TO_CLIENT == IPC_WAY_TO_CLIENT,
              "the same bits");
static_assert(SVC_CLIPBOARD_FILES == IPC_CLIPBOARD_FILES, "the same bits");
static_assert(SVC_DEVICE_PORTS == IPC_DEVICE_PORTS, "the same bits");

static enum splice_filter filter_for(const char *name)
{
    if (channel_name_equal(name, "cliprdr"))
        return SPLICE_FILTER_CLIPRDR;
    if (channel_name_equal(name, "rdpdr"))
        return SPLICE_FILTER_RDPDR;
    return channel_name_equal(name, "drdynvc") ? SPLICE_FILTER_DRDYNVC : SPLICE_FILTER_NONE;
}

void splice_channels_init(struct splice *s, const struct ipc_channels *policy)
{
    struct splice_channels *c = &s->filters;
    struct svc_policy svc = {.clipboard = policy->clipboard,
                             .clipboard_kinds = policy->clipboard_kinds,
                             .drives = policy->drives,
                             .devices = policy->devices};

    if (c->is_used)
        memset(c, 0, sizeof(*c));
    memset(c->place_of, BACK_NO_CHANNEL, sizeof(c->place_of));
    for (size_t i = 0; i < GCC_CHANNEL_COUNT_MAX; i++) {
        bool is_there =
            i < s->front->settings.channel_count && s->back->channel_of[i] != BACK_NO_CHANNEL;
        enum splice_filter f =
            is_there ? filter_for(s->front->settings.channels[i].name) : SPLICE_FILTER_NONE;

        c->filter_of[i] = (uint8_t)f;
        if (f != SPLICE_FILTER_NONE)
            c->place_of[f] = (uint8_t)i;
    }
    if (c->place_of[SPLICE_FILTER_CLIPRDR] != BACK_NO_CHANNEL)
        cliprdr_filter_init(&c->cliprdr, &svc);
    if (c->place_of[SPLICE_FILTER_RDPDR] != BACK_NO_CHANNEL)
        rdpdr_filter_init(&c->rdpdr, &svc);
    c->drdynvc.devices = policy->devices;
}

/* A note about a dynamic channel, as long as there is room for them. */
static void note_dynamic(struct splice *s, enum ipc_note_kind kind, const char *name,
                         const char *what, uint64_t to_client, uint64_t to_target)
{
    struct ipc_note note = {.kind = kind, .step = IPC_STEP_SPLICE, .a = to_client, .b = to_target};

    if (s->keeper->note_count >= NOTES_MAX)
        return;
    snprintf(note.text, sizeof(note.text), "%s", name);
    snprintf(note.where, sizeof(note.where), "%s", what);
    keeper_note(s->keeper, &note);
}

static enum sp_err report_transfer(struct splice *s, enum splice_filter f,
                                   const struct svc_transfer *t)
{
    struct ipc_transfer msg = {.kind = t->kind,
                               .way = t->way,
                               .size = t->size,
                               .bytes = t->bytes,
                               .is_hashed = t->is_hashed ? 1 : 0,
                               .channel = f == SPLICE_FILTER_CLIPRDR ? IPC_TRANSFER_CLIPRDR
                                                                     : IPC_TRANSFER_RDPDR};

    memcpy(msg.sha256, t->sha256, sizeof(msg.sha256));
    snprintf(msg.name, sizeof(msg.name), "%s", t->name);
    return keeper_transfer(s->keeper, &msg);
}

static struct flow *flow_of(struct splice *s, enum channel_direction direction)
{
    return direction == CHANNEL_CLIENT_TO_SERVER ? &s->to_target : &s->to_client;
}

/* True if some filter has something to say in this direction. */
static bool has_words(const struct splice *s, enum channel_direction direction)
{
    for (size_t i = 0; i < SPLICE_FILTER_COUNT; i++)
        if (svc_out_pending(&s->filters.out[i], direction))
            return true;
    return false;
}

static void look_for_words(struct splice *s)
{
    s->to_client.has_words = has_words(s, CHANNEL_SERVER_TO_CLIENT);
    s->to_target.has_words = has_words(s, CHANNEL_CLIENT_TO_SERVER);
}

static enum verdict refuse_exploit(struct splice *s, struct flow *flow, const struct svc_out *out)
{
    struct ipc_note note = {.kind = IPC_NOTE_EXPLOIT, .step = IPC_STEP_SPLICE, .code = SP_EVALUE};

    snprintf(note.text, sizeof(note.text), "%s", out->exploit);
    snprintf(note.where, sizeof(note.where), "%s", out->exploit_where);
    keeper_note(s->keeper, &note);
    return splice_refuse(flow, SP_EVALUE, out->exploit_where, 0, 0);
}

/* Clipboard and devices. */
static enum verdict filter_svc(struct splice *s, enum splice_filter f,
                               enum channel_direction direction,
                               const struct channel_header *header, const uint8_t *chunk,
                               size_t size)
{
    struct splice_channels *c = &s->filters;
    struct svc_out *out = &c->out[f];
    struct flow *flow = flow_of(s, direction);
    struct svc_transfer transfer;
    enum svc_verdict v =
        f == SPLICE_FILTER_CLIPRDR
            ? cliprdr_filter_chunk(&c->cliprdr, direction, header, chunk, size, out)
            : rdpdr_filter_chunk(&c->rdpdr, direction, header, chunk, size, out);

    while (svc_out_transfer(out, &transfer))
        if (report_transfer(s, f, &transfer) != SP_OK)
            return splice_refuse(flow, SP_ELIMIT, "transfers", IPC_TRANSFERS_MAX, 0);
    if (out->exploit != NULL)
        return refuse_exploit(s, flow, out);
    if (v == SVC_REFUSE)
        return splice_refuse_fail(flow, &out->fail);
    look_for_words(s);
    return v == SVC_PASS ? VERDICT_PASS : VERDICT_DROP;
}

static void note_event(struct splice *s, const struct drdynvc_report *r)
{
    switch (r->event) {
    case DRDYNVC_EVENT_NONE:
        break;
    case DRDYNVC_EVENT_OPENED:
        note_dynamic(s, IPC_NOTE_DVC_OPENED, r->name, "", 0, 0);
        break;
    case DRDYNVC_EVENT_CLOSED:
        note_dynamic(s, IPC_NOTE_DVC_CLOSED, r->name, "", r->to_client, r->to_target);
        break;
    case DRDYNVC_EVENT_DENIED:
        note_dynamic(s, IPC_NOTE_DVC_REFUSED, r->name, "open", 0, 0);
        break;
    case DRDYNVC_EVENT_LAYOUT:
        note_dynamic(s, IPC_NOTE_DVC_REFUSED, r->name, "display layout", 0, 0);
        break;
    }
}

/* Dynamic channels: data passes after a look at its header. */
static enum verdict filter_dynamic(struct splice *s, enum channel_direction direction,
                                   const struct channel_header *header, uint8_t *chunk, size_t size)
{
    struct splice_channels *c = &s->filters;
    struct svc_out *out = &c->out[SPLICE_FILTER_DRDYNVC];
    struct flow *flow = flow_of(s, direction);
    struct drdynvc_report report;
    enum drdynvc_verdict v =
        drdynvc_filter_step(&c->drdynvc, direction, header, chunk, size,
                            direction == CHANNEL_CLIENT_TO_SERVER ? clock_now_ms() : 0, &report);

    if (v == DRDYNVC_VERDICT_REFUSE)
        return splice_refuse_fail(flow, &report.fail);
    out->queue[direction].is_passing =
        v == DRDYNVC_VERDICT_PASS && (header->flags & CHANNEL_FLAG_LAST) == 0;
    out->queue[direction].flags = header->flags & CHANNEL_FLAG_SHOW_PROTOCOL;
    if (report.event != DRDYNVC_EVENT_NONE)
        note_event(s, &report);
    if (report.answer_size > 0 &&
        svc_out_put(out, svc_back(direction), report.answer, report.answer_size) != SP_OK)
        return splice_refuse(flow, SP_ELIMIT, "answers to drdynvc", SVC_QUEUE_SIZE, 0);
    if (report.answer_size > 0 || s->to_client.has_words || s->to_target.has_words)
        look_for_words(s);
    return v == DRDYNVC_VERDICT_PASS ? VERDICT_PASS : VERDICT_DROP;
}

enum verdict splice_channel_filter(struct splice *s, size_t place, enum channel_direction direction,
                                   const struct channel_header *header, uint8_t *chunk, size_t size)
{
    enum splice_filter f = (enum splice_filter)s->filters.filter_of[place];
    struct sp_fail fail = {0};

    if (f == SPLICE_FILTER_NONE)
        return VERDICT_PASS;
    s->filters.is_used = true;
    if (f != SPLICE_FILTER_DRDYNVC)
        return filter_svc(s, f, direction, header, chunk, size);
    if (direction == CHANNEL_SERVER_TO_CLIENT &&
        channel_stream_step(&s->filters.dynamic_to_client, direction, header, size,
                            CHANNEL_CHUNK_MAX, &fail) != SP_OK)
        return splice_refuse_fail(flow_of(s, direction), &fail);
    return filter_dynamic(s, direction, header, chunk, size);
}

/* The room that one chunk needs at most, with everything around it. */
static size_t room_for_chunk(size_t chunk_max)
{
    return chunk_max + CHANNEL_HEADER_SIZE + MCS_SEND_OVERHEAD_MAX;
}

static void write_chunk(struct splice *s, struct wr *w, bool to_client, uint8_t place,
                        const struct channel_header *header, const uint8_t *data, size_t size)
{
    const struct back *b = s->back;
    size_t mark =
        to_client
            ? mcs_send_begin(w, true, MCS_SERVER_CHANNEL, (uint16_t)(FRONT_CHANNEL_FIRST + place))
            : mcs_send_begin(w, false, b->user_id, b->channel_ids[b->channel_of[place]]);

    channel_header_write(w, header);
    wr_bytes(w, data, size);
    mcs_send_end(w, mark);
}

void splice_channel_words(struct splice *s, struct flow *flow)
{
    bool to_client = flow == &s->to_client;
    enum channel_direction direction =
        to_client ? CHANNEL_SERVER_TO_CLIENT : CHANNEL_CLIENT_TO_SERVER;
    size_t chunk_max = to_client ? CHANNEL_CHUNK_LENGTH : s->chunk_max;
    struct channel_header header;
    const uint8_t *data;
    size_t size;
    struct wr w;

    wr_init(&w, flow->side, sizeof(flow->side));
    for (size_t i = 0; i < SPLICE_FILTER_COUNT; i++) {
        while (w.size - w.pos >= room_for_chunk(chunk_max) &&
               svc_out_next(&s->filters.out[i], direction, chunk_max, &header, &data, &size))
            write_chunk(s, &w, to_client, s->filters.place_of[i], &header, data, size);
    }
    SP_BUG(!wr_ok(&w));
    flow->side_size = w.pos;
    flow->has_words = has_words(s, direction);
}

void splice_channels_end(struct splice *s)
{
    struct splice_channels *c = &s->filters;
    const struct drdynvc_channel *open;
    struct svc_transfer t;
    size_t at = 0;

    while (drdynvc_filter_next_open(&c->drdynvc, &at, &open))
        note_dynamic(s, IPC_NOTE_DVC_CLOSED, open->name, "", open->bytes[CHANNEL_SERVER_TO_CLIENT],
                     open->bytes[CHANNEL_CLIENT_TO_SERVER]);
    while (cliprdr_filter_end(&c->cliprdr, &t))
        if (report_transfer(s, SPLICE_FILTER_CLIPRDR, &t) != SP_OK)
            return;
    while (rdpdr_filter_end(&c->rdpdr, &t))
        if (report_transfer(s, SPLICE_FILTER_RDPDR, &t) != SP_OK)
            return;
}
