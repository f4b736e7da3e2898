/* SPDX-License-Identifier: Apache-2.0
 * Fuzz what `sallyport apply` sends: the sections of a policy against an empty store. Oracle: a
 * refusal is one line of text; what was planned, planned again, is no change, nor is what an export
 * of it says.
 */
#include <stdint.h>
#include <string.h>

#include "base/err.h"
#include "keeper/api.h"
#include "keeper/objects.h"

#define DEPTH_MAX 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_no_change(const struct objects *now, const json_t *policy, bool prune)
{
    char error[OBJECTS_ERROR_SIZE];
    struct objects_plan plan = {0};

    SP_BUG(objects_plan(now, policy, prune, &plan, error) != SP_OK);
    SP_BUG(plan.count != 0 || json_array_size(plan.lines) != 0);
    objects_plan_clear(&plan);
}

static void check_plan(const struct objects_plan *plan, const json_t *policy, bool prune)
{
    json_t *exported = objects_policy(&plan->next, true);

    SP_BUG(plan->count != objects_count(&plan->next)); /* each is new in an empty store */
    for (size_t i = 0; i < plan->count; i++)
        SP_BUG(plan->changes[i].is_delete || plan->changes[i].id[0] == '\0');
    check_no_change(&plan->next, policy, prune);
    check_no_change(&plan->next, exported, true);
    json_decref(exported);
}

/* The first byte says whether the rest goes. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char error[OBJECTS_ERROR_SIZE] = "";
    struct objects empty;
    struct objects_plan plan = {0};

    if (size == 0 || !api_is_shallow((const char *)data + 1, size - 1, DEPTH_MAX))
        return 0;
    json_t *policy = json_loadb((const char *)data + 1, size - 1, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(policy)) {
        json_decref(policy);
        return 0;
    }
    bool prune = (data[0] & 1) != 0;
    objects_init(&empty);
    if (objects_plan(&empty, policy, prune, &plan, error) == SP_OK) {
        check_plan(&plan, policy, prune);
        objects_plan_clear(&plan);
    } else {
        SP_BUG(error[0] == '\0' || memchr(error, '\0', sizeof(error)) == NULL);
        SP_BUG(strchr(error, '\n') != NULL);
    }
    objects_clear(&empty);
    json_decref(policy);
    return 0;
}
