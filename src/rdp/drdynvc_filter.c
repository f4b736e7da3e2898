/* SPDX-License-Identifier: Apache-2.0
 * The filter of dynamic channels: a bounded table of open ids, and a verdict on each chunk.
 */
#include <string.h>

#include "rdp/drdynvc.h"

/* One PDU while it is judged. */
struct step {
    struct drdynvc_filter *d;
    enum channel_direction direction;
    bool is_whole; /* all of the PDU is in this chunk */
    uint32_t data; /* DATA, DATA_FIRST: bytes of the whole PDU's data */
    struct drdynvc_header header;
    struct rd r; /* behind the header */
    uint8_t *chunk;
    int64_t now_ms;
    struct drdynvc_report *report;
};

static enum drdynvc_verdict refuse(struct step *s, enum sp_err code, const char *where,
                                   uint32_t got, uint32_t want)
{
    sp_fail_set(&s->report->fail, code, where, got, want);
    return DRDYNVC_VERDICT_REFUSE;
}

static enum drdynvc_verdict refuse_read(struct step *s)
{
    const struct sp_fail *f = &s->r.fail;

    return refuse(s, f->code, f->where, f->got, f->want);
}

static bool is_from_client(const struct step *s)
{
    return s->direction == CHANNEL_CLIENT_TO_SERVER;
}

static struct drdynvc_channel *find(struct drdynvc_filter *d, uint32_t id)
{
    if (d->latest < d->used && d->channels[d->latest].id == id &&
        d->channels[d->latest].state != DRDYNVC_FREE)
        return &d->channels[d->latest];
    for (size_t i = 0; i < d->used; i++) {
        if (d->channels[i].state != DRDYNVC_FREE && d->channels[i].id == id) {
            d->latest = i;
            return &d->channels[i];
        }
    }
    return NULL;
}

/* A place for a new channel: a free one, a new one, or that of one which is all but gone. */
static struct drdynvc_channel *place(struct drdynvc_filter *d)
{
    for (size_t i = 0; i < d->used; i++)
        if (d->channels[i].state == DRDYNVC_FREE)
            return &d->channels[i];
    if (d->used < DRDYNVC_OPEN_MAX)
        return &d->channels[d->used++];
    for (size_t i = 0; i < d->used; i++)
        if (d->channels[i].state == DRDYNVC_TARGET_CLOSED)
            return &d->channels[i];
    return NULL;
}

static void tell(struct step *s, enum drdynvc_event event, const struct drdynvc_channel *c)
{
    s->report->event = event;
    memcpy(s->report->name, c->name, sizeof(s->report->name));
    s->report->to_client = c->bytes[CHANNEL_SERVER_TO_CLIENT];
    s->report->to_target = c->bytes[CHANNEL_CLIENT_TO_SERVER];
}

/* The client's answer to a channel that it never hears of (3.1.5.1: a negative CreationStatus). */
static enum drdynvc_verdict deny(struct step *s, const char *name)
{
    struct wr w;

    wr_init(&w, s->report->answer, sizeof(s->report->answer));
    drdynvc_create_response_write(&w, s->header.id, DRDYNVC_ACCESS_DENIED);
    s->report->answer_size = w.pos;
    s->report->event = DRDYNVC_EVENT_DENIED;
    drdynvc_name_show(name, s->report->name);
    return DRDYNVC_VERDICT_DROP;
}

static enum drdynvc_verdict on_create_request(struct step *s)
{
    struct drdynvc_channel *c = find(s->d, s->header.id);
    enum drdynvc_kind kind;
    const char *name;

    if (drdynvc_name_read(&s->r, &name) != SP_OK)
        return refuse_read(s);
    if (c != NULL && (c->state == DRDYNVC_ASKED || c->state == DRDYNVC_OPEN))
        return refuse(s, SP_ESTATE, "DYNVC_CREATE_REQ.ChannelId", s->header.id, c->state);
    if (!drdynvc_name_allowed(name, s->d->devices, &kind))
        return deny(s, name);
    if (c == NULL)
        c = place(s->d);
    if (c == NULL)
        return deny(s, name);
    *c =
        (struct drdynvc_channel){.id = s->header.id, .state = DRDYNVC_ASKED, .kind = (uint8_t)kind};
    drdynvc_name_show(name, c->name);
    return DRDYNVC_VERDICT_PASS;
}

static enum drdynvc_verdict on_create_response(struct step *s)
{
    uint32_t status = rd_u32le(&s->r, "DYNVC_CREATE_RSP.CreationStatus");

