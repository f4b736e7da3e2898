/* SPDX-License-Identifier: Apache-2.0
 * The process that forks a session for each connection: how it is born, and born again.
 */
#include "door/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "back/back_tls.h"
#include "base/boot.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/sandbox.h"
#include "door/sigchld.h"
#include "door/helper.h"
#include "door/spawner_loop.h"
#include "front/keyless.h"
#include "session/warm_up.h"

static uint8_t public_key[KEYLESS_PUBLIC_KEY_MAX];

/* One session's life in its own cage; runs in the child. */
static void caged_session(const struct session_start *start)
{
    struct sp_fail fail = {0};
    enum sp_err err = sandbox_enter(SANDBOX_SESSION, &fail);

    if (err != SP_OK) {
        helper_log_fail("a session cannot enter its sandbox", err, &fail);
        _exit(1);
    }
    session_main(start);
}

/* What every session inherits ready-made: nothing in it is secret. */
static enum sp_err build_common(struct spawner *s, struct sp_fail *fail)
{
    struct session_start *common = &s->common;
    static struct boot_config config; /* with its PEM too large for a stack */
    SP_FREE char *ca = NULL;
    size_t size = sizeof(public_key);
    enum sp_err err = boot_read(BOOT_FD_CONFIG, &config, &ca);

    if (err != SP_OK)
        return sp_fail_set(fail, err, "boot", (uint32_t)errno, 0);
    err = helper_begin("spawner", config.uid, config.gid, fail);
    if (err != SP_OK)
        return err;
    for (uint32_t i = 0; i < config.listener_count; i++)
        s->is_proxied[i] = config.listeners[i].is_proxied != 0;
    err = front_public_key(config.pem, config.pem_size, public_key, &size);
    if (err != SP_OK)
        return sp_fail_set(fail, err, "certificate", 0, 0);
    *common = (struct session_start){
        .authenticate_ms = config.authenticate_ms,
        .front_tls =
            keyless_context_new(config.pem, config.pem_size, (uint16_t)config.tls_min, fail),
        .public_key = public_key,
        .public_key_size = size,
    };
    if (common->front_tls == NULL)
        return sp_fail_set(fail, SP_ECRYPTO, "front TLS context", 0, 0);
    common->back_tls = back_context_new(ca, fail);
    if (common->back_tls == NULL)
        return sp_fail_set(fail, SP_ECRYPTO, "back TLS context", 0, 0);
    warm_up_tls(common->front_tls, common->back_tls);
    return SP_OK;
}

static enum sp_err spawner_start(struct spawner *s, struct sp_fail *fail)
{
    *s = (struct spawner){
        .keeper_fd = BOOT_FD_KEEPER, .door_fd = BOOT_FD_PEER, .session = caged_session};
    enum sp_err err = build_common(s, fail);
    if (err != SP_OK)
        return err;
    if (sigchld_begin() != SP_OK)
        return sp_fail_set(fail, SP_ESYS, "SIGCHLD", (uint32_t)errno, 0);
    respawn_init(&s->respawn, clock_now_ms());
    return sandbox_enter(SANDBOX_SPAWNER, fail);
}

/* Returns only if it failed. */
static void execute_again(void)
{
    char role[] = "--role=spawner";
    char *argv[] = {program_invocation_name, role, NULL};

    for (int fd = BOOT_FD_KEEPER; fd <= BOOT_FD_PEER; fd++)
        fcntl(fd, F_SETFD, 0);
    execv("/proc/self/exe", argv);
    helper_log("cannot execute itself: errno=%d", errno);
}

int spawner_main(void)
{
    struct spawner spawner;
    struct sp_fail fail = {0};
    enum sp_err err = spawner_start(&spawner, &fail);

    if (err != SP_OK) {
        helper_log_fail("cannot start", err, &fail);
        return 1;
    }
    switch (spawner_loop(&spawner)) {
    case SPAWNER_KEEPER_GONE:
    case SPAWNER_RETIRED:
        return 0;
    case SPAWNER_DOOR_GONE:
        helper_log("the door is gone");
        return 1;
    case SPAWNER_RESPAWN:
        execute_again();
        return 1;
    case SPAWNER_FAILED:
        helper_log("cannot wait: errno=%d", errno);
        return 1;
    }
    return 1;
}
