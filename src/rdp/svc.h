/* SPDX-License-Identifier: Apache-2.0
 * What the filters of static virtual channels share: policy, verdicts, whole messages, transfers.
 *
 * A filter is told of every chunk of its channel, both directions, and says what becomes of it.
 * SVC_PASS forwards the chunk as it is: most messages, and all that carry bulk data, are decided at
 * their first chunk and pass chunk by chunk without a copy, while a hash runs along. SVC_DROP
 * forwards nothing: the message is held until it is whole, or it is not to be seen by the other
 * side. SVC_REFUSE ends the session; out->fail says why.
 *
 * What a filter has to say itself goes to struct svc_out: rewritten messages, answers to the
 * sender, records of transfers. The caller keeps this order for each direction d:
 *   1. the chunk of a call that returned SVC_PASS is sent first;
 *   2. then svc_out_next(out, d, …) until it returns false, as room allows;
 *   3. no further chunk of direction d is given to the filter while svc_out_pending(out, d).
 * A filter's words never fall into the middle of a message that passes chunk by chunk: until its
 * last chunk svc_out_next gives nothing for that direction.
 */
#ifndef SP_RDP_SVC_H
#define SP_RDP_SVC_H

#include <nettle/sha2.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipc_transfer.h"
#include "base/wire.h"
#include "rdp/channel.h"

/* Which way data moves; the values are those of IPC_WAY_*. */
#define SVC_WAY_TO_TARGET 1u
#define SVC_WAY_TO_CLIENT 2u

/* svc_policy.clipboard_kinds; the values are those of IPC_CLIPBOARD_*. */
#define SVC_CLIPBOARD_TEXT   1u
#define SVC_CLIPBOARD_IMAGES 2u
#define SVC_CLIPBOARD_FILES  4u

/* svc_policy.devices; the values are those of IPC_DEVICE_*, other bits are not looked at. */
#define SVC_DEVICE_PRINTERS   1u
#define SVC_DEVICE_SMARTCARDS 2u
#define SVC_DEVICE_PORTS      4u

/* What may pass; all zero is the strictest. */
struct svc_policy {
    uint32_t clipboard;       /* SVC_WAY_*                                               */
    uint32_t clipboard_kinds; /* SVC_CLIPBOARD_*                                         */
    uint32_t drives;          /* SVC_WAY_*: to target = T reads, to client = T writes    */
    uint32_t devices;         /* SVC_DEVICE_*                                            */
};

enum svc_verdict { SVC_PASS, SVC_DROP, SVC_REFUSE };

/* In the order of enum ipc_transfer_kind. */
enum svc_transfer_kind {
    SVC_TRANSFER_CLIPBOARD_TEXT,
    SVC_TRANSFER_CLIPBOARD_IMAGE,
    SVC_TRANSFER_CLIPBOARD_FILE,
    SVC_TRANSFER_DRIVE_FILE,
    SVC_TRANSFER_PRINT,
    SVC_TRANSFER_REFUSED, /* name says what was refused */
};

#define SVC_NAME_SIZE 256

struct svc_transfer {
    enum svc_transfer_kind kind;
    uint32_t way;   /* SVC_WAY_*                                         */
    uint64_t size;  /* announced, bytes                                  */
    uint64_t bytes; /* moved                                             */
    bool is_hashed; /* sha256 covers all of it, in order                 */
    uint8_t sha256[SHA256_DIGEST_SIZE];
    char name[SVC_NAME_SIZE]; /* NUL-terminated UTF-8, not escaped; cut if longer */
};

#define SVC_QUEUE_SIZE    16384
#define SVC_TRANSFERS_MAX 64
#define SVC_PREFIX_SIZE   64 /* a first chunk that is not the last has at least so many bytes */

/* Messages that wait to be sent in one direction. */
struct svc_queue {
    bool is_passing;     /* a message of this direction is under way chunk by chunk  */
    uint32_t flags;      /* CHANNEL_FLAG_SHOW_PROTOCOL if this direction's chunks have it */
    const uint8_t *lent; /* a whole message in the filter's own memory, sent first   */
    size_t lent_size;    /* 0 = none                                                 */
    size_t sent;         /* bytes of the message at the head that were given out     */
    size_t at, used;     /* INVARIANT: at <= used; buf[at, used) is {size u32, bytes}* */
    uint8_t buf[SVC_QUEUE_SIZE];
};

/* What a filter says; all zero is its start. One for each filter, kept by the caller. */
struct svc_out {
    struct svc_queue queue[2]; /* by enum channel_direction */
    uint32_t transfers_at, transfers_count, transfers_lost;
    uint32_t refusals; /* records of kind SVC_TRANSFER_REFUSED so far */
    struct svc_transfer transfers[SVC_TRANSFERS_MAX];
    const char *exploit;       /* attack seen in the last call ("CVE-2019-0887"), or NULL */
    const char *exploit_where; /* the field that shows it; static text        */
    struct sp_fail fail;       /* why SVC_REFUSE                              */
};

