/* SPDX-License-Identifier: Apache-2.0
 * A target sends us elsewhere: what is kept of it, and the login that it may have prepared.
 */
#include <string.h>

#include "back/back.h"
#include "base/mem.h"
#include "base/text.h"
#include "rdp/redirection.h"

static void add_host(struct back_redirect *to, const struct redirection_field *name)
{
    if (name->size == 0 || to->host_count == IPC_REDIRECT_HOSTS)
        return;
    text_utf8_from_utf16le(name->data, name->size, to->hosts[to->host_count], IPC_HOST_MAX);
    to->host_count += to->hosts[to->host_count][0] != '\0' ? 1 : 0;
}

static enum sp_err keep_token(struct back *b, const struct redirection_field *token)
{
    uint32_t size = token->size;

    if (size >= 2 && token->data[size - 2] == '\r' && token->data[size - 1] == '\n')
        size -= 2;
    if (size > sizeof(b->next.token))
        return sp_fail_set(&b->stream.fail, SP_ELIMIT, "LoadBalanceInfo", size,
                           sizeof(b->next.token));
    b->next.token_size = size;
    if (size > 0)
        memcpy(b->next.token, token->data, size);
    return SP_OK;
}

static enum sp_err keep_part(struct back *b, struct rdstls_text *out,
                             const struct redirection_field *field)
{
    if (field->size > sizeof(out->bytes))
        return sp_fail_set(&b->stream.fail, SP_ELIMIT, "redirection's login", field->size,
                           sizeof(out->bytes));
    out->size = (uint16_t)field->size;
    if (field->size > 0)
        memcpy(out->bytes, field->data, field->size);
    return SP_OK;
}

/* A password in clear is not kept: keeper knows the account of each target that it allows. */
static enum sp_err keep_login(struct back *b, const struct redirection *red)
{
    struct rdstls_login *login = &b->next.login;
    enum sp_err err = SP_OK;

    if ((red->flags & LB_PASSWORD_IS_PK_ENCRYPTED) == 0)
        return SP_OK;
    err = keep_part(b, &login->guid, &red->guid);
    if (err == SP_OK)
        err = keep_part(b, &login->user, &red->user);
    if (err == SP_OK)
        err = keep_part(b, &login->domain, &red->domain);
    return err == SP_OK ? keep_part(b, &login->password, &red->password) : err;
}

static void note_no_redirect(struct back *b)
{
    struct ipc_note note = {.kind = IPC_NOTE_NO_REDIRECT, .step = IPC_STEP_TARGET_ACTIVATE};

    keeper_note(b->stream.keeper, &note);
}

enum sp_err back_redirect_read(struct back *b, struct rd *r)
{
    struct redirection red;
    enum sp_err err = redirection_read(r, &red);

    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, r->fail.where, r->fail.got, r->fail.want);
    if ((red.flags & LB_NOREDIRECT) != 0) {
        note_no_redirect(b);
        return SP_OK;
    }
    b->next =
        (struct back_redirect){.is_set = true, .flags = red.flags, .session_id = red.session_id};
    add_host(&b->next, &red.fqdn);
    add_host(&b->next, &red.net_address);
    for (uint32_t i = 0; i < red.address_count; i++)
        add_host(&b->next, &red.addresses[i]);
    err = keep_token(b, &red.load_balance_info);
    return err == SP_OK ? keep_login(b, &red) : err;
}

void back_follow(struct back *b)
{
    back_goodbye(b);
    b->via = b->next;
    sp_wipe(&b->next, sizeof(b->next));
    b->user_id = 0;
    b->message_channel = 0;
    b->target_errinfo = 0;
}

static enum sp_err size_rdstls(const uint8_t *p, size_t have, size_t *size, struct sp_fail *fail)
{
    return rdstls_size(RDSTLS_CLIENT, p, have, size, fail);
}

static enum sp_err receive(struct back *b, struct rd *r)
{
    uint8_t *data;
    size_t size;
    enum sp_err err = stream_message(&b->stream, size_rdstls, RDSTLS_SIZE_MAX, &data, &size);

    if (err == SP_OK)
        rd_init(r, data, size);
    return err;
}

static enum sp_err log_on(struct back *b, struct rdstls_client *client)
{
    static uint8_t out[RDSTLS_SIZE_MAX];
    struct wr w;
    struct rd r;
    enum sp_err err = receive(b, &r);

    if (err != SP_OK)
        return err;
    wr_init(&w, out, sizeof(out));
    err = rdstls_client_answer(client, &r, &b->via.login, &w);
    if (err == SP_OK)
        err = stream_send(&b->stream, out, w.pos);
    sp_wipe(out, sizeof(out));
    if (err == SP_OK)
        err = receive(b, &r);
    if (err == SP_OK)
        err = rdstls_client_result(client, &r);
    return err;
}

enum sp_err back_rdstls(struct back *b)
{
    struct rdstls_client client = {0};
    enum sp_err err = keeper_rdstls(b->stream.keeper);

    if (err != SP_OK)
        return sp_fail_set(&b->stream.fail, err, "keeper: RDSTLS", 0, 0);
    err = log_on(b, &client);
    sp_wipe(&b->via.login, sizeof(b->via.login));
    if (err != SP_OK && client.fail.code != SP_OK)
        return sp_fail_set(&b->stream.fail, err, client.fail.where, client.fail.got,
                           client.fail.want);
    return err;
}
