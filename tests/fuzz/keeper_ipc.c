/* SPDX-License-Identifier: Apache-2.0
 * A taken-over session against keeper's table: any messages in any order, invariants at each step.
 *
 * Input: records of how (1 byte), type (1), count (2, little-endian), then count bytes:
 *   0 the message a good session would send; 1 that, with the bytes laid over its start; 2 that,
 * with pairs of 16-bit offset and byte changed; 3 exactly the bytes; 4 dialer answers with status
 * type; 5 count seconds pass
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "support/session_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct world w;

static void check(int is_true)
{
    if (!is_true)
        abort();
}

/* What may never be, whatever a session does. */
static void check_invariants(void)
{
    check(w.signs <= 1);                     /* one signature a connection               */
    check(w.dials <= w.durable_events);      /* durable before the effect                */
    check(w.dials <= 1 + IPC_REDIRECTS_MAX); /* one target a connection, and where it led */
    check(w.passwords <= 2 * w.dials);       /* BIND and SEAL, or CLEAR; no secret before
                                                the decision                             */
    check(w.s.state < SESSION_STATE_COUNT);
    check(w.s.notes <= IPC_NOTES_MAX + 1);
    if (w.sent_type != IPC_CLEAR_RSP)
        check(memmem(w.sent.bytes, w.sent_size, WORLD_PASSWORD, 12) == NULL);
    /* No key of the target's login, and nothing sealed for a target that did not prove itself. */
    if (memcmp(w.exported_key, (uint8_t[16]){0}, 16) != 0)
        check(memmem(w.sent.bytes, w.sent_size, w.exported_key, 16) == NULL);
    if (w.sent_type == IPC_SEAL_RSP && w.sent.seal.size > 0)
        check(w.s.state >= SESSION_ADMITTED || w.s.hops > 0);
    if (w.s.state == SESSION_REFUSED)
        check(w.s.is_failure_logged);
}

static enum sp_err overlaid(uint32_t type, const uint8_t *bytes, size_t count)
{
    static struct ipc_in in;
    size_t size = world_good(&w, type, &in);
    size_t room = size - sizeof(struct ipc_head);

    memcpy(in.msg.bytes + sizeof(struct ipc_head), bytes, count < room ? count : room);
    return world_send(&w, type, in.msg.bytes, size);
}

static enum sp_err changed(uint32_t type, const uint8_t *bytes, size_t count)
{
    static struct ipc_in in;
    size_t size = world_good(&w, type, &in);

    for (size_t i = 0; i + 3 <= count; i += 3)
        in.msg.bytes[((size_t)bytes[i] | (size_t)bytes[i + 1] << 8) % size] = bytes[i + 2];
    return world_send(&w, type, in.msg.bytes, size);
}

static enum sp_err dialed(uint32_t status)
{
    struct ipc_dialed msg = {.status = status};

    session_dialed(&w.s, &w.ops, &msg, open("/dev/null", O_RDONLY | O_CLOEXEC));
    return SP_OK;
}

static enum sp_err step(uint8_t how, uint32_t type, const uint8_t *bytes, size_t count)
{
    switch (how % 6) {
    case 0:
        return world_send_good(&w, type);
    case 1:
        return overlaid(type, bytes, count);
    case 2:
        return changed(type, bytes, count);
    case 3:
        if (count < sizeof(struct ipc_head))
            return SP_OK;
        return world_send(&w, type, bytes, count);
    case 4:
        return dialed(type);
    default:
        w.now_ms += (int64_t)count * 1000;
        return SP_OK;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum sp_err err = SP_OK;

    world_init(&w);
    w.decision.login = (uint32_t)(size % IPC_LOGIN_COUNT);
    w.decision.nla = (uint32_t)(size / 2 % IPC_NLA_COUNT);
    while (size >= 4 && err == SP_OK && w.event_count < WORLD_EVENTS_MAX - 4) {
        uint8_t how = data[0];
        uint32_t type = data[1];
        size_t count = (size_t)data[2] | (size_t)data[3] << 8;

        data += 4;
        size -= 4;
        if (how % 6 != 5 && count > size)
            count = size;
        if (count > IPC_MSG_MAX)
            count = IPC_MSG_MAX;
        err = step(how, type, data, count);
        if (how % 6 != 5) {
            data += count;
            size -= count;
        }
        check_invariants();
    }
    session_log_end(&w.s, &w.ops);
    world_clear(&w);
    return 0;
}