/* ---- for the caller ---- */

/*
 * Take the next chunk that the filter wants to be sent in a direction.
 * chunk_max the receiver's VCChunkSize (1600 towards the client)
 * header   of the chunk, to be written before data
 * data     borrowed until the next call with out or with its filter
 * Returns  false if there is nothing to send now
 */
bool svc_out_next(struct svc_out *out, enum channel_direction direction, size_t chunk_max,
                  struct channel_header *header, const uint8_t **data, size_t *size);

/* True if svc_out_next would give something: the filter may not be fed in this direction. */
bool svc_out_pending(const struct svc_out *out, enum channel_direction direction);

/* Take the oldest record of a transfer; false if there is none. */
bool svc_out_transfer(struct svc_out *out, struct svc_transfer *transfer);

/* ---- for the filters ---- */

/*
 * Append a small message, copied.
 * Errors:  SP_ELIMIT the queue of this direction is full
 */
SP_MUST_USE enum sp_err svc_out_put(struct svc_out *out, enum channel_direction direction,
                                    const uint8_t *data, size_t size);

/*
 * Append a message that stays in the filter's memory until it is sent: the filter is not fed in
 * this direction before. The queue must hold no other such message.
 */
void svc_out_lend(struct svc_out *out, enum channel_direction direction, const uint8_t *data,
                  size_t size);

/* Append a record; the newest is lost (and counted) if SVC_TRANSFERS_MAX wait. */
void svc_out_record(struct svc_out *out, const struct svc_transfer *transfer);

/*
 * Append a record of kind SVC_TRANSFER_REFUSED; after SVC_TRANSFERS_MAX of them nothing more.
 * what     static text, e.g. "clipboard text"
 * detail   UTF-8, or NULL
 */
void svc_out_refused(struct svc_out *out, uint32_t way, const char *what, const char *detail);

/* The direction in which an answer to a message of this direction goes. */
enum channel_direction svc_back(enum channel_direction direction);

/* The SVC_WAY_* in which a sender of this direction moves data. */
uint32_t svc_way(enum channel_direction direction);

/* What becomes of a message. */
enum svc_mode {
    SVC_MODE_PASS,   /* chunk by chunk                       */
    SVC_MODE_GATHER, /* held until it is whole, then judged  */
    SVC_MODE_DROP,
};

/* One direction of a filter; all zero but buf and capacity is its start. */
struct svc_side {
    struct channel_stream stream;
    enum svc_mode mode; /* of the message under way */
    uint8_t *buf;       /* for gathered messages    */
    size_t capacity, size;
};

/* The steps in which a filter judges a message. Any failure ends the session. */
struct svc_steps {
    /*
     * At the first chunk: choose the mode. data has the whole message if size == total, else at
     * least SVC_PREFIX_SIZE bytes.
     */
    enum sp_err (*first)(void *filter, enum channel_direction direction, const uint8_t *data,
                         size_t size, size_t total, enum svc_mode *mode, struct svc_out *out);
    /* For each chunk of a message that passes, the first included; at is its place in the message.
     */
    enum sp_err (*passing)(void *filter, enum channel_direction direction, const uint8_t *data,
                           size_t size, size_t at, bool is_last, struct svc_out *out);
    /* For a gathered message; it may be changed in place and lent to out. */
    enum sp_err (*whole)(void *filter, enum channel_direction direction, uint8_t *data, size_t size,
                         struct svc_out *out);
};

/*
 * Take one chunk of a channel and run a filter's steps.
 * Spec:    MS-RDPBCGR 2.2.6.1
 * Errors:  SVC_REFUSE with out->fail: rules of channel_stream_step, a first chunk below
 *          SVC_PREFIX_SIZE, a gathered message above the side's capacity (SP_ELIMIT), or what a
 *          step returned
 */
enum svc_verdict svc_filter_step(const struct svc_steps *steps, void *filter, struct svc_side *side,
                                 enum channel_direction direction,
                                 const struct channel_header *header, const uint8_t *data,
                                 size_t size, struct svc_out *out);

/* A hash over ranges that must come in order; all zero but sha is not its start. */
struct svc_hash {
    struct sha256_ctx sha;
    uint64_t next;   /* offset that the next range must have */
    bool is_ordered; /* no gap and no repetition so far      */
};

/* Start a hash at offset 0. */
void svc_hash_init(struct svc_hash *h);

/* Say that a range starts at this offset; once out of order the hash stays so. */
void svc_hash_seek(struct svc_hash *h, uint64_t offset);

/* Take the next bytes of the range. */
void svc_hash_update(struct svc_hash *h, const uint8_t *data, size_t size);

/* Write hash and is_hashed into a record; the hash cannot be used further. */
void svc_hash_finish(struct svc_hash *h, bool is_whole, struct svc_transfer *transfer);

#endif
