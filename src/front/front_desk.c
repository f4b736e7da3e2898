/* SPDX-License-Identifier: Apache-2.0
 * A desktop of our own on the client's leg.
 */
#include "front/front_desk.h"

#include "rdp/caps.h"
#include "rdp/frame.h"
#include "rdp/share.h"

#define BITS_PER_PIXEL 16
#define EXTRA_FLAGS_AT 10 /* of a General set's data */
#define PDU_SIZE_MAX   1024

typedef void share_fn(struct wr *w, const struct front_desk *d);

/* Send one share PDU on the I/O channel. */
static enum sp_err say(struct front_desk *d, share_fn *write)
{
    uint8_t out[PDU_SIZE_MAX];
    struct wr w;

    wr_init(&w, out, sizeof(out));
    size_t mark = mcs_send_begin(&w, true, MCS_SERVER_CHANNEL, MCS_GLOBAL_CHANNEL);
    write(&w, d);
    mcs_send_end(&w, mark);
    SP_BUG(!wr_ok(&w));
    return stream_send(&d->front->stream, out, w.pos);
}

static void write_demand(struct wr *w, const struct front_desk *d)
{
    const struct gcc_client_core *core = &d->front->settings.core;

    demand_active_write_minimal(w, SHARE_SERVER_CHANNEL, FRONT_SHARE_ID, core->desktop_width,
                                core->desktop_height, BITS_PER_PIXEL);
}

static void write_synchronize(struct wr *w, const struct front_desk *d)
{
    share_write_synchronize(w, SHARE_SERVER_CHANNEL, FRONT_SHARE_ID, d->front->user_id);
}

static void write_cooperate(struct wr *w, const struct front_desk *d)
{
    (void)d;
    share_write_control(w, SHARE_SERVER_CHANNEL, FRONT_SHARE_ID, CTRLACTION_COOPERATE, 0, 0);
}

static void write_granted(struct wr *w, const struct front_desk *d)
{
    share_write_control(w, SHARE_SERVER_CHANNEL, FRONT_SHARE_ID, CTRLACTION_GRANTED_CONTROL,
                        d->front->user_id, SHARE_SERVER_CHANNEL);
}

static void write_font_map(struct wr *w, const struct front_desk *d)
{
    (void)d;
    share_write_font_map(w, SHARE_SERVER_CHANNEL, FRONT_SHARE_ID);
}

static void write_denied(struct wr *w, const struct front_desk *d)
{
    (void)d;
    share_write_shutdown_denied(w, SHARE_SERVER_CHANNEL, FRONT_SHARE_ID);
}

static void write_deactivate(struct wr *w, const struct front_desk *d)
{
    (void)d;
    share_write_deactivate_all(w, SHARE_SERVER_CHANNEL, FRONT_SHARE_ID);
}

enum sp_err front_desk_demand(struct front_desk *d, struct front *f)
{
    d->front = f;
    d->is_demanded = true;
    wr_init(&d->body, d->body_space, sizeof(d->body_space));
    bitmap_body_begin(&d->body);
    return say(d, write_demand);
}

static enum sp_err refuse(struct front_desk *d, const struct sp_fail *why)
{
    return sp_fail_set(&d->front->stream.fail, why->code, why->where, why->got, why->want);
}

static enum sp_err take_confirm(struct front_desk *d, const struct share_pdu *pdu)
{
    static struct active_pdu active;
    struct rd whole = pdu->whole;

    if (!d->is_demanded || d->is_confirmed)
        return sp_fail_set(&d->front->stream.fail, SP_ESTATE, "Confirm Active", 0, 0);
    if (confirm_active_read(&whole, &active) != SP_OK)
        return refuse(d, &whole.fail);
    const struct caps_set *general = active_pdu_find(&active, CAPSTYPE_GENERAL);
    if (general != NULL) {
        struct rd data = general->data;

        rd_skip(&data, EXTRA_FLAGS_AT, "General");
        d->is_fast = (rd_u16le(&data, "extraFlags") & FASTPATH_OUTPUT_SUPPORTED) != 0;
    }
    d->is_confirmed = true;
    return SP_OK;
}

/* The client is done with its part: ours, all at once. */
static enum sp_err finish(struct front_desk *d)
{
    static share_fn *const writers[] = {write_synchronize, write_cooperate, write_granted,
                                        write_font_map};

    for (size_t i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
        enum sp_err err = say(d, writers[i]);

        if (err != SP_OK)
            return err;
    }
    d->is_active = d->must_redraw = true;
    return SP_OK;
}

static enum sp_err take_data(struct front_desk *d, const struct share_pdu *pdu)
{
    struct rd body = pdu->body;
    struct share_data data;

