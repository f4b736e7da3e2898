/* SPDX-License-Identifier: Apache-2.0
 * When the spawner executes itself anew, so that no two probes meet the same address layout.
 */
#include "door/respawn.h"

#include <sys/wait.h>

void respawn_init(struct respawn *r, int64_t now_ms)
{
    *r = (struct respawn){.due_ms = now_ms + RESPAWN_EVERY_MS};
}

void respawn_ended(struct respawn *r, int status, int64_t now_ms)
{
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return;
    if (!r->tainted && now_ms + RESPAWN_GATHER_MS < r->due_ms)
        r->due_ms = now_ms + RESPAWN_GATHER_MS;
    r->tainted = true;
}

bool respawn_is_due(const struct respawn *r, bool waiting, int64_t now_ms)
{
    return waiting ? r->tainted : now_ms >= r->due_ms;
}
