/* SPDX-License-Identifier: Apache-2.0
 * What the files of courier share.
 */
#ifndef SP_COURIER_COURIER_PRIV_H
#define SP_COURIER_COURIER_PRIV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/boot_courier.h"
#include "base/err.h"
#include "courier/spool.h"

#define COURIER_POST_MS      15000  /* one attempt, name resolution excepted */
#define COURIER_CHILD_MS     20000  /* one attempt; then its child is killed */
#define COURIER_BACKOFF_MS   500    /* after the first failure; doubles …    */
#define COURIER_BACKOFF_MOST 300000 /* … up to this                          */

/* Everything that was read at the start. */
struct courier_settings {
    struct boot_courier boot;
    char *ca; /* boot.ca_size bytes of PEM, NUL-terminated, owned */
};

/* ---- post.c: what a child does ---- */

#define POST_SIGNATURE_SIZE 96 /* "t=", a number, ",v1=", 64 digits and NUL */

/* What came of one attempt. */
struct post_result {
    uint32_t status; /* of HTTP; 0 = there was no answer */
    char why[IPC_COURIER_WHY_SIZE];
};

/*
 * Sign a delivery: HMAC-SHA256 over "TIME.ID.BODY".
 * id       in hexadecimal, as in the header
 * out      POST_SIGNATURE_SIZE bytes: the header's value
 */
void post_sign(const uint8_t *secret, size_t secret_size, int64_t time_s, const char *id,
               const uint8_t *body, size_t size, char *out);

/* True if an answer of this status means that the same document will never be taken. */
bool post_is_final(uint32_t status);

/* True if the receiver has it. */
bool post_is_taken(uint32_t status);

/*
 * In a child: sign, forget all secrets, and deliver.
 * settings  its secrets are wiped
 */
void post_item(struct courier_settings *settings, size_t hook, const struct spool_item *item,
               const uint8_t *body, size_t size, struct post_result *result);

/* Prepare libcurl, before the cage. Errors: SP_ESYS */
SP_MUST_USE enum sp_err post_begin(struct sp_fail *fail);

/* ---- deliver.c: one attempt at a time for each webhook, each in a child ---- */

struct pollfd;

/* Start with nothing to do. settings, spool: borrowed for good */
void deliver_begin(struct courier_settings *settings, struct spool *spool);

/* There may be something new in the spool. */
void deliver_look(void);

/* Start no more attempts, and leave the spool to another courier once those that run are over. */
void deliver_retire(void);

/* Fill BOOT_COURIER_HOOKS_MAX entries with what to wait for. */
void deliver_poll(struct pollfd *fds);

/*
 * Take what children said, end what is overdue, start what is due.
 * fds      as deliver_poll filled them and poll(2) left them
 * wait_ms  how long there is nothing to do
 * Errors:  SP_ETIME, SP_ECLOSED keeper does not listen
 */
SP_MUST_USE enum sp_err deliver_step(const struct pollfd *fds, int *wait_ms);

/* ---- courier.c ---- */

/*
 * Tell keeper how a webhook fares.
 * why      made printable
 * Errors:  SP_ETIME, SP_ECLOSED
 */
SP_MUST_USE enum sp_err courier_news(enum ipc_courier_news_kind kind, const uint8_t *hook,
                                     const char *why);

#endif
