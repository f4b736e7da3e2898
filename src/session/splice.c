/* SPDX-License-Identifier: Apache-2.0
 * The splice's loop: one poll, two flows, fixed buffers, nothing read that cannot be passed on.
 */
#include "session/splice.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "rdp/errinfo.h"
#include "rdp/frame.h"
#include "session/splice_priv.h"

#define TICK_MS      10000 /* the longest sleep: every limit is looked at so often */
#define FLUSH_MS     1000  /* to get a half-written PDU out before our last words   */
#define BATCH_ROUNDS 16    /* reads of one flow before the other one gets its turn  */
#define GATHER_MS    4     /* how long what follows a PDU may lie, to go on together */

typedef enum verdict filter_fn(struct splice *s, uint8_t *frame, size_t size);

enum verdict splice_refuse(struct flow *flow, enum sp_err code, const char *where, uint32_t got,
                           uint32_t want)
{
    sp_fail_set(&flow->fail, code, where, got, want);
    return VERDICT_REFUSE;
}

enum verdict splice_refuse_fail(struct flow *flow, const struct sp_fail *fail)
{
    return splice_refuse(flow, fail->code, fail->where, fail->got, fail->want);
}

void splice_note(struct splice *s, enum ipc_note_kind kind, uint64_t a)
{
    struct ipc_note note = {.kind = kind, .step = IPC_STEP_SPLICE, .a = a};

    keeper_note(s->keeper, &note);
}

static void flow_init(struct flow *f, struct stream *from, struct stream *to)
{
    f->from = from;
    f->to = to;
    f->out = NULL;
    f->out_size = 0;
    f->stalled_since_ms = 0;
    f->is_ended = false;
    f->fail = (struct sp_fail){0};
    f->has_words = false;
    f->side_size = 0;
}

void splice_init(struct splice *s, struct front *front, struct back *back,
                 struct keeper_link *keeper, const struct ipc_decide_rsp *decision)
{
    s->front = front;
    s->back = back;
    s->keeper = keeper;
    s->policy = (struct caps_policy){.allow_remoteapp =
                                         (decision->channels.devices & IPC_DEVICE_REMOTEAPP) != 0};
    flow_init(&s->to_client, &back->stream, &front->stream);
    flow_init(&s->to_target, &front->stream, &back->stream);
    s->is_demanded = s->is_confirmed = s->is_noted = s->is_gathering = false;
    s->demanded_ms = clock_now_ms();
    s->chunk_max = CHANNEL_CHUNK_LENGTH;
    memset(s->channels, 0, sizeof(s->channels));
    s->dropped_channel_pdus = 0;
    s->last_input_ms = clock_now_ms();
    s->idle_ms = decision->idle_ms;
    s->total_until_ms = decision->total_ms != 0 ? clock_now_ms() + decision->total_ms : 0;
    splice_channels_init(s, &decision->channels);
    s->errinfo = 0;
    snprintf(s->why, sizeof(s->why), "unknown");
}

/* A leg that broke by itself, and not by its end: the reason belongs to the flow then. */
static enum sp_err leg_failed(struct flow *f, const struct stream *leg, enum sp_err err)
{
    if (err != SP_ETIME && err != SP_ECLOSED && leg->fail.code != SP_OK)
        return sp_fail_set(&f->fail, err, leg->fail.where, leg->fail.got, leg->fail.want);
    return err;
}

/* Write what is under way. SP_ETIME: not all of it yet. */
static enum sp_err flush(struct flow *f)
{
    while (f->out_size > 0) {
        size_t n;
        enum sp_err err = stream_write_some(f->to, f->out, f->out_size, &n);

        if (err == SP_ETIME && f->stalled_since_ms == 0)
            f->stalled_since_ms = clock_now_ms();
        if (err != SP_OK)
            return leg_failed(f, f->to, err);
        f->stalled_since_ms = 0;
        f->out += n;
        f->out_size -= n;
    }
    return SP_OK;
}

/*
 * Take whole frames from the buffer until one must be written by itself: everything before it is
 * one run that goes out in place.
 */
static enum verdict take_frames(struct splice *s, struct flow *f, filter_fn *filter)
{
    struct stream *in = f->from;
    size_t run = in->start;

