/* SPDX-License-Identifier: Apache-2.0
 * The splice: two finished connections joined from Demand Active on.
 *
 * PDUs pass in place with their MCS ids mapped; graphics are neither decoded nor copied. What must
 * be edited (capabilities, Save Session Info, everything a client says on the I/O channel) is
 * written anew into a small side buffer.
 */
#ifndef SP_SESSION_SPLICE_H
#define SP_SESSION_SPLICE_H

#include <stdbool.h>
#include <stdint.h>

#include "back/back.h"
#include "base/stream.h"
#include "front/front.h"
#include "rdp/caps.h"
#include "rdp/channel.h"
#include "session/splice_channels.h"

#define SPLICE_SIDE_SIZE     (32768u + 256u) /* an edited share PDU is at most 32767 bytes */
#define SPLICE_STALL_MS      60000           /* a side that takes nothing for so long is gone */
#define SPLICE_ACTIVATION_MS 60000           /* Demand Active to Confirm Active               */

/* What a filter decided about one frame. */
enum verdict {
    VERDICT_PASS,    /* in place, ids already patched           */
    VERDICT_DROP,    /* nothing of it goes on                   */
    VERDICT_REPLACE, /* the side buffer goes on in its place    */
    VERDICT_END,     /* an orderly end: nothing more from there */
    VERDICT_REFUSE   /* illegal; detail in flow.fail            */
};

/* One direction. */
struct flow {
    struct stream *from, *to;
    const uint8_t *out; /* being written to `to`; points into from->buf or side */
    size_t out_size;
    int64_t stalled_since_ms; /* 0 = not stalled */
    bool is_ended;            /* its source has said or shown that it is over   */
    struct sp_fail fail;
    bool has_words; /* a channel's filter has something to say in this direction */
    size_t side_size;
    uint8_t side[SPLICE_SIDE_SIZE];
};

struct splice {
    struct front *front;
    struct back *back;
    struct keeper_link *keeper;
    struct caps_policy policy;
    struct flow to_client, to_target;
    bool is_demanded;  /* a Demand Active passed and its Confirm Active has not yet */
    bool is_confirmed; /* the client's Confirm Active passed: input is legal        */
    bool is_noted;     /* IPC_NOTE_ACTIVE was sent                                  */
    bool had_lobby; /* the client had a desktop of ours before: what it said there may come late */
    bool is_gathering; /* the target's next PDUs may lie a moment, to go on as one  */
    int64_t demanded_ms;
    uint16_t chunk_max;                                    /* VCChunkSize of the target */
    struct channel_stream channels[GCC_CHANNEL_COUNT_MAX]; /* client to target */
    uint64_t dropped_channel_pdus;
    int64_t last_input_ms;
    uint32_t idle_ms;       /* 0 = no limit */
    int64_t total_until_ms; /* of clock_now_ms; 0 = no limit */
    uint32_t errinfo;       /* what to tell the client at the end */
    char why[IPC_TEXT_MAX];
    struct splice_channels filters;
};

/*
 * Prepare the splice of two legs that stand at Demand Active. s is all zero before its first use.
 * decision limits and channels are taken from it
 * Owner:   borrows all but decision
 */
void splice_init(struct splice *s, struct front *front, struct back *back,
                 struct keeper_link *keeper, const struct ipc_decide_rsp *decision);

/*
 * Run until one side ends, keeper ends it, or a limit is reached; s->why and s->errinfo say why.
 * Returns  SP_OK for an orderly end; otherwise the failure, which is in one of the flows' fail
 */
enum sp_err splice_run(struct splice *s);

#endif
