/* SPDX-License-Identifier: Apache-2.0
 * The worker of sallyport-firewall: keeper's changes into the kernel's sets, from a cage.
 */
#include "firewall/worker.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sandbox.h"
#include "firewall/nft.h"

#define BATCH_MAX  64
#define FOREVER_MS 3600000 /* a wait; then it begins again */

static struct nft_text command;
static char table[FIREWALL_TABLE_SIZE];
static struct firewall_change batch[BATCH_MAX];
static struct ipc_in in;

static void say(const char *text)
{
    char line[256];
    int n = snprintf(line, sizeof(line), "sallyport firewall: %s\n", text);

    if (n > 0 && write(STDERR_FILENO, line, (size_t)n) < 0)
        return;
}

/* The first line of what libnftables complains about, with nothing in it that is not printable. */
static void take_error(struct nft_ctx *nft, char out[FIREWALL_TEXT_SIZE])
{
    const char *text = nft_ctx_get_error_buffer(nft);
    size_t n = text != NULL ? strcspn(text, "\n") : 0;

    if (n >= FIREWALL_TEXT_SIZE)
        n = FIREWALL_TEXT_SIZE - 1;
    for (size_t i = 0; i < n; i++)
        out[i] = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
    out[n] = '\0';
}

static enum sp_err report(int channel, bool is_ready, uint32_t failed, const char *text)
{
    struct firewall_status status = {.is_ready = is_ready ? 1 : 0, .failed = failed};

    snprintf(status.text, sizeof(status.text), "%s", text);
    return ipc_send(channel, FIREWALL_STATUS, &status, sizeof(status), NULL, 0,
                    clock_now_ms() + 1000);
}

static enum sp_err begin(int channel, struct nft_ctx *nft)
{
    struct firewall_begin msg;
    char text[FIREWALL_TEXT_SIZE] = "";

    if (in.size != sizeof(msg))
        return SP_EVALUE;
    memcpy(&msg, in.msg.bytes, sizeof(msg));
    enum sp_err err = nft_begin(&command, &msg);
    if (err != SP_OK)
        return err;
    memcpy(table, msg.table, sizeof(table));
    bool is_ready = nft_run_cmd_from_buffer(nft, command.text) == 0;
    if (!is_ready)
        take_error(nft, text);
    return report(channel, is_ready, 0, text);
}

/* All at once if the kernel takes them; else one by one, so that one mistake costs one element. */
static enum sp_err apply(int channel, struct nft_ctx *nft, size_t count)
{
    char text[FIREWALL_TEXT_SIZE] = "";
    uint32_t failed = 0;

    command = (struct nft_text){0};
    for (size_t i = 0; i < count; i++) {
        enum sp_err err = nft_change(&command, table, &batch[i]);
        if (err != SP_OK)
            return err;
    }
    if (nft_run_cmd_from_buffer(nft, command.text) == 0)
        return SP_OK;
    for (size_t i = 0; i < count; i++) {
        command = (struct nft_text){0};
        enum sp_err err = nft_change(&command, table, &batch[i]);
        if (err != SP_OK)
            return err;
        if (nft_run_cmd_from_buffer(nft, command.text) == 0)
            continue;
        failed++;
        take_error(nft, text);
    }
    return failed > 0 ? report(channel, true, failed, text) : SP_OK;
}

/* Take what is there, up to a batch; a BEGIN ends it and stays in `in`. */
static enum sp_err collect(int channel, size_t *count, bool *is_begin)
{
    int64_t until = clock_now_ms() + FOREVER_MS;
    enum sp_err err = SP_OK;

    *count = 0;
    *is_begin = false;
    while (*count < BATCH_MAX) {
        err = ipc_recv(channel, &in, *count == 0 ? until : 0);
        if (err != SP_OK)
            break;
        ipc_in_clear(&in);
        *is_begin = in.msg.head.type == FIREWALL_BEGIN;
        if (*is_begin)
            break;
        if (in.msg.head.type != FIREWALL_CHANGE || in.size != sizeof(batch[0]) || table[0] == '\0')
            return SP_EVALUE;
        memcpy(&batch[(*count)++], in.msg.bytes, sizeof(batch[0]));
    }
    return err == SP_ETIME ? SP_OK : err;
}

static enum sp_err serve(int channel, struct nft_ctx *nft)
{
    struct firewall_hello hello = {0};
    enum sp_err err =
        ipc_send(channel, FIREWALL_HELLO, &hello, sizeof(hello), NULL, 0, clock_now_ms() + 1000);

    while (err == SP_OK) {
        size_t count;
        bool is_begin;

        err = collect(channel, &count, &is_begin);
        if (err == SP_OK && count > 0)
            err = apply(channel, nft, count);
        if (err == SP_OK && is_begin)
            err = begin(channel, nft);
    }
    return err;
}

int firewall_worker(int channel)
{
    struct sp_fail fail = {0};
    struct nft_ctx *nft = nft_ctx_new(NFT_CTX_DEFAULT);

    if (nft == NULL || nft_ctx_buffer_error(nft) != 0 || nft_ctx_buffer_output(nft) != 0) {
        say("libnftables cannot be used");
        return 1;
    }
    if (sandbox_enter(SANDBOX_FIREWALL, &fail) != SP_OK) {
        say(fail.where);
        return 1;
    }
    enum sp_err err = serve(channel, nft);
    if (err != SP_ECLOSED)
        say(sp_err_name(err));
    return err == SP_ECLOSED ? 0 : 1;
}
