/* SPDX-License-Identifier: Apache-2.0
 * What a person does with keyboard and mouse, read from fast-path and slow-path input PDUs.
 */
#ifndef SP_RDP_INPUT_H
#define SP_RDP_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define INPUT_EVENTS_MAX 255 /* numEvents is one byte in fast-path */

/* pointerFlags of a mouse event, MS-RDPBCGR 2.2.8.1.1.3.1.1.3 */
#define PTRFLAGS_WHEEL          0x0200
#define PTRFLAGS_WHEEL_NEGATIVE 0x0100
#define PTRFLAGS_MOVE           0x0800
#define PTRFLAGS_DOWN           0x8000
#define PTRFLAGS_BUTTON1        0x1000

enum input_kind {
    INPUT_KEY,     /* code: scan code               */
    INPUT_UNICODE, /* code: UTF-16 unit             */
    INPUT_MOUSE,   /* flags: PTRFLAGS_*; x, y in px */
    INPUT_OTHER,   /* extra buttons, sync, relative */
};

struct input_event {
    enum input_kind kind;
    bool is_release, is_extended;
    uint16_t code, flags, x, y;
};

/*
 * Read the events of one fast-path input PDU.
 * Spec:    MS-RDPBCGR 2.2.8.1.2
 * pdu      the whole PDU from its header byte; everything is consumed on success
 * out      room for INPUT_EVENTS_MAX events
 * count    written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE action, encryption bits, length or an event code; SP_ETRAIL
 */
SP_MUST_USE enum sp_err input_fastpath_read(struct rd *pdu, struct input_event *out, size_t *count);

/*
 * Read the events of a slow-path Input PDU.
 * Spec:    MS-RDPBCGR 2.2.8.1.1.3.1
 * body     of the share data PDU; everything is consumed on success
 * out      room for INPUT_EVENTS_MAX events
 * count    written only on SP_OK
 * Errors:  SP_ESHORT; SP_ELIMIT more than INPUT_EVENTS_MAX; SP_EVALUE an unknown event; SP_ETRAIL
 */
SP_MUST_USE enum sp_err input_slowpath_read(struct rd *body, struct input_event *out,
                                            size_t *count);

#endif
