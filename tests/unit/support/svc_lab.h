/* SPDX-License-Identifier: Apache-2.0
 * A client and a target around a channel filter: what one sends, and what the other gets to see.
 */
#ifndef SP_TEST_SVC_LAB_H
#define SP_TEST_SVC_LAB_H

#include "rdp/cliprdr.h"
#include "rdp/rdpdr.h"

#define LAB_MESSAGES 1200
#define C2S          CHANNEL_CLIENT_TO_SERVER
#define S2C          CHANNEL_SERVER_TO_CLIENT

struct lab_message {
    uint8_t *data;
    size_t size, capacity;
};

struct svc_lab {
    struct cliprdr_filter *clip; /* one of the two is set */
    struct rdpdr_filter *rdpdr;
    struct svc_out out;
    /* What arrives at the far end of each direction; its chunks are held against the rules. */
    struct channel_stream arriving[2];
    size_t count[2]; /* whole messages; the one after them is under way */
    struct lab_message messages[2][LAB_MESSAGES];
    uint64_t dropped;
};

/* Start a clipboard filter in static memory. */
void lab_clipboard(struct svc_lab *lab, const struct svc_policy *policy);

/* Start a device filter in static memory. */
void lab_devices(struct svc_lab *lab, const struct svc_policy *policy);

/* Give one chunk, in an allocation of exactly its size; then let both queues run dry. */
enum svc_verdict lab_chunk(struct svc_lab *lab, enum channel_direction direction, uint32_t length,
                           uint32_t flags, const uint8_t *data, size_t size);

/* Send a whole message in chunks of 1600 bytes; the verdict on the last, or SVC_REFUSE. */
enum svc_verdict lab_send(struct svc_lab *lab, enum channel_direction direction,
                          const uint8_t *data, size_t size);

#define LAB_TO_CLIENT 1u /* a record's first byte: the direction is S2C                     */
#define LAB_CHUNK     2u /* one chunk, with its CHANNEL_PDU_HEADER, not a whole message      */

/*
 * Feed records { LAB_* u8, size u16, [CHANNEL_PDU_HEADER,] data } until the filter refuses.
 * check    called after each record with the messages that arrived since the one before
 */
void lab_replay(struct svc_lab *lab, struct rd *r, void (*check)(const struct svc_lab *lab));

/* The messages that arrived are looked at no more. */
void lab_forget(struct svc_lab *lab);

/* Free what the lab holds. */
void lab_clear(struct svc_lab *lab);

#endif
