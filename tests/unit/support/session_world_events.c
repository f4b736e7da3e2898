/* SPDX-License-Identifier: Apache-2.0
 * What a session's world wrote into its log.
 */
#include "session_world.h"

#include <stdlib.h>
#include <string.h>

static const char *name_of(const json_t *event)
{
    return json_string_value(json_object_get(event, "event"));
}

size_t world_count(const struct world *w, const char *name)
{
    size_t n = 0;

    for (size_t i = 0; i < w->event_count; i++)
        n += strcmp(name_of(w->events[i]), name) == 0 ? 1 : 0;
    return n;
}

json_t *world_event(const struct world *w, const char *name)
{
    for (size_t i = w->event_count; i > 0; i--) {
        if (strcmp(name_of(w->events[i - 1]), name) == 0)
            return w->events[i - 1];
    }
    abort();
}
