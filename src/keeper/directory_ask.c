/* SPDX-License-Identifier: Apache-2.0
 * Questions to directory: bounded in number, each with a deadline and one answer.
 */
#include "keeper/directory_ask.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "keeper/keeper_priv.h"

#define MARGIN_MS 1000 /* directory answers at its deadline, keeper in its place after this */

static struct directory_question *unused(struct directory_questions *q)
{
    for (size_t i = 0; i < DIRECTORY_QUESTIONS_MAX; i++) {
        if (q->list[i].done == NULL)
            return &q->list[i];
    }
    return NULL;
}

static void finish(struct directory_question *question, const struct ipc_directory_answer *answer)
{
    directory_done *done = question->done;
    void *ctx = question->ctx;

    *question = (struct directory_question){0}; /* first, as done may ask again */
    done(ctx, answer);
}

static void fail(struct directory_question *question, const char *why)
{
    static struct ipc_directory_answer answer;

    memset(&answer, 0, sizeof(answer));
    answer.id = question->id;
    answer.kind = question->kind;
    answer.status = IPC_DIRECTORY_FAILED;
    snprintf(answer.why, sizeof(answer.why), "%s", why);
    finish(question, &answer);
}

static enum sp_err ask(struct keeper *k, struct edition *e, struct ipc_directory_ask *msg,
                       directory_done *done, void *ctx)
{
    struct directory_question *question = unused(&k->questions);
    int fd = e->children.child[CHILD_DIRECTORY].channel;

    if (question == NULL)
        return SP_ELIMIT;
    if (fd < 0)
        return SP_ECLOSED;
    msg->timeout_ms = DIRECTORY_TIMEOUT_MS;
    enum sp_err err = ipc_send(fd, IPC_DIRECTORY_ASK, msg, sizeof(*msg), NULL, 0, 0);
    if (err != SP_OK)
        return err;
    *question =
        (struct directory_question){.done = done,
                                    .ctx = ctx,
                                    .edition = e,
                                    .id = msg->id,
                                    .kind = msg->kind,
                                    .until_ms = clock_now_ms() + DIRECTORY_TIMEOUT_MS + MARGIN_MS};
    return SP_OK;
}

static enum sp_err fill(struct ipc_directory_ask *msg, const uint8_t *data, size_t size)
{
    if (size > sizeof(msg->data))
        return SP_ELIMIT;
    if (size > 0)
        memcpy(msg->data, data, size);
    msg->size = (uint32_t)size;
    return SP_OK;
}

enum sp_err directory_login(struct keeper *k, const char *user, const uint8_t *password,
                            size_t size, directory_done *done, void *ctx)
{
    static struct ipc_directory_ask msg;
    const struct config_directory *d = k->config->directory;

    if (d == NULL || d->boot.ldap_uri[0] == '\0')
        return SP_ESTATE;
    if (strlen(user) >= sizeof(msg.user))
        return SP_ELIMIT;
    memset(&msg, 0, sizeof(msg));
    /* Numbers of sessions are small: the upper half is for questions of another kind. */
    msg.id = UINT64_C(1) << 63 | ++k->questions.last_id;
    msg.kind = IPC_DIRECTORY_LDAP;
    memcpy(msg.user, user, strlen(user));
    enum sp_err err = fill(&msg, password, size);
    if (err == SP_OK)
        err = ask(k, k->now, &msg, done, ctx);
    sp_wipe(&msg, sizeof(msg));
    return err;
}

enum sp_err directory_gss(struct keeper *k, struct edition *edition, uint64_t id, uint32_t kind,
                          const uint8_t *data, size_t size, directory_done *done, void *ctx)
{
    static struct ipc_directory_ask msg;

    memset(&msg, 0, sizeof(msg));
    msg.id = id;
    msg.kind = kind;
    enum sp_err err = fill(&msg, data, size);
    if (err == SP_OK)
        err = ask(k, edition, &msg, done, ctx);
    sp_wipe(&msg, sizeof(msg));
    return err;
}

void directory_gss_end(struct edition *edition, uint64_t id)
{
    static struct ipc_directory_ask msg;
    int fd = edition->children.child[CHILD_DIRECTORY].channel;

    memset(&msg, 0, sizeof(msg));
    msg.id = id;
    msg.kind = IPC_DIRECTORY_GSS_END;
    /* A context that is not told ends by itself when nobody asks it. */
    if (fd >= 0)
        sp_ignore(ipc_send(fd, IPC_DIRECTORY_ASK, &msg, sizeof(msg), NULL, 0, 0));
}

bool directory_answered(struct edition *edition, struct ipc_in *in)
{
    static struct ipc_directory_answer answer;
    struct directory_questions *q = &edition->keeper->questions;

    memcpy(&answer, in->msg.bytes, sizeof(answer));
    sp_wipe(in->msg.bytes + sizeof(in->msg.head), sizeof(answer) - sizeof(in->msg.head));
    if (answer.status >= IPC_DIRECTORY_STATUS_COUNT || answer.size > sizeof(answer.data) ||
        answer.group_count > IPC_DIRECTORY_GROUPS_MAX)
        return false;
    answer.principal[sizeof(answer.principal) - 1] = '\0';
    answer.why[sizeof(answer.why) - 1] = '\0';
    for (size_t i = 0; i < IPC_DIRECTORY_GROUPS_MAX; i++)
        answer.groups[i][IPC_DIRECTORY_GROUP_SIZE - 1] = '\0';
    for (size_t i = 0; i < DIRECTORY_QUESTIONS_MAX; i++) {
        if (q->list[i].done == NULL || q->list[i].id != answer.id || q->list[i].edition != edition)
            continue;
        bool is_same = q->list[i].kind == answer.kind;
        if (is_same)
            finish(&q->list[i], &answer);
        sp_wipe(&answer, sizeof(answer));
        return is_same;
    }
    sp_wipe(&answer, sizeof(answer));
    return true; /* it was given up meanwhile */
}

void directory_died(struct keeper *k, const struct edition *edition)
{
    for (size_t i = 0; i < DIRECTORY_QUESTIONS_MAX; i++) {
        struct directory_question *question = &k->questions.list[i];

        if (question->done != NULL && (edition == NULL || question->edition == edition))
            fail(question, "directory ended");
    }
}

void directory_tick(struct keeper *k, int64_t now_ms)
{
    for (size_t i = 0; i < DIRECTORY_QUESTIONS_MAX; i++) {
        struct directory_question *question = &k->questions.list[i];

        if (question->done != NULL && now_ms >= question->until_ms)
            fail(question, "directory does not answer");
    }
}