    f->out = in->buf + run;
    for (;;) {
        size_t size = 0, have = in->end - in->start;
        uint8_t *frame = in->buf + in->start;
        enum sp_err err = rdp_frame_size(RDP_FRAME_ACTIVE, frame, have, &size, &f->fail);

        if (err != SP_OK)
            return VERDICT_REFUSE;
        if (size == 0 || size > have)
            return VERDICT_PASS;
        enum verdict v = filter(s, frame, size);
        if (v == VERDICT_REFUSE || v == VERDICT_END)
            return v;
        if (v == VERDICT_PASS) {
            in->start += size;
            f->out_size = in->start - run;
            if (f->has_words)
                return v;
            continue;
        }
        in->start += size;
        if (v == VERDICT_DROP && f->out_size == 0 && !f->has_words) {
            run = in->start;
            f->out = in->buf + run;
            continue;
        }
        return v;
    }
}

/* Send the side buffer once the run before it is out. */
static enum sp_err send_side(struct flow *f)
{
    f->out = f->side;
    f->out_size = f->side_size;
    f->side_size = 0;
    return flush(f);
}

/*
 * Move one flow as far as it goes now.
 * Returns  SP_ETIME nothing more at present; SP_OK its turn is over, there may be more;
 *          SP_ECLOSED it ended in order (is_ended); others: failed
 */
static enum sp_err pump(struct splice *s, struct flow *f, filter_fn *filter)
{
    for (int round = 0; round < BATCH_ROUNDS; round++) {
        enum sp_err err = flush(f);

        if (err == SP_OK && f->side_size > 0)
            err = send_side(f);
        while (err == SP_OK && f->has_words) {
            splice_channel_words(s, f);
            err = send_side(f);
        }
        if (err != SP_OK)
            return err;
        if (f->is_ended)
            return SP_ECLOSED;
        size_t before = f->from->start;
        enum verdict v = take_frames(s, f, filter);
        if (v == VERDICT_REFUSE)
            return f->fail.code != SP_OK ? f->fail.code : SP_EVALUE;
        if (v == VERDICT_END)
            f->is_ended = true;
        if (f->out_size > 0 || f->side_size > 0 || f->has_words || f->is_ended ||
            f->from->start != before)
            continue;
        err = stream_read_some(f->from);
        if (err == SP_ECLOSED)
            f->is_ended = true;
        else if (err != SP_OK)
            return err == SP_ESPACE ? sp_fail_set(&f->fail, SP_ELIMIT, "frame", 0, 0)
                                    : leg_failed(f, f->from, err);
    }
    return SP_OK;
}

static enum sp_err stop(struct splice *s, enum sp_err code, uint32_t errinfo, const char *why)
{
    s->errinfo = errinfo;
    snprintf(s->why, sizeof(s->why), "%s", why);
    return code;
}

static enum sp_err check_limits(struct splice *s)
{
    int64_t now = clock_now_ms();
    const struct flow *flows[] = {&s->to_client, &s->to_target};

    if (s->keeper->lease_until_ms != 0 && now > s->keeper->lease_until_ms)
        return stop(s, SP_ETIME, ERRINFO_SERVER_DENIED_CONNECTION, "lease not renewed");
    if (s->idle_ms != 0 && now - s->last_input_ms > s->idle_ms)
        return stop(s, SP_ETIME, ERRINFO_IDLE_TIMEOUT, "idle");
    if (s->total_until_ms != 0 && now > s->total_until_ms)
        return stop(s, SP_ETIME, ERRINFO_LOGON_TIMEOUT, "time is up");
    if (s->is_demanded && now - s->demanded_ms > SPLICE_ACTIVATION_MS)
        return stop(s, SP_ETIME, 0, "no Confirm Active in time");
    for (size_t i = 0; i < 2; i++)
        if (flows[i]->stalled_since_ms != 0 && now - flows[i]->stalled_since_ms > SPLICE_STALL_MS)
            return stop(s, SP_ETIME, 0, i == 0 ? "client takes no data" : "target takes no data");
    return SP_OK;
}

static int sleep_ms(const struct splice *s)
{
    int64_t now = clock_now_ms();
    int64_t until = now + TICK_MS;

    if (s->idle_ms != 0 && s->last_input_ms + s->idle_ms < until)
        until = s->last_input_ms + s->idle_ms;
    if (s->keeper->lease_until_ms != 0 && s->keeper->lease_until_ms < until)
        until = s->keeper->lease_until_ms;
    if (s->total_until_ms != 0 && s->total_until_ms < until)
        until = s->total_until_ms;
    return until <= now ? 1 : (int)(until - now) + 1; /* a limit is over only after its end */
}

