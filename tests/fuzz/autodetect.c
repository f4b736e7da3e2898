/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the message channel: each PDU, written again, has the same bytes; a client answers.
 */
#include <string.h>

#include "rdp/autodetect.h"

#define OUT_SIZE 70000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Flags beside the kind's own, flagsHi and reserved fields are not kept. */
static void compare(const struct wr *w, const uint8_t *data, size_t size)
{
    SP_BUG(!wr_ok(w) || w->pos != size);
    SP_BUG(memcmp(w->buf + 4, data + 4, size - 4) != 0);
}

static void try_request(struct rd *r, struct wr *w, const uint8_t *data, size_t size)
{
    struct detect_client client = {.measuring = true, .started_ms = 5};
    struct detect_request request;
    bool answered;

    if (detect_request_read(r, &request) != SP_OK)
        return;
    detect_request_write(w, &request);
    compare(w, data, size);
    w->pos = 0;
    SP_BUG(detect_client_step(&client, &request, 7, w, &answered) != SP_OK);
    SP_BUG(answered != (w->pos > 0));
}

static void try_response(struct rd *r, struct wr *w, const uint8_t *data, size_t size)
{
    struct detect_response response;

    if (detect_response_read(r, &response) != SP_OK)
        return;
    detect_response_write(w, &response);
    compare(w, data, size);
}

static void try_multitransport(struct rd *r, struct wr *w)
{
    struct multitransport_request request, again;

    if (multitransport_request_read(r, &request) != SP_OK)
        return;
    multitransport_request_write(w, &request);
    rd_init(r, w->buf, w->pos);
    SP_BUG(multitransport_request_read(r, &again) != SP_OK ||
           again.request_id != request.request_id);
}

static void try_rest(struct rd *r, enum message_kind kind, struct wr *w)
{
    struct heartbeat beat;
    uint32_t id, hr;

    if (kind == MESSAGE_MULTITRANSPORT_RESPONSE &&
        multitransport_response_read(r, &id, &hr) == SP_OK)
        multitransport_response_write(w, id, hr);
    else if (kind == MESSAGE_HEARTBEAT && heartbeat_read(r, &beat) == SP_OK)
        heartbeat_write(w, &beat);
    SP_BUG(!wr_ok(w));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[OUT_SIZE];
    enum message_kind kind;
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    wr_init(&w, out, sizeof(out));
    kind = message_kind_of(&r);
    if (kind == MESSAGE_DETECT_REQUEST)
        try_request(&r, &w, data, size);
    else if (kind == MESSAGE_DETECT_RESPONSE)
        try_response(&r, &w, data, size);
    else if (kind == MESSAGE_MULTITRANSPORT_REQUEST)
        try_multitransport(&r, &w);
    else
        try_rest(&r, kind, &w);
    return 0;
}
