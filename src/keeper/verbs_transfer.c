/* SPDX-License-Identifier: Apache-2.0
 * A session's verb TRANSFER: what moved through a channel, or was refused, for the event log.
 */
#include <stdio.h>
#include <string.h>

#include "base/ipc_transfer.h"
#include "keeper/session_priv.h"

static const char *const kind_names[] = {
    [IPC_TRANSFER_CLIPBOARD_TEXT] = "text", [IPC_TRANSFER_CLIPBOARD_IMAGE] = "image",
    [IPC_TRANSFER_CLIPBOARD_FILE] = "file", [IPC_TRANSFER_DRIVE_FILE] = "file",
    [IPC_TRANSFER_PRINT] = "print",         [IPC_TRANSFER_REFUSED] = "refused",
};
static_assert(sizeof(kind_names) / sizeof(kind_names[0]) == IPC_TRANSFER_KIND_COUNT, "all named");

static const char *const channel_names[] = {
    [IPC_TRANSFER_CLIPRDR] = "cliprdr", [IPC_TRANSFER_RDPDR] = "rdpdr"};
static_assert(sizeof(channel_names) / sizeof(channel_names[0]) == IPC_TRANSFER_CHANNEL_COUNT,
              "all named");

static enum sp_err check(struct verb *v, const struct ipc_transfer *t)
{
    if (t->kind >= IPC_TRANSFER_KIND_COUNT)
        return sp_fail_set(v->fail, SP_EVALUE, "TRANSFER.kind", t->kind,
                           IPC_TRANSFER_KIND_COUNT - 1);
    if (t->channel >= IPC_TRANSFER_CHANNEL_COUNT)
        return sp_fail_set(v->fail, SP_EVALUE, "TRANSFER.channel", t->channel,
                           IPC_TRANSFER_CHANNEL_COUNT - 1);
    if (t->way != IPC_WAY_TO_TARGET && t->way != IPC_WAY_TO_CLIENT)
        return sp_fail_set(v->fail, SP_EVALUE, "TRANSFER.way", t->way, IPC_WAY_TO_CLIENT);
    if (t->is_hashed > 1)
        return sp_fail_set(v->fail, SP_EVALUE, "TRANSFER.is_hashed", t->is_hashed, 1);
    if (memchr(t->name, '\0', sizeof(t->name)) == NULL)
        return sp_fail_set(v->fail, SP_EVALUE, "TRANSFER.name", t->kind, 0);
    if (++v->s->transfers > IPC_TRANSFERS_MAX)
        return sp_fail_set(v->fail, SP_ELIMIT, "TRANSFER.count", v->s->transfers,
                           IPC_TRANSFERS_MAX);
    return SP_OK;
}

static void add_hash(struct event *e, const struct ipc_transfer *t)
{
    char hex[2 * sizeof(t->sha256) + 1];

    for (size_t i = 0; i < sizeof(t->sha256); i++)
        snprintf(hex + 2 * i, 3, "%02x", t->sha256[i]);
    event_word(e, "sha256", t->is_hashed != 0 ? hex : "partial");
}

enum sp_err verb_transfer(struct verb *v)
{
    struct ipc_transfer t;
    struct event e;

    memcpy(&t, v->in->msg.bytes, sizeof(t));
    enum sp_err err = check(v, &t);
    if (err != SP_OK)
        return err;
    bool is_refused = t.kind == IPC_TRANSFER_REFUSED;
    session_event(v->s, &e, is_refused ? "channel_refused" : "transfer");
    event_word(&e, "direction", t.way == IPC_WAY_TO_TARGET ? "to_target" : "to_client");
    event_word(&e, "channel", channel_names[t.channel]);
    if (is_refused) {
        event_text(&e, "what", t.name);
        event_word(&e, "reason", "the rule does not allow it");
    } else {
        event_word(&e, "kind", kind_names[t.kind]);
        event_text(&e, "name", t.name);
        event_number(&e, "size", (int64_t)(t.size & INT64_MAX));
        event_number(&e, "bytes", (int64_t)(t.bytes & INT64_MAX));
        add_hash(&e, &t);
        event_word(&e, "result", t.is_hashed != 0 ? "complete" : "partial");
    }
    session_event_write(v->ops, &e);
    return SP_OK;
}