    rd_end(&s->r, "DYNVC_CREATE_RSP");
    if (!rd_ok(&s->r))
        return refuse_read(s);
    struct drdynvc_channel *c = find(s->d, s->header.id);
    if (c == NULL || c->state != DRDYNVC_ASKED)
        return DRDYNVC_VERDICT_DROP;
    c->state = DRDYNVC_OPEN;
    if ((status & 0x80000000u) != 0)
        c->state = DRDYNVC_FREE; /* HRESULT: the client has no such channel */
    else
        tell(s, DRDYNVC_EVENT_OPENED, c);
    return DRDYNVC_VERDICT_PASS;
}

static enum drdynvc_verdict drop_layout(struct step *s, const struct drdynvc_channel *c)
{
    tell(s, DRDYNVC_EVENT_LAYOUT, c);
    return DRDYNVC_VERDICT_DROP;
}

/* A layout makes the target build a new desktop: only whole and sane ones, and not too often. */
static enum drdynvc_verdict on_layout(struct step *s, const struct drdynvc_channel *c)
{
    struct drdynvc_filter *d = s->d;
    struct rd r = s->r;

    if (!s->is_whole || (s->header.cmd == DYNVC_DATA_FIRST && s->header.total != s->data) ||
        drdynvc_layout_check(&r) != SP_OK)
        return drop_layout(s, c);
    if (d->layouts == 0 || s->now_ms - d->layout_since_ms >= DRDYNVC_LAYOUT_MS) {
        d->layout_since_ms = s->now_ms;
        d->layouts = 0;
    }
    if (d->layouts >= DRDYNVC_LAYOUTS_MAX)
        return drop_layout(s, c);
    d->layouts++;
    return DRDYNVC_VERDICT_PASS;
}

/* FIRST once, and together no more than it announced (3.1.5.2.2): receivers size memory by it. */
static bool is_measured(struct step *s, struct drdynvc_channel *c)
{
    uint32_t *rest = &c->rest[s->direction];

    if (s->header.cmd == DYNVC_DATA_FIRST) {
        if (*rest > 0 || s->data > s->header.total)
            return false;
        *rest = s->header.total - s->data;
    } else if (*rest > 0) {
        if (s->data > *rest)
            return false;
        *rest -= s->data;
    }
    return true;
}

static enum drdynvc_verdict on_data(struct step *s)
{
    struct drdynvc_channel *c = find(s->d, s->header.id);

    if (c == NULL || c->state == DRDYNVC_TARGET_CLOSED) {
        if (is_from_client(s))
            return DRDYNVC_VERDICT_DROP;
        return refuse(s, SP_EVALUE, "DYNVC_DATA.ChannelId", s->header.id, 0);
    }
    if (c->state == DRDYNVC_CLIENT_CLOSED || (is_from_client(s) && c->state != DRDYNVC_OPEN))
        return DRDYNVC_VERDICT_DROP;
    if (is_from_client(s) && c->kind == DRDYNVC_DISPLAY_CONTROL) {
        enum drdynvc_verdict v = on_layout(s, c);

        if (v != DRDYNVC_VERDICT_PASS)
            return v;
    } else if (!is_measured(s, c)) {
        return refuse(s, SP_EVALUE, "DYNVC_DATA_FIRST.Length", s->data, c->rest[s->direction]);
    }
    c->bytes[s->direction] += s->data;
    return DRDYNVC_VERDICT_PASS;
}

static enum drdynvc_verdict on_close(struct step *s)
{
    struct drdynvc_channel *c = find(s->d, s->header.id);

    rd_end(&s->r, "DYNVC_CLOSE");
    if (!rd_ok(&s->r))
        return refuse_read(s);
    /* A close of what was never opened harms nobody: some targets close what was refused. */
    if (c == NULL)
        return DRDYNVC_VERDICT_DROP;
    uint8_t other = is_from_client(s) ? DRDYNVC_TARGET_CLOSED : DRDYNVC_CLIENT_CLOSED;
    uint8_t own = is_from_client(s) ? DRDYNVC_CLIENT_CLOSED : DRDYNVC_TARGET_CLOSED;
    if (c->state == own)
        return DRDYNVC_VERDICT_DROP;
    if (c->state == other) {
        c->state = DRDYNVC_FREE;
        return DRDYNVC_VERDICT_PASS;
    }
    if (c->state == DRDYNVC_OPEN)
        tell(s, DRDYNVC_EVENT_CLOSED, c);
    c->state = own;
    return DRDYNVC_VERDICT_PASS;
}

