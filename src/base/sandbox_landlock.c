/* SPDX-License-Identifier: Apache-2.0
 * Landlock: the second wall, where the kernel has it. Debian 12's headers know ABI 2 at most, so
 * the constants are our own; seccomp alone must already be enough.
 */
#include "base/sandbox_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#define FS_EXECUTE     (1ull << 0)
#define FS_WRITE_FILE  (1ull << 1)
#define FS_READ_FILE   (1ull << 2)
#define FS_READ_DIR    (1ull << 3)
#define FS_REMOVE_FILE (1ull << 5)
#define FS_MAKE_REG    (1ull << 8)
#define FS_ABI_1       ((1ull << 13) - 1)
#define FS_REFER       (1ull << 13) /* ABI 2 */
#define FS_TRUNCATE    (1ull << 14) /* ABI 3 */
#define FS_IOCTL_DEV   (1ull << 15) /* ABI 5 */

#define NET_BIND_TCP    (1ull << 0) /* ABI 4 */
#define NET_CONNECT_TCP (1ull << 1) /* ABI 4 */

#define SCOPE_ABSTRACT_UNIX_SOCKET (1ull << 0) /* ABI 6 */
#define SCOPE_SIGNAL               (1ull << 1) /* ABI 6 */

#define CREATE_RULESET_VERSION 1u
#define RULE_PATH_BENEATH      1

struct path_beneath {
    uint64_t allowed;
    int32_t parent_fd;
} __attribute__((packed));

/* What may be reached by path although the role's domain denies everything. */
struct grant {
    uint32_t roles;
    const char *path;
    uint64_t rights;
    const char *reason;
};

#define SPAWNER (1u << SANDBOX_SPAWNER)
#define COURIER (1u << SANDBOX_COURIER)
#define DIALER  (1u << SANDBOX_DIALER | 1u << SANDBOX_DIRECTORY | COURIER) /* who resolves */
#define SPOOL   (FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG)

/* One line a grant. */
/* clang-format off */
static const struct grant grants[] = {
    {SPAWNER, "/proc/self/exe", FS_EXECUTE | FS_READ_FILE, "itself, and nothing else to execute"},
    {SPAWNER, "/lib64/ld-linux-x86-64.so.2", FS_EXECUTE | FS_READ_FILE, "its ELF interpreter"},
    {SPAWNER, "/lib/ld-linux-aarch64.so.1", FS_EXECUTE | FS_READ_FILE, "its ELF interpreter"},
    {SPAWNER | DIALER, "/lib", FS_READ_FILE, "libraries; name service modules"},
    {SPAWNER | DIALER, "/lib64", FS_READ_FILE, "libraries; name service modules"},
    {SPAWNER | DIALER, "/usr/lib", FS_READ_FILE, "libraries, OpenSSL's configuration"},
    {SPAWNER | DIALER, "/usr/local/lib", FS_READ_FILE, "libraries"},
    {SPAWNER | DIALER, "/etc/ld.so.cache", FS_READ_FILE, "where libraries are"},
    {SPAWNER, "/etc/ssl/openssl.cnf", FS_READ_FILE, "OpenSSL's configuration"},
    /* resolv.conf is replaced by rename(2) whenever the network changes, and a rule follows the
     * old file; so the directory. Our own secrets there are not readable for this identity. */
    {DIALER, "/etc", FS_READ_FILE, "resolv.conf, hosts, nsswitch.conf, gai.conf, services"},
    {DIALER, "/run/systemd/resolve", FS_READ_FILE, "where resolv.conf may point to"},
    {DIALER, "/run/NetworkManager", FS_READ_FILE, "where resolv.conf may point to"},
    {DIALER, "/run/resolvconf", FS_READ_FILE, "where resolv.conf may point to"},
    {COURIER, "/proc/self/fd/5", SPOOL, "BOOT_FD_SPOOL, the folder of the spool"},
};
/* clang-format on */

int sandbox_landlock_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, CREATE_RULESET_VERSION);

    return abi < 0 ? 0 : (int)abi;
}

struct sandbox_landlock sandbox_landlock_rights(enum sandbox_role role, int abi)
{
    struct sandbox_landlock rights = {0, 0, 0};

    if (abi >= 1)
        rights.fs = FS_ABI_1;
    if (abi >= 2)
        rights.fs |= FS_REFER;
    if (abi >= 3)
        rights.fs |= FS_TRUNCATE;
    if (abi >= 4)
        rights.net = NET_BIND_TCP | ((DIALER & 1u << role) != 0 ? 0 : NET_CONNECT_TCP);
    if (abi >= 5)
        rights.fs |= FS_IOCTL_DEV;
    if (abi >= 6)
        rights.scoped = SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL;
    return rights;
}

static enum sp_err add_grant(int ruleset, const struct grant *grant, struct sp_fail *fail)
{
    SP_FD fd = open(grant->path, O_PATH | O_CLOEXEC);
    struct path_beneath rule = {.allowed = grant->rights, .parent_fd = fd};

    if (fd < 0)
        return SP_OK; /* what is not there needs no permission */
    if (syscall(SYS_landlock_add_rule, ruleset, RULE_PATH_BENEATH, &rule, 0) != 0)
        return sp_fail_set(fail, SP_ESYS, "landlock_add_rule", (uint32_t)errno, 0);
    return SP_OK;
}

enum sp_err sandbox_landlock_enter(enum sandbox_role role, int abi, struct sp_fail *fail)
{
    struct sandbox_landlock rights = sandbox_landlock_rights(role, abi);
    size_t size = abi >= 6 ? sizeof(rights) : abi >= 4 ? 2 * sizeof(uint64_t) : sizeof(uint64_t);

    if (abi < 1)
        return SP_OK;
    SP_FD ruleset = (int)syscall(SYS_landlock_create_ruleset, &rights, size, 0);
    if (ruleset < 0)
        return sp_fail_set(fail, SP_ESYS, "landlock_create_ruleset", (uint32_t)errno, 0);
    for (size_t i = 0; i < sizeof(grants) / sizeof(grants[0]); i++) {
        if ((grants[i].roles & 1u << role) == 0)
            continue;
        enum sp_err err = add_grant(ruleset, &grants[i], fail);
        if (err != SP_OK)
            return err;
    }
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) != 0)
        return sp_fail_set(fail, SP_ESYS, "landlock_restrict_self", (uint32_t)errno, 0);
    return SP_OK;
}
