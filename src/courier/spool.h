/* SPDX-License-Identifier: Apache-2.0
 * The spool: a folder with one file for each event that a webhook has not got yet.
 *
 * A file's name is all that is known of it besides the body, which is its content:
 *   TIME-ID-HOOK.item   16, 32 and 16 hexadecimal digits; names sort by time
 * It is written under another name, made durable, and then renamed: whatever ends in ".item" is
 * whole. Several couriers may write at once (a reload, an upgrade); only who holds the lock
 * delivers and removes.
 */
#ifndef SP_COURIER_SPOOL_H
#define SP_COURIER_SPOOL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/ipc_courier.h"

#define SPOOL_ITEMS_MAX 4096
#define SPOOL_NAME_SIZE 72 /* 16 + 1 + 32 + 1 + 16 + 5 and NUL */

struct spool {
    int dir;     /* borrowed                                    */
    int lock;    /* the lock's file, -1 = closed                */
    bool is_own; /* we have the lock                            */
    size_t most; /* files at once: SPOOL_ITEMS_MAX, or a test's */
    size_t count;
};

struct spool_item {
    char name[SPOOL_NAME_SIZE];
    uint64_t time_us;
    uint8_t id[IPC_COURIER_ID_SIZE];
    uint8_t hook[IPC_COURIER_HOOK_SIZE];
};

/* Called for each item, in no order. */
typedef void spool_fn(void *ctx, const struct spool_item *item);

/*
 * Open the lock's file in the folder, before the cage.
 * dir      borrowed as long as the spool is used
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err spool_open(struct spool *s, int dir, struct sp_fail *fail);

/* Try to become the one that delivers. Returns  true if we are */
bool spool_own(struct spool *s);

/* Let another courier deliver. */
void spool_disown(struct spool *s);

/*
 * Write an item; once this returns it survives whatever happens. The same again is no second one.
 * Errors:  SP_ELIMIT the spool is full; SP_EVALUE size; SP_ESYS with errno
 */
SP_MUST_USE enum sp_err spool_put(struct spool *s, const struct ipc_courier_event *event);

/*
 * Look at all items, and count them. Who has the lock also removes what a dead courier left half
 * written.
 * fn       or NULL
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err spool_scan(struct spool *s, spool_fn *fn, void *ctx);

/*
 * Read an item's body.
 * body     IPC_COURIER_BODY_MAX bytes
 * Errors:  SP_ESYS; SP_EVALUE empty or too long
 */
SP_MUST_USE enum sp_err spool_read(const struct spool *s, const struct spool_item *item,
                                   uint8_t *body, size_t *size);

/* Remove an item; durable when it returns. */
void spool_remove(struct spool *s, const struct spool_item *item);

/* Close the lock's file. */
void spool_close(struct spool *s);

/* Read a file's name. Returns  false if it is not an item's */
bool spool_name_read(const char *name, struct spool_item *out);

#endif
