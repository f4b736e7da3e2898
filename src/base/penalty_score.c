/* SPDX-License-Identifier: Apache-2.0
 * The arithmetic of penalties: weight, growth, cap, threshold, and what time forgives.
 */
#include "base/penalty.h"

struct penalty_rules penalty_defaults(void)
{
    return (struct penalty_rules){.weight_ms = {[PENALTY_NO_AUTH] = 1000,
                                                [PENALTY_AUTH_FAILED] = 5000,
                                                [PENALTY_VIOLATION] = 10000,
                                                [PENALTY_CRASH] = 90000,
                                                [PENALTY_EXPLOIT] = 600000,
                                                [PENALTY_FACTOR] = 5000},
                                  .min_ms = 15000,
                                  .max_ms = 600000};
}

bool penalty_score_melt(struct penalty_score *score, int64_t now_ms)
{
    if (score->until_ms <= now_ms)
        score->is_refusing = 0;
    if (now_ms > score->counted_ms) {
        int64_t forgotten = (now_ms - score->counted_ms) / PENALTY_FORGET_MS;

        score->counted_ms += forgotten * PENALTY_FORGET_MS;
        score->strikes -=
            forgotten < (int64_t)score->strikes ? (uint32_t)forgotten : score->strikes;
    }
    return score->until_ms <= now_ms && score->strikes == 0;
}

/* What one more offence costs after so many strikes. */
static int64_t weight_of(const struct penalty_rules *rules, enum penalty_cause cause,
                         uint32_t strikes, uint32_t scale)
{
    int64_t weight = rules->weight_ms[cause] / scale;
    uint32_t free_strikes = PENALTY_FREE_STRIKES * scale;

    if (cause == PENALTY_NO_AUTH)
        return weight;
    for (uint32_t i = free_strikes; i <= strikes && weight < rules->max_ms; i++)
        weight *= 2;
    return weight < rules->max_ms ? weight : rules->max_ms;
}

bool penalty_score_add(struct penalty_score *score, const struct penalty_rules *rules,
                       enum penalty_cause cause, uint32_t times, uint32_t scale, int64_t now_ms)
{
    bool was_refusing;

    penalty_score_melt(score, now_ms);
    was_refusing = score->is_refusing != 0;
    if (rules->max_ms == 0 || rules->weight_ms[cause] == 0 || times == 0)
        return false;
    int64_t debt = score->until_ms > now_ms ? score->until_ms - now_ms : 0;
    debt += weight_of(rules, cause, score->strikes, scale) * (int64_t)times;
    if (debt > (int64_t)rules->max_ms)
        debt = rules->max_ms;
    if (cause != PENALTY_NO_AUTH) {
        if (score->strikes == 0)
            score->counted_ms = now_ms;
        score->strikes += score->strikes < UINT32_MAX ? 1 : 0;
    }
    score->until_ms = now_ms + debt;
    if (debt >= (int64_t)rules->min_ms)
        score->is_refusing = 1;
    return score->is_refusing != 0 && !was_refusing;
}
