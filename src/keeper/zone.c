/* SPDX-License-Identifier: Apache-2.0
 * Wall clocks of other places, by the system's time zone data.
 */
#include "keeper/zone.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/err.h"
#include "base/mem.h"
#include "keeper/catalog.h"

#define FOLDER    "/usr/share/zoneinfo/"
#define MINUTE_US 60000000
#define KEPT      64 /* answers that are remembered */

struct answer {
    char name[CATALOG_ZONE_SIZE];
    int64_t minute; /* since 1970 */
    struct zone_time time;
};

bool zone_is_known(const char *name)
{
    static const char allowed[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-/";
    char path[sizeof(FOLDER) + CATALOG_ZONE_SIZE];
    size_t n = strlen(name);
    struct stat st;

    /* No dot is allowed, so that no path leaves the folder. */
    if (n == 0 || n >= CATALOG_ZONE_SIZE || strspn(name, allowed) != n || name[0] == '/')
        return false;
    snprintf(path, sizeof(path), FOLDER "%s", name);
    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static void ask(const char *name, int64_t minute, struct zone_time *out)
{
    const char *set = getenv("TZ");
    SP_FREE char *before = set != NULL ? strdup(set) : NULL;
    time_t seconds = (time_t)(minute * 60);
    char path[sizeof(FOLDER) + CATALOG_ZONE_SIZE + 1];
    struct tm tm = {0};

    SP_BUG(set != NULL && before == NULL);
    snprintf(path, sizeof(path), ":" FOLDER "%s", name);
    setenv("TZ", path, 1);
    tzset();
    localtime_r(&seconds, &tm);
    if (before != NULL)
        setenv("TZ", before, 1);
    else
        unsetenv("TZ");
    tzset();
    *out = (struct zone_time){.day = (uint32_t)tm.tm_wday,
                              .minute = (uint32_t)(tm.tm_hour * 60 + tm.tm_min),
                              .offset_s = (int32_t)tm.tm_gmtoff};
}

void zone_local(const char *name, int64_t wall_us, struct zone_time *out)
{
    static struct answer kept[KEPT];
    static size_t next;
    int64_t minute = wall_us / MINUTE_US;

    for (size_t i = 0; i < KEPT; i++) {
        if (kept[i].minute != minute || strcmp(kept[i].name, name) != 0)
            continue;
        *out = kept[i].time;
        return;
    }
    struct answer *a = &kept[next];
    next = (next + 1) % KEPT;
    snprintf(a->name, sizeof(a->name), "%s", name);
    a->minute = minute;
    ask(name, minute, &a->time);
    *out = a->time;
}
