/* SPDX-License-Identifier: Apache-2.0
 * Input events of both paths.
 */
#include "rdp/input.h"

#include "rdp/fastpath.h"

#define FASTPATH_RELEASE  0x01
#define FASTPATH_EXTENDED 0x02

/* messageType of a slow-path event, MS-RDPBCGR 2.2.8.1.1.3.1.1 */
#define INPUT_EVENT_SYNC     0x0000
#define INPUT_EVENT_UNUSED   0x0002
#define INPUT_EVENT_SCANCODE 0x0004
#define INPUT_EVENT_UNICODE  0x0005
#define INPUT_EVENT_MOUSE    0x8001
#define INPUT_EVENT_MOUSEX   0x8002
#define INPUT_EVENT_MOUSEREL 0x8004
#define KBDFLAGS_EXTENDED    0x0100
#define KBDFLAGS_RELEASE     0x8000

/* The PDU has been walked already: every event is whole and known. */
static void read_event(struct rd *r, struct input_event *e)
{
    uint8_t head = rd_u8(r, "eventHeader");

    *e = (struct input_event){.kind = INPUT_OTHER,
                              .is_release = (head & FASTPATH_RELEASE) != 0,
                              .is_extended = (head & FASTPATH_EXTENDED) != 0};
    switch (head >> 5) {
    case FASTPATH_INPUT_EVENT_SCANCODE:
        e->kind = INPUT_KEY;
        e->code = rd_u8(r, "keyCode");
        break;
    case FASTPATH_INPUT_EVENT_UNICODE:
        e->kind = INPUT_UNICODE;
        e->code = rd_u16le(r, "unicodeCode");
        break;
    case FASTPATH_INPUT_EVENT_MOUSE:
        e->kind = INPUT_MOUSE;
        e->flags = rd_u16le(r, "pointerFlags");
        e->x = rd_u16le(r, "xPos");
        e->y = rd_u16le(r, "yPos");
        break;
    case FASTPATH_INPUT_EVENT_MOUSEX:
    case FASTPATH_INPUT_EVENT_RELMOUSE:
        rd_skip(r, 6, "event");
        break;
    case FASTPATH_INPUT_EVENT_QOE_TIMESTAMP:
        rd_skip(r, 4, "event");
        break;
    default: /* FASTPATH_INPUT_EVENT_SYNC has no more than its header */
        break;
    }
}

enum sp_err input_fastpath_read(struct rd *pdu, struct input_event *out, size_t *count)
{
    struct rd again = *pdu;
    unsigned events;
    bool is_person;
    enum sp_err err = fastpath_input_check(pdu, &events, &is_person);

    if (err != SP_OK)
        return err;
    uint8_t head = rd_u8(&again, "fpInputHeader");
    if ((rd_u8(&again, "length1") & 0x80) != 0)
        rd_u8(&again, "length2");
    if ((head >> 2 & 15) == 0)
        rd_u8(&again, "numEvents");
    SP_BUG(events > INPUT_EVENTS_MAX);
    for (unsigned i = 0; i < events; i++)
        read_event(&again, &out[i]);
    SP_BUG(!rd_ok(&again));
    *count = events;
    return SP_OK;
}

static void read_slow_event(struct rd *r, struct input_event *e)
{
    rd_u32le(r, "eventTime");
    uint16_t type = rd_u16le(r, "messageType");
    uint16_t first = rd_u16le(r, "event");
    uint16_t second = rd_u16le(r, "event");
    uint16_t third = rd_u16le(r, "event");

    *e = (struct input_event){.kind = INPUT_OTHER};
    if (type == INPUT_EVENT_SCANCODE || type == INPUT_EVENT_UNICODE) {
        e->kind = type == INPUT_EVENT_UNICODE ? INPUT_UNICODE : INPUT_KEY;
        e->is_release = (first & KBDFLAGS_RELEASE) != 0;
        e->is_extended = (first & KBDFLAGS_EXTENDED) != 0;
        e->code = second;
    } else if (type == INPUT_EVENT_MOUSE) {
        e->kind = INPUT_MOUSE;
        e->flags = first;
        e->x = second;
        e->y = third;
    } else if (type != INPUT_EVENT_SYNC && type != INPUT_EVENT_UNUSED &&
               type != INPUT_EVENT_MOUSEX && type != INPUT_EVENT_MOUSEREL) {
        rd_want(r, "messageType", type, INPUT_EVENT_SYNC);
    }
}

enum sp_err input_slowpath_read(struct rd *body, struct input_event *out, size_t *count)
{
    uint16_t events = rd_u16le(body, "numEvents");

    rd_u16le(body, "pad2Octets");
    if (rd_ok(body) && events > INPUT_EVENTS_MAX)
        return sp_fail_set(&body->fail, SP_ELIMIT, "numEvents", events, INPUT_EVENTS_MAX);
    for (unsigned i = 0; i < events && rd_ok(body); i++)
        read_slow_event(body, &out[i]);
    rd_end(body, "events");
    if (rd_ok(body))
        *count = events;
    return body->fail.code;
}
