/* SPDX-License-Identifier: Apache-2.0
 * The guard in the loop: charges with their events, ends of bans, and the administrator's commands.
 */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "keeper/keeper_priv.h"

static const char *const causes[] = {
    [PENALTY_NO_AUTH] = "connected and did not authenticate",
    [PENALTY_AUTH_FAILED] = "failed authentication",
    [PENALTY_VIOLATION] = "protocol violation before authentication",
    [PENALTY_CRASH] = "its session process ended abnormally",
    [PENALTY_EXPLOIT] = "exploit attempt",
};
static_assert(sizeof(causes) / sizeof(causes[0]) == PENALTY_CAUSE_COUNT, "all named");

enum sp_err keeper_guard_start(struct keeper *k, const struct config *config)
{
    return guard_open(&k->guard, config, &k->spoiled, clock_now_ms());
}

void keeper_guard_report(struct keeper *k)
{
    struct event e;

    if (k->spoiled == NULL)
        return;
    event_begin(&e, "state_ignored");
    event_word(&e, "file", k->spoiled);
    event_word(&e, "reason", "it is damaged or of another version; what could be read is in force");
    keeper_event_note(k, &e);
    k->spoiled = NULL;
}

void keeper_charge(struct keeper *k, const struct ipc_address *peer, enum penalty_cause cause,
                   uint32_t times)
{
    int64_t now = clock_now_ms();
    char source[64];
    struct event e;

    if (!guard_charge(&k->guard, k->config, peer->ip, cause, times, now))
        return;
    session_source(peer, source);
    event_begin(&e, "source_penalised");
    event_word(&e, "source", source);
    event_number(&e, "refused_ms", guard_left_ms(&k->guard, peer->ip, now));
    event_word(&e, "reason", causes[cause]);
    keeper_event_note(k, &e);
}

static void log_removed(struct keeper *k, const struct net *net, int64_t uid, const char *reason)
{
    char text[NET_TEXT_SIZE];
    struct event e;

    net_write(net, text);
    event_begin(&e, "ban_removed");
    event_word(&e, "network", text);
    if (uid >= 0)
        event_number(&e, "by_uid", uid);
    event_text(&e, "reason", reason);
    keeper_event_note(k, &e);
}

void keeper_guard_tick(struct keeper *k, int64_t now_ms)
{
    struct guard_ban ban;

    while (guard_expire(&k->guard, now_ms, &ban))
        log_removed(k, &ban.net, -1, "its time is over");
    guard_save_step(&k->guard, now_ms);
}

static json_t *answer_ban(struct keeper *k, const struct api_request *request, uid_t uid)
{
    const char *reason =
        request->reason[0] != '\0' ? request->reason : "banned by an administrator";
    char text[NET_TEXT_SIZE];
    struct event e;
    enum sp_err err = guard_ban(&k->guard, &request->net, request->for_ms, reason, clock_now_ms());

    if (err == SP_ELIMIT)
        return api_refusal("there are 4096 bans, and no room for one more; remove some");
    if (err != SP_OK)
        return api_refusal("the ban cannot be written to the state folder; nothing is changed");
    net_write(&request->net, text);
    event_begin(&e, "ban_added");
    event_word(&e, "network", text);
    if (request->for_ms != 0)
        event_number(&e, "for_s", request->for_ms / 1000);
    event_number(&e, "by_uid", uid);
    event_text(&e, "reason", reason);
    keeper_event_note(k, &e);
    return json_pack("{s:b}", "ok", 1);
}

json_t *keeper_guard_answer(struct keeper *k, const struct api_request *request, uid_t uid)
{
    if (request->command == API_BANS)
        return guard_describe(&k->guard, clock_now_ms());
    if (request->command == API_BAN)
        return answer_ban(k, request, uid);
    if (!guard_unban(&k->guard, &request->net, clock_now_ms()))
        return api_refusal("no such ban and no such penalised source; \"ban list\" shows them");
    log_removed(k, &request->net, uid, "removed by an administrator");
    return json_pack("{s:b}", "ok", 1);
}
