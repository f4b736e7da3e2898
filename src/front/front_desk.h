/* SPDX-License-Identifier: Apache-2.0
 * A desktop of our own on the client's leg, until a target's takes its place: activation, input,
 * and tiles. It never touches a static channel, compresses nothing and caches nothing, so that a
 * target may take over in place (Deactivate All, and then its own Demand Active).
 */
#ifndef SP_FRONT_FRONT_DESK_H
#define SP_FRONT_FRONT_DESK_H

#include "front/front.h"
#include "rdp/bitmap_update.h"
#include "rdp/input.h"

struct front_desk {
    struct front *front;
    bool is_demanded, is_confirmed;
    bool is_active;   /* Font Map was sent: we may draw               */
    bool is_fast;     /* the client takes fast-path output            */
    bool is_hidden;   /* it asked for no output while it is minimised */
    bool must_redraw; /* it asked for all of it again                 */
    bool wants_end;   /* it asked to shut down                        */
    struct input_event events[INPUT_EVENTS_MAX];
    size_t event_count; /* of the frame that was taken last */
    uint8_t body_space[BITMAP_BODY_MAX];
    struct wr body; /* tiles that are not sent yet */
};

/* Ask the client to activate a desktop of the size that it wants. d: all zero before */
SP_MUST_USE enum sp_err front_desk_demand(struct front_desk *d, struct front *f);

/*
 * Take one frame of the client; what it says on channels is dropped.
 * frame    one whole fast-path or TPKT PDU
 * Errors:  SP_ECLOSED its orderly end; others: illegal, detail in the stream's fail
 */
SP_MUST_USE enum sp_err front_desk_take(struct front_desk *d, uint8_t *frame, size_t size);

/* Add a tile to what is sent; sends when there is enough. Errors: of stream_send */
SP_MUST_USE enum sp_err front_desk_draw(struct front_desk *d, const struct bitmap_tile *tile);

/* Send the tiles that wait. Errors: of stream_send */
SP_MUST_USE enum sp_err front_desk_flush(struct front_desk *d);

/* Take the desktop away: the target's comes next. Errors: of stream_send */
SP_MUST_USE enum sp_err front_desk_leave(struct front_desk *d);

#endif
