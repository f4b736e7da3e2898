/* SPDX-License-Identifier: Apache-2.0
 * Refused connections, summed up: at most one report a second for each reason.
 *
 * Pure: the time comes in, a message goes out.
 */
#ifndef SP_DOOR_REPORT_H
#define SP_DOOR_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ipc_msg.h"

#define REPORT_INTERVAL_MS 1000

struct report_line {
    uint32_t count;      /* since the last report */
    uint32_t peer_count; /* the latest ones in a row that came from peer's address */
    struct ipc_address peer;
    int64_t next_ms; /* not reported again before this */
};

struct report {
    struct report_line lines[IPC_DOOR_REASON_COUNT];
};

/* Count one refusal. */
void report_add(struct report *r, enum ipc_door_reason reason, const struct ipc_address *peer);

/*
 * When the next report is due.
 * Returns  milliseconds of the same clock as report_take's, or -1 if nothing is counted
 */
int64_t report_due_ms(const struct report *r);

/*
 * Take one report that is due.
 * now_ms   of clock_now_ms
 * out      all but the head; written only if there is one
 * Returns  false if none is due
 */
bool report_take(struct report *r, int64_t now_ms, struct ipc_door_refused *out);

/* Put back what could not be sent; it is due again a second after it was taken. */
void report_give_back(struct report *r, const struct ipc_door_refused *message);

#endif
