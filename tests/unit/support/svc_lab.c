/* SPDX-License-Identifier: Apache-2.0
 * A client and a target around a channel filter: what one sends, and what the other gets to see.
 */
#include "support/svc_lab.h"

#include <stdlib.h>
#include <string.h>

static struct cliprdr_filter clip_filter;
static struct rdpdr_filter rdpdr_filter;

void lab_clipboard(struct svc_lab *lab, const struct svc_policy *policy)
{
    memset(&clip_filter, 0, sizeof(clip_filter));
    cliprdr_filter_init(&clip_filter, policy);
    lab->clip = &clip_filter;
}

void lab_devices(struct svc_lab *lab, const struct svc_policy *policy)
{
    memset(&rdpdr_filter, 0, sizeof(rdpdr_filter));
    rdpdr_filter_init(&rdpdr_filter, policy);
    lab->rdpdr = &rdpdr_filter;
}

/* A chunk reaches the far end, which would refuse one that breaks the rules. */
static void arrive(struct svc_lab *lab, enum channel_direction direction,
                   const struct channel_header *header, const uint8_t *data, size_t size)
{
    struct lab_message *m = &lab->messages[direction][lab->count[direction]];

    SP_BUG(channel_stream_step(&lab->arriving[direction], direction, header, size,
                               CHANNEL_CHUNK_MAX, NULL) != SP_OK);
    if (size == 0)
        return;
    if (m->size + size > m->capacity) {
        m->capacity = (m->size + size) * 2;
        m->data = realloc(m->data, m->capacity);
        SP_BUG(m->data == NULL);
    }
    memcpy(m->data + m->size, data, size);
    m->size += size;
    if (!lab->arriving[direction].is_open) {
        SP_BUG(m->size != header->length);
        lab->count[direction]++;
        SP_BUG(lab->count[direction] == LAB_MESSAGES);
    }
}

static void drain(struct svc_lab *lab)
{
    for (int i = 0; i < 2; i++) {
        enum channel_direction direction = i == 0 ? C2S : S2C;
        struct channel_header header;
        const uint8_t *data;
        size_t size;

        while (svc_out_next(&lab->out, direction, 1600, &header, &data, &size))
            arrive(lab, direction, &header, data, size);
    }
}

enum svc_verdict lab_chunk(struct svc_lab *lab, enum channel_direction direction, uint32_t length,
                           uint32_t flags, const uint8_t *data, size_t size)
{
    struct channel_header header = {length, flags};
    uint8_t *copy = malloc(size > 0 ? size : 1);
    enum svc_verdict verdict;

    SP_BUG(copy == NULL);
    if (size > 0)
        memcpy(copy, data, size);
    if (lab->clip != NULL)
        verdict = cliprdr_filter_chunk(lab->clip, direction, &header, copy, size, &lab->out);
    else
        verdict = rdpdr_filter_chunk(lab->rdpdr, direction, &header, copy, size, &lab->out);
    SP_BUG((verdict == SVC_REFUSE) != (lab->out.fail.code != SP_OK));
    SP_BUG(verdict == SVC_REFUSE && lab->out.fail.where == NULL);
    if (verdict == SVC_PASS)
        arrive(lab, direction, &header, copy, size);
    lab->dropped += verdict == SVC_DROP;
    free(copy);
    if (verdict != SVC_REFUSE)
        drain(lab);
    return verdict;
}

enum svc_verdict lab_send(struct svc_lab *lab, enum channel_direction direction,
                          const uint8_t *data, size_t size)
{
    enum svc_verdict verdict = SVC_DROP;
    size_t at = 0;

    do {
        size_t n = size - at < 1600 ? size - at : 1600;
        uint32_t flags = (at == 0 ? CHANNEL_FLAG_FIRST : 0) |
                         (at + n == size ? CHANNEL_FLAG_LAST : 0) | CHANNEL_FLAG_SHOW_PROTOCOL;

        verdict = lab_chunk(lab, direction, (uint32_t)size, flags, data + at, n);
        at += n;
    } while (at < size && verdict != SVC_REFUSE);
    return verdict;
}

void lab_replay(struct svc_lab *lab, struct rd *r, void (*check)(const struct svc_lab *lab))
{
    enum svc_verdict verdict = SVC_DROP;
    struct svc_transfer transfer;

    while (r->left > 0 && verdict != SVC_REFUSE) {
        uint8_t how = rd_u8(r, "how");
        size_t size = rd_u16le(r, "size");
        enum channel_direction direction = (how & LAB_TO_CLIENT) != 0 ? S2C : C2S;
        struct channel_header header = {0, 0};

        if ((how & LAB_CHUNK) != 0 && channel_header_read(r, &header) != SP_OK)
            return;
        size = size < r->left ? size : r->left;
        const uint8_t *data = rd_bytes(r, size, "data");
        if (!rd_ok(r))
            return;
        /* A message may not begin inside another: the filter would rightly refuse. */
        if ((how & LAB_CHUNK) != 0)
            verdict = lab_chunk(lab, direction, header.length, header.flags, data, size);
        else
            verdict = lab_send(lab, direction, data, size);
        check(lab);
        lab_forget(lab);
        while (svc_out_transfer(&lab->out, &transfer))
            SP_BUG(memchr(transfer.name, 0, sizeof(transfer.name)) == NULL);
    }
}

void lab_forget(struct svc_lab *lab)
{
    for (size_t d = 0; d < 2; d++) {
        for (size_t i = 0; i < lab->count[d]; i++)
            free(lab->messages[d][i].data);
        lab->messages[d][0] = lab->messages[d][lab->count[d]];
        memset(&lab->messages[d][1], 0, lab->count[d] * sizeof(lab->messages[d][0]));
        lab->count[d] = 0;
    }
}

void lab_clear(struct svc_lab *lab)
{
    lab_forget(lab);
    free(lab->messages[0][0].data);
    free(lab->messages[1][0].data);
}
