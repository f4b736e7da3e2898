/* SPDX-License-Identifier: Apache-2.0
 * Fast-path input: a walk over the events of one PDU.
 */
#include "rdp/fastpath.h"

#define FASTPATH_INPUT_ACTION_MASK 0x03
#define FASTPATH_INPUT_COUNT_SHIFT 2
#define FASTPATH_INPUT_COUNT_MASK  0x0F
#define FASTPATH_INPUT_FLAGS_MASK  0xC0
#define EVENT_CODE_SHIFT           5
#define EVENT_CODE_COUNT           8

/* Bytes after the event's header, MS-RDPBCGR 2.2.8.1.2.2.1 to .7; code 7 does not exist. */
static const int8_t event_sizes[EVENT_CODE_COUNT] = {
    [FASTPATH_INPUT_EVENT_SCANCODE] = 1,      [FASTPATH_INPUT_EVENT_MOUSE] = 6,
    [FASTPATH_INPUT_EVENT_MOUSEX] = 6,        [FASTPATH_INPUT_EVENT_SYNC] = 0,
    [FASTPATH_INPUT_EVENT_UNICODE] = 2,       [FASTPATH_INPUT_EVENT_RELMOUSE] = 6,
    [FASTPATH_INPUT_EVENT_QOE_TIMESTAMP] = 4, [7] = -1};

/* One byte up to 127, or two with the top bit set; a peer may use two where one would do. */
static uint32_t read_length(struct rd *pdu)
{
    uint32_t length = rd_u8(pdu, "TS_FP_INPUT_PDU.length1");

    if ((length & 0x80) == 0)
        return length;
    return (length & 0x7F) << 8 | rd_u8(pdu, "TS_FP_INPUT_PDU.length2");
}

/* Returns whether the event is one that a person caused. */
static bool walk_event(struct rd *pdu)
{
    uint8_t code = rd_u8(pdu, "TS_FP_INPUT_EVENT.eventHeader") >> EVENT_CODE_SHIFT;
    int size = event_sizes[code];

    if (size < 0) {
        rd_refuse(pdu, SP_EVALUE, "TS_FP_INPUT_EVENT.eventCode", code,
                  FASTPATH_INPUT_EVENT_QOE_TIMESTAMP);
        return false;
    }
    rd_skip(pdu, (size_t)size, "TS_FP_INPUT_EVENT");
    return code != FASTPATH_INPUT_EVENT_SYNC && code != FASTPATH_INPUT_EVENT_QOE_TIMESTAMP;
}

enum sp_err fastpath_input_check(struct rd *pdu, unsigned *event_count, bool *has_user_input)
{
    size_t size = pdu->left;
    uint8_t header = rd_u8(pdu, "TS_FP_INPUT_PDU.fpInputHeader");
    unsigned count = header >> FASTPATH_INPUT_COUNT_SHIFT & FASTPATH_INPUT_COUNT_MASK;
    bool by_person = false;

    /* Fast-path, and neither encrypted nor signed: that is for Standard RDP Security only. */
    rd_want(pdu, "TS_FP_INPUT_PDU.fpInputHeader",
            header & (FASTPATH_INPUT_ACTION_MASK | FASTPATH_INPUT_FLAGS_MASK), 0);

    uint32_t length = read_length(pdu);

    rd_want(pdu, "TS_FP_INPUT_PDU.length", length, size > UINT32_MAX ? UINT32_MAX : (uint32_t)size);
    if (count == 0)
        count = rd_u8(pdu, "TS_FP_INPUT_PDU.numEvents");
    for (unsigned i = 0; i < count && rd_ok(pdu); i++)
        by_person |= walk_event(pdu);
    rd_end(pdu, "TS_FP_INPUT_PDU");
    if (!rd_ok(pdu))
        return pdu->fail.code;
    *event_count = count;
    *has_user_input = by_person;
    return SP_OK;
}
