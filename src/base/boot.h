/* SPDX-License-Identifier: Apache-2.0
 * What keeper hands to a helper process when it starts it: fixed descriptors and one sealed memfd.
 *
 * keeper runs sallyport-net with "--role=door|spawner|dialer", so that no secret of keeper's memory
 * and no library that it needs not is in the child, and gives it these descriptors and no other.
 */
#ifndef SP_BASE_BOOT_H
#define SP_BASE_BOOT_H

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/net.h"

#define BOOT_LISTENERS_MAX 16
#define BOOT_TRUSTED_MAX   16              /* proxies of one listener      */
#define BOOT_PEM_MAX       65536           /* certificate chain            */
#define BOOT_CA_MAX        (1024u * 1024u) /* bundle for verify: ca        */

enum boot_fd {
    BOOT_FD_KEEPER = 3,    /* SOCK_SEQPACKET to keeper                               */
    BOOT_FD_CONFIG = 4,    /* the memfd, struct boot_config                          */
    BOOT_FD_PEER = 5,      /* door: to spawner; spawner: from door; dialer: not open */
    BOOT_FD_PENALTIES = 6, /* door: the table of base/penalty.h, for reading only    */
    BOOT_FD_LISTENERS = 7, /* door: the first of listener_count listening sockets    */
};

struct boot_listener {
    uint8_t ip[16]; /* IPv4 as ::ffff:a.b.c.d; all zero = any */
    uint32_t port;
    uint32_t is_proxied; /* 1: a PROXY header comes first, from trusted peers only  */
    uint32_t limit;      /* unauthenticated connections through it; 0 = none of its own */
    uint32_t is_jit;     /* 1: closed to sources that keeper did not name               */
    uint32_t trusted_count;
    struct net trusted[BOOT_TRUSTED_MAX];
};

struct boot_config {
    uint32_t magic, size; /* BOOT_MAGIC and sizeof(struct boot_config): same build on both sides */
    uint32_t listener_count;
    uint32_t max_unauthenticated;            /* in all                                    */
    uint32_t max_unauthenticated_per_source; /* per IPv4 address or IPv6 /64              */
    uint32_t early_drop_start;               /* random early drop begins here …           */
    uint32_t early_drop_percent;             /* … with this chance, rising to 100 at max  */
    uint32_t first_byte_ms;                  /* 5000                                      */
    uint32_t authenticate_ms;                /* 30000                                     */
    uint32_t tarpit_ms, tarpit_max;          /* 0 = refused connections are closed        */
    uint32_t dials_max;                      /* connections being made at once            */
    uint32_t uid, gid;                       /* to drop to when started as root; else 0   */
    uint32_t tls_min;                        /* 0x0303 or 0x0304, front                   */
    uint32_t pem_size;                       /* certificate chain, leaf first; no key     */
    uint32_t ca_size;                        /* 0 = none                                  */
    struct boot_listener listeners[BOOT_LISTENERS_MAX];
    char pem[BOOT_PEM_MAX];
    /* ca_size bytes of PEM follow the struct in the memfd */
};

#define BOOT_MAGIC 0x53504254u

/*
 * Make the sealed memfd that a helper reads as BOOT_FD_CONFIG.
 * ca       config->ca_size bytes of PEM, or NULL if that is 0
 * Returns  the descriptor (close-on-exec), or -1 with errno
 */
int boot_write(const struct boot_config *config, const char *ca);

/*
 * Read what boot_write wrote, from BOOT_FD_CONFIG.
 * config   filled only on SP_OK
 * ca       heap, NUL-terminated, the caller frees it; *ca is NULL if there is none
 * Errors:  SP_EVALUE not ours; SP_ESHORT; SP_ESYS
 */
SP_MUST_USE enum sp_err boot_read(int fd, struct boot_config *config, char **ca);

#endif