/* Which events a leg must wait for: input if its flow wants some, room if the other is stuck. */
static short events_of(const struct flow *reads, const struct flow *writes)
{
    short events = 0;

    if (reads->out_size == 0)
        events |= POLLIN;
    if (writes->out_size > 0 || writes->has_words)
        events |= POLLOUT;
    return events;
}

/* poll() reports a hang-up unasked: a leg that can do nothing now must not keep us awake. */
static struct pollfd leg(const struct stream *stream, short events)
{
    return (struct pollfd){.fd = events != 0 ? stream->fd : -1, .events = events};
}

static enum sp_err wait_for_work(struct splice *s, bool must_not_sleep)
{
    struct pollfd p[3] = {
        leg(&s->front->stream, events_of(&s->to_target, &s->to_client)),
        leg(&s->back->stream, s->is_gathering ? 0 : events_of(&s->to_client, &s->to_target)),
        {.fd = s->keeper->fd, .events = POLLIN},
    };
    int timeout = must_not_sleep ? 0 : s->is_gathering ? GATHER_MS : sleep_ms(s);
    int n = poll(p, 3, timeout);

    if (p[0].revents != 0)
        stream_ready(&s->front->stream);
    if (p[1].revents != 0 || s->is_gathering)
        stream_ready(&s->back->stream);
    if (n < 0 && errno != EINTR)
        return stop(s, SP_ESYS, 0, "poll failed");
    if (n > 0 && p[2].revents != 0 && keeper_link_poll(s->keeper) != SP_OK)
        return stop(s, SP_ECLOSED, s->keeper->end_errinfo,
                    s->keeper->end_reason[0] != '\0' ? s->keeper->end_reason : "keeper is gone");
    return SP_OK;
}

/* A flow that is over ends both legs; here is why. */
static enum sp_err finish(struct splice *s, enum sp_err err, bool is_target)
{
    const struct flow *f = is_target ? &s->to_client : &s->to_target;

    if (err == SP_ECLOSED && f->is_ended) {
        snprintf(s->why, sizeof(s->why), "%s", is_target ? "target ended" : "client ended");
        return SP_OK;
    }
    if (err == SP_ECLOSED) {
        snprintf(s->why, sizeof(s->why), "%s", is_target ? "client is gone" : "target is gone");
        return SP_OK;
    }
    if (err == SP_ECRYPTO)
        snprintf(s->why, sizeof(s->why), "TLS failed");
    else
        snprintf(s->why, sizeof(s->why), "%s", is_target ? "target's PDU refused" : "PDU refused");
    return err;
}

/* A PDU that is half written must be whole before anything else is said to the client. */
static void settle(struct splice *s)
{
    struct flow *f = &s->to_client;

    f->to->deadline_ms = clock_now_ms() + FLUSH_MS;
    if (f->out_size > 0)
        sp_ignore(stream_send(f->to, f->out, f->out_size));
}

bool splice_may_gather(const struct splice *s, bool target_spoke, bool client_spoke)
{
    return target_spoke && !client_spoke && !s->to_client.is_ended && s->to_client.out_size == 0 &&
           s->to_target.out_size == 0 && !s->to_client.has_words && !s->to_target.has_words &&
           clock_now_ms() - s->last_input_ms > SPLICE_HASTE_MS;
}

/* Until one of the flows, or a limit, ends it. */
static enum sp_err run(struct splice *s)
{
    const struct stream *client = &s->front->stream, *target = &s->back->stream;

    for (;;) {
        uint64_t from_client = client->received, from_target = target->received;
        enum sp_err to_client = pump(s, &s->to_client, splice_from_target);

        if (to_client != SP_OK && to_client != SP_ETIME)
            return finish(s, to_client, true);
        enum sp_err to_target = pump(s, &s->to_target, splice_from_client);
        if (to_target != SP_OK && to_target != SP_ETIME)
            return finish(s, to_target, false);
        bool has_more = to_client == SP_OK || to_target == SP_OK;
        s->is_gathering = !has_more && splice_may_gather(s, target->received != from_target,
                                                         client->received != from_client);
        enum sp_err err = wait_for_work(s, has_more);
        if (err == SP_OK)
            err = check_limits(s);
        if (err != SP_OK)
            return err;
    }
}

enum sp_err splice_run(struct splice *s)
{
    enum sp_err err = run(s);

    settle(s);
    splice_channels_end(s);
    return err;
}
