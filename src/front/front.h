/* SPDX-License-Identifier: Apache-2.0
 * The server role: everything a client says before its desktop appears ends here.
 *
 * The calls stand in the order of the connection sequence (MS-RDPBCGR 1.3.1.1); each blocks until
 * its part is done or the stream's deadline is over. A failure's detail is in stream.fail.
 */
#ifndef SP_FRONT_FRONT_H
#define SP_FRONT_FRONT_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/stream.h"
#include "rdp/gcc.h"
#include "rdp/info.h"
#include "rdp/mcs.h"

#define FRONT_CHANNEL_FIRST (MCS_GLOBAL_CHANNEL + 1) /* id of the first static channel */
#define FRONT_SHARE_ID      0x000103EAu /* of PDUs that we say before the target's share exists */
#define FRONT_DESKTOP_MIN   200
#define FRONT_DESKTOP_MAX   8192

/* What the front learned, bounded and checked; the back is built from it and from nothing else. */
struct front {
    struct stream stream;
    bool has_neg_req;
    uint32_t requested_protocols; /* exactly as the client sent it */
    uint32_t selected_protocol;
    char cookie[64]; /* mstshash, unauthenticated, for the log */
    struct gcc_client settings;
    uint16_t user_id;
    uint16_t message_channel; /* 0 = none */
    bool is_joined;           /* I/O and user channel joined: the client can be told errors */
    /* Of Client Info; nothing else of it is kept. */
    uint32_t info_flags, code_page, performance_flags;
    bool has_time_zone;
    uint8_t time_zone[CLIENT_INFO_TIME_ZONE_SIZE];
    struct client_info_text typed_domain, typed_user; /* to be shown instead of the injected ones */
    struct client_info_text dst_key_name;
    uint16_t dst_disabled;
};

/*
 * Read the X.224 Connection Request and answer it.
 * Spec:    MS-RDPBCGR 2.2.1.1, 2.2.1.2
 * Errors:  SP_EDENIED the client offers no NLA; it was told HYBRID_REQUIRED_BY_SERVER
 */
SP_MUST_USE enum sp_err front_negotiate(struct front *f);

/* What the front needs to prove that its TLS key and the client's NLA belong together. */
struct front_identity {
    const uint8_t *public_key; /* content of the certificate's subjectPublicKey */
    size_t public_key_size;
};

/* The credentials that the client delegated; wiped by the owner. UTF-16LE. */
struct front_credentials {
    uint16_t domain_size, user_size, password_size;
    bool is_password; /* false: smart card or nothing at all */
    uint8_t domain[IPC_NAME_MAX], user[IPC_NAME_MAX], password[IPC_NAME_MAX];
};

/*
 * Run CredSSP as the server, with keeper's verbs CHALLENGE and VERIFY.
 * Spec:    MS-CSSP 3.1.5
 * out      written only on SP_OK
 * told_by_keeper  set when keeper refused and has written the event itself
 * Errors:  SP_EDENIED the proof is wrong or policy refuses the form; the client was told
 */
SP_MUST_USE enum sp_err front_nla(struct front *f, const struct front_identity *identity,
                                  struct front_credentials *out, bool *told_by_keeper);

/*
 * Send the Early User Authorization Result if HYBRID_EX was selected.
 * Spec:    MS-RDPBCGR 2.2.10.2
 */
SP_MUST_USE enum sp_err front_early_result(struct front *f, bool is_allowed);

/*
 * MCS, channel joins, Client Info and licensing; the client then waits for its desktop.
 * Spec:    MS-RDPBCGR 2.2.1.3–2.2.1.12
 * step     IPC_STEP_MCS or IPC_STEP_INFO: where it stands, also after a failure
 */
SP_MUST_USE enum sp_err front_settings(struct front *f, enum ipc_step *step);

/*
 * Tell the client why it is over, as far as it can be told, and end its connection in order.
 * Spec:    MS-RDPBCGR 2.2.5.1, 2.2.2.3
 * errinfo  ERRINFO_*; 0 = only the ultimatum
 */
void front_goodbye(struct front *f, uint32_t errinfo);

/* Wait for the next TPKT PDU. max: largest accepted size in bytes */
SP_MUST_USE enum sp_err front_tpkt(struct front *f, size_t max, uint8_t **pdu, size_t *size);

#endif
