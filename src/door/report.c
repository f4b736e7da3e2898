/* SPDX-License-Identifier: Apache-2.0
 * Refused connections, summed up: at most one report a second for each reason.
 */
#include "door/report.h"

#include <string.h>

static uint32_t sum(uint32_t a, uint32_t b)
{
    return b > UINT32_MAX - a ? UINT32_MAX : a + b;
}

static void add(struct report *r, uint32_t reason, uint32_t count, uint32_t peer_count,
                const struct ipc_address *peer)
{
    struct report_line *line = &r->lines[reason];

    SP_BUG(reason >= IPC_DOOR_REASON_COUNT);
    if (line->count == 0 || memcmp(line->peer.ip, peer->ip, sizeof(peer->ip)) != 0)
        line->peer_count = 0;
    line->peer_count = sum(line->peer_count, peer_count);
    line->count = sum(line->count, count);
    line->peer = *peer;
}

void report_add(struct report *r, enum ipc_door_reason reason, const struct ipc_address *peer)
{
    add(r, (uint32_t)reason, 1, 1, peer);
}

int64_t report_due_ms(const struct report *r)
{
    int64_t due = -1;

    for (size_t i = 0; i < IPC_DOOR_REASON_COUNT; i++) {
        const struct report_line *line = &r->lines[i];

        if (line->count > 0 && (due < 0 || line->next_ms < due))
            due = line->next_ms;
    }
    return due;
}

bool report_take(struct report *r, int64_t now_ms, struct ipc_door_refused *out)
{
    for (uint32_t i = 0; i < IPC_DOOR_REASON_COUNT; i++) {
        struct report_line *line = &r->lines[i];

        if (line->count == 0 || line->next_ms > now_ms)
            continue;
        *out = (struct ipc_door_refused){
            .peer = line->peer, .reason = i, .count = line->count, .peer_count = line->peer_count};
        line->count = line->peer_count = 0;
        line->next_ms = now_ms + REPORT_INTERVAL_MS;
        return true;
    }
    return false;
}

void report_give_back(struct report *r, const struct ipc_door_refused *message)
{
    add(r, message->reason, message->count, message->peer_count, &message->peer);
}