    if (share_data_read(&body, &data) != SP_OK)
        return refuse(d, &body.fail);
    if (!d->is_confirmed || !share_client_type_allowed(data.pdu_type2))
        return sp_fail_set(&d->front->stream.fail, SP_ESTATE, "client's pduType2", data.pdu_type2,
                           0);
    switch (data.pdu_type2) {
    case PDUTYPE2_FONTLIST:
        return d->is_active ? SP_OK : finish(d);
    case PDUTYPE2_INPUT:
        if (input_slowpath_read(&data.body, d->events, &d->event_count) != SP_OK)
            return refuse(d, &data.body.fail);
        return SP_OK;
    case PDUTYPE2_REFRESH_RECT:
        d->must_redraw = true;
        return SP_OK;
    case PDUTYPE2_SUPPRESS_OUTPUT:
        d->is_hidden = rd_u8(&data.body, "allowDisplayUpdates") == 0;
        d->must_redraw = d->must_redraw || !d->is_hidden;
        return SP_OK;
    case PDUTYPE2_SHUTDOWN_REQUEST:
        d->wants_end = true;
        return say(d, write_denied); /* the client then ends by itself (1.3.1.4.1) */
    default:
        return SP_OK;
    }
}

static enum sp_err take_io(struct front_desk *d, struct rd *payload)
{
    while (payload->left > 0) {
        struct share_pdu pdu;
        enum sp_err err = SP_OK;

        if (share_next(payload, &pdu) != SP_OK)
            return refuse(d, &payload->fail);
        if (pdu.is_flow)
            continue;
        if (pdu.type == PDUTYPE_CONFIRMACTIVEPDU)
            err = take_confirm(d, &pdu);
        else if (pdu.type == PDUTYPE_DATAPDU)
            err = take_data(d, &pdu);
        else
            err = sp_fail_set(&d->front->stream.fail, SP_EVALUE, "client's pduType", pdu.type, 0);
        if (err != SP_OK)
            return err;
    }
    return SP_OK;
}

enum sp_err front_desk_take(struct front_desk *d, uint8_t *frame, size_t size)
{
    struct mcs_pdu mcs;
    struct rd r;

    d->event_count = 0;
    rd_init(&r, frame, size);
    if (rdp_is_fastpath(frame[0])) {
        if (!d->is_confirmed)
            return sp_fail_set(&d->front->stream.fail, SP_ESTATE, "input before Confirm Active",
                               frame[0], 0);
        return input_fastpath_read(&r, d->events, &d->event_count) == SP_OK ? SP_OK
                                                                            : refuse(d, &r.fail);
    }
    enum sp_err err = mcs_domain_read(&r, &mcs);
    if (err == SP_OK && mcs.type == MCS_DISCONNECT_PROVIDER_ULTIMATUM)
        err = SP_ECLOSED;
    if (err == SP_ECLOSED)
        return sp_fail_set(&d->front->stream.fail, err, "client's ultimatum", 0, 0);
    if (err != SP_OK)
        return refuse(d, &r.fail);
    if (mcs.type != MCS_SEND_DATA_REQUEST || mcs.initiator != d->front->user_id)
        return sp_fail_set(&d->front->stream.fail, SP_ESTATE, "client's MCS PDU", mcs.type,
                           mcs.initiator);
    return mcs.channel_id == MCS_GLOBAL_CHANNEL ? take_io(d, &mcs.data) : SP_OK;
}

enum sp_err front_desk_flush(struct front_desk *d)
{
    static uint8_t out[BITMAP_UPDATE_SIZE_MAX];
    struct wr w;

    if (!bitmap_body_is_used(&d->body))
        return SP_OK;
    wr_init(&w, out, sizeof(out));
    enum sp_err err = d->is_fast ? bitmap_update_fastpath(&w, &d->body)
                                 : bitmap_update_slowpath(&w, &d->body, FRONT_SHARE_ID);
    SP_BUG(err != SP_OK);
    wr_init(&d->body, d->body_space, sizeof(d->body_space));
    bitmap_body_begin(&d->body);
    return stream_send(&d->front->stream, out, w.pos);
}

enum sp_err front_desk_draw(struct front_desk *d, const struct bitmap_tile *tile)
{
    if (bitmap_body_add(&d->body, tile) == SP_OK)
        return SP_OK;
    enum sp_err err = front_desk_flush(d);
    if (err == SP_OK)
        err = bitmap_body_add(&d->body, tile);
    return err;
}

enum sp_err front_desk_leave(struct front_desk *d)
{
    enum sp_err err = front_desk_flush(d);

    return err == SP_OK ? say(d, write_deactivate) : err;
}