static enum drdynvc_verdict on_capabilities(struct step *s)
{
    rd_u8(&s->r, "DYNVC_CAPS.Pad");
    size_t at = rd_pos(&s->r);
    uint16_t version = rd_u16le(&s->r, "DYNVC_CAPS.Version");

    rd_min(&s->r, "DYNVC_CAPS.Version", version, 1);
    if (is_from_client(s)) {
        rd_max(&s->r, "DYNVC_CAPS.Version", version, DRDYNVC_VERSION_MAX);
        rd_end(&s->r, "DYNVC_CAPS_RSP");
    } else if (version > 1) {
        rd_skip(&s->r, 8, "DYNVC_CAPS.PriorityCharge0");
        rd_end(&s->r, "DYNVC_CAPS");
    }
    if (!rd_ok(&s->r))
        return refuse_read(s);
    if (version > DRDYNVC_VERSION_MAX) {
        s->chunk[at] = DRDYNVC_VERSION_MAX;
        s->chunk[at + 1] = 0;
    }
    return DRDYNVC_VERDICT_PASS;
}

static enum drdynvc_verdict judge(struct step *s)
{
    bool is_data = s->header.cmd == DYNVC_DATA || s->header.cmd == DYNVC_DATA_FIRST;

    if (!s->is_whole && !is_data)
        return refuse(s, SP_ESHORT, "DYNVC in several chunks", s->header.cmd, 0);
    switch (s->header.cmd) {
    case DYNVC_CREATE:
        return is_from_client(s) ? on_create_response(s) : on_create_request(s);
    case DYNVC_DATA_FIRST:
    case DYNVC_DATA:
        return on_data(s);
    case DYNVC_CLOSE:
        return on_close(s);
    case DYNVC_CAPABILITIES:
        return on_capabilities(s);
    case DYNVC_SOFT_SYNC_REQUEST:
        /* There is no UDP to move to; nobody waits for an answer. */
        if (!is_from_client(s))
            return DRDYNVC_VERDICT_DROP;
        break;
    default:
        break; /* compressed: not negotiated, as the version is held */
    }
    return refuse(s, SP_EVALUE, "DYNVC.Cmd", s->header.cmd, 0);
}

enum drdynvc_verdict drdynvc_filter_step(struct drdynvc_filter *d, enum channel_direction direction,
                                         const struct channel_header *header, uint8_t *chunk,
                                         size_t size, int64_t now_ms, struct drdynvc_report *report)
{
    struct step s = {
        .d = d, .direction = direction, .chunk = chunk, .now_ms = now_ms, .report = report};
    bool is_first = (header->flags & CHANNEL_FLAG_FIRST) != 0;
    bool is_last = (header->flags & CHANNEL_FLAG_LAST) != 0;

    report->event = DRDYNVC_EVENT_NONE;
    report->name[0] = '\0';
    report->to_client = report->to_target = 0;
    report->answer_size = 0;
    report->fail = (struct sp_fail){0};
    if (!is_first) {
        if (!d->is_cut[direction])
            return refuse(&s, SP_ESTATE, "DYNVC chunk without its first", header->flags, 0);
        d->is_cut[direction] = !is_last;
        return d->is_cut_dropped[direction] ? DRDYNVC_VERDICT_DROP : DRDYNVC_VERDICT_PASS;
    }
    s.is_whole = is_last;
    rd_init(&s.r, chunk, size);
    if (drdynvc_header_read(&s.r, &s.header) != SP_OK || header->length < size)
        return refuse(&s, SP_EVALUE, s.r.fail.where != NULL ? s.r.fail.where : "DYNVC.length",
                      (uint32_t)size, header->length);
    s.data = header->length - (uint32_t)rd_pos(&s.r);
    enum drdynvc_verdict v = judge(&s);
    d->is_cut[direction] = !is_last;
    d->is_cut_dropped[direction] = v != DRDYNVC_VERDICT_PASS;
    return v;
}

bool drdynvc_filter_next_open(const struct drdynvc_filter *d, size_t *at,
                              const struct drdynvc_channel **out)
{
    for (; *at < d->used; (*at)++) {
        if (d->channels[*at].state == DRDYNVC_OPEN) {
            *out = &d->channels[(*at)++];
            return true;
        }
    }
    return false;
}
