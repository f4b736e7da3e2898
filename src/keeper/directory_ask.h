/* SPDX-License-Identifier: Apache-2.0
 * Questions to directory: bounded in number, each with a deadline and one answer.
 */
#ifndef SP_KEEPER_DIRECTORY_ASK_H
#define SP_KEEPER_DIRECTORY_ASK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ipc_directory.h"

#define DIRECTORY_QUESTIONS_MAX 64
#define DIRECTORY_TIMEOUT_MS    10000

struct keeper;
struct edition;
struct ipc_in;

/*
 * What came of a question; the answer is wiped afterwards.
 * answer   its texts end with NUL
 */
typedef void directory_done(void *ctx, const struct ipc_directory_answer *answer);

struct directory_question {
    directory_done *done; /* NULL = free */
    void *ctx;
    struct edition *edition; /* whose directory was asked */
    uint64_t id;
    uint32_t kind;
    int64_t until_ms;
};

struct directory_questions {
    struct directory_question list[DIRECTORY_QUESTIONS_MAX];
    uint64_t last_id;
};

/*
 * Check a name and password by LDAP. done is called once, from the loop, never from here.
 * password  size bytes of UTF-8, at most IPC_GSS_TOKEN_MAX; the caller wipes it
 * done     the answer's groups are our names of them
 * Errors:  SP_ESTATE no such directory is configured; SP_ELIMIT too many questions, or too long;
 *          SP_ECLOSED directory is not running
 */
SP_MUST_USE enum sp_err directory_login(struct keeper *k, const char *user, const uint8_t *password,
                                        size_t size, directory_done *done, void *ctx);

/*
 * Ask about the security context of a session, by its number; as directory_login.
 * kind     one of GSS_*
 * edition  whose directory began the context
 */
SP_MUST_USE enum sp_err directory_gss(struct keeper *k, struct edition *edition, uint64_t id,
                                      uint32_t kind, const uint8_t *data, size_t size,
                                      directory_done *done, void *ctx);

/* Let go of a session's context. */
void directory_gss_end(struct edition *edition, uint64_t id);

/* Take what directory says. Returns  false if it may not say so */
bool directory_answered(struct edition *edition, struct ipc_in *in);

/* Answer all questions of a directory that has died. edition: NULL means all */
void directory_died(struct keeper *k, const struct edition *edition);

/* Answer what is overdue. */
void directory_tick(struct keeper *k, int64_t now_ms);

#endif
