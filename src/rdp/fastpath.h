/* SPDX-License-Identifier: Apache-2.0
 * Fast-path input: a walk over the events of one PDU, to know that they are whole and whether a
 * person moved.
 */
#ifndef SP_RDP_FASTPATH_H
#define SP_RDP_FASTPATH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"

/* eventCode, MS-RDPBCGR 2.2.8.1.2.2 */
#define FASTPATH_INPUT_EVENT_SCANCODE      0x0
#define FASTPATH_INPUT_EVENT_MOUSE         0x1
#define FASTPATH_INPUT_EVENT_MOUSEX        0x2
#define FASTPATH_INPUT_EVENT_SYNC          0x3
#define FASTPATH_INPUT_EVENT_UNICODE       0x4
#define FASTPATH_INPUT_EVENT_RELMOUSE      0x5
#define FASTPATH_INPUT_EVENT_QOE_TIMESTAMP 0x6

/*
 * Walk one fast-path input PDU.
 * Spec:    MS-RDPBCGR 2.2.8.1.2
 * pdu      the whole PDU from its header byte; everything is consumed on success
 * event_count     written only on SP_OK
 * has_user_input  written only on SP_OK: an event other than sync and QoE is there
 * Errors:  SP_ESHORT; SP_EVALUE action, encryption bits, the length field or an event code;
 *          SP_ETRAIL bytes after the last event
 */
SP_MUST_USE enum sp_err fastpath_input_check(struct rd *pdu, unsigned *event_count,
                                             bool *has_user_input);

#endif
