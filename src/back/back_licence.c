/* SPDX-License-Identifier: Apache-2.0
 * Licensing towards a target: the licence is keeper's, the exchange is here.
 */
#include <stdio.h>
#include <string.h>

#include "back/back.h"
#include "base/mem.h"
#include "rdp/errinfo.h"
#include "rdp/mcs.h"

#define MACHINE "sallyport"

static enum sp_err send_message(struct back *b, const struct wr *message)
{
    static uint8_t out[LICENCE_MESSAGE_SIZE_MAX + MCS_SEND_OVERHEAD_MAX];
    struct wr w;

    wr_init(&w, out, sizeof(out));
    size_t mark = mcs_send_begin(&w, false, b->user_id, b->io_channel);
    wr_bytes(&w, message->buf, message->pos);
    mcs_send_end(&w, mark);
    SP_BUG(!wr_ok(&w));
    return stream_send(&b->stream, out, w.pos);
}

/* We hold no licence and ask for none (MS-RDPELE 3.3.5.1). */
static void decline(struct wr *w, uint8_t *out, size_t size)
{
    wr_init(w, out, size);
    licence_write_no_license(w);
}

static enum sp_err on_request(struct back *b, struct back_licence *x, struct rd *r)
{
    static struct ipc_licence_get_rsp held;
    static uint8_t out[LICENCE_MESSAGE_SIZE_MAX];
    struct licence_client *c = &x->client;
    struct licence_request request;
    struct wr w;

    x->has_answered = true;
    enum sp_err err = licence_request_read(r, &request);
    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, r->fail.where, r->fail.got, r->fail.want);
    err = keeper_licence_get(b->stream.keeper, request.scope, &held);
    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "keeper: licence", 0, 0);
    sp_random(c->client_random, sizeof(c->client_random));
    sp_random(c->premaster, sizeof(c->premaster));
    memcpy(c->hardware_id, held.hardware_id, sizeof(c->hardware_id));
    snprintf(c->user, sizeof(c->user), "%s", b->account);
    snprintf(c->machine, sizeof(c->machine), "%s", MACHINE);
    wr_init(&w, out, sizeof(out));
    if (licence_client_begin(c, &request, held.licence, held.size, &w) != SP_OK)
        decline(&w, out, sizeof(out));
    err = send_message(b, &w);
    sp_wipe(held.licence, sizeof(held.licence));
    sp_wipe(out, sizeof(out));
    return err;
}

static enum sp_err failed(struct back *b, const struct licence_client *c, enum sp_err err)
{
    return sp_fail_set(&b->stream.fail, err, c->fail.where, c->fail.got, c->fail.want);
}

static enum sp_err on_challenge(struct back *b, struct back_licence *x, struct rd *r)
{
    uint8_t out[1024];
    struct wr w;

    wr_init(&w, out, sizeof(out));
    enum sp_err err = licence_client_challenge(&x->client, r, &w);
    return err == SP_OK ? send_message(b, &w) : failed(b, &x->client, err);
}

static enum sp_err on_licence(struct back *b, struct back_licence *x, struct rd *r)
{
    static uint8_t licence[LICENCE_SIZE_MAX];
    char scope[LICENCE_SCOPE_TEXT_MAX];
    size_t size = 0;
    enum sp_err err = licence_client_finish(&x->client, r, scope, licence, &size);

    if (err != SP_OK)
        return failed(b, &x->client, err);
    keeper_licence_put(b->stream.keeper, scope, licence, size);
    sp_wipe(licence, sizeof(licence));
    x->is_done = true;
    return SP_OK;
}

enum sp_err back_licence_message(struct back *b, struct back_licence *x, struct rd *r,
                                 uint32_t *errinfo)
{
    struct rd whole = *r;
    struct licence_pdu pdu;
    enum sp_err err = licence_read(r, &pdu);

    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, r->fail.where, r->fail.got, r->fail.want);
    if (licence_is_valid_client(&pdu)) {
        x->is_done = true;
        return SP_OK;
    }
    if (pdu.type == LICENSE_REQUEST && !x->has_answered)
        err = on_request(b, x, &whole);
    else if (pdu.type == PLATFORM_CHALLENGE)
        err = on_challenge(b, x, &whole);
    else if (pdu.type == NEW_LICENSE || pdu.type == UPGRADE_LICENSE)
        err = on_licence(b, x, &whole);
    else
        err = sp_fail_set(&b->stream.fail, SP_EDENIED, "target's licensing", pdu.type,
                          pdu.error_code);
    if (err != SP_OK)
        *errinfo = pdu.type == LICENSE_ERROR_ALERT ? licence_errinfo(pdu.error_code)
                                                   : ERRINFO_LICENSE_CANT_FINISH_PROTOCOL;
    return err;
}
