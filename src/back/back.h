/* SPDX-License-Identifier: Apache-2.0
 * The client role: Sallyport connects to the target as a client of its own, built from the bounded
 * facts that the front learned. No byte of the person's handshake is in it.
 *
 * The calls stand in the order of the connection sequence; a failure's detail is in stream.fail.
 */
#ifndef SP_BACK_BACK_H
#define SP_BACK_BACK_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/stream.h"
#include "rdp/gcc.h"
#include "rdp/info.h"
#include "rdp/licence_client.h"
#include "rdp/rdstls.h"
#include "rdp/x224.h"

#define BACK_NO_CHANNEL     0xff
#define BACK_PUBLIC_KEY_MAX 2200 /* subjectPublicKey of RSA-16384 */

/* What the back is to ask for; filled in by the session from the front's facts and the decision. */
struct back_wishes {
    const struct ipc_decide_rsp *decision;
    struct gcc_client settings; /* as the client's; the back edits its copy                   */
    uint32_t info_flags, code_page, performance_flags;
    bool has_time_zone;
    uint8_t time_zone[CLIENT_INFO_TIME_ZONE_SIZE];
    struct client_info_text dst_key_name;
    uint16_t dst_disabled;
};

/* A redirection of a target: copies, since what it came in is overwritten by the next message. */
struct back_redirect {
    bool is_set;
    uint32_t flags; /* LB_* */
    uint32_t session_id;
    size_t host_count;
    char hosts[IPC_REDIRECT_HOSTS][IPC_HOST_MAX]; /* UTF-8, the most exact first */
    size_t token_size;
    uint8_t token[X224_TOKEN_SIZE_MAX]; /* of the next request, without its CRLF */
    struct rdstls_login login;          /* if LB_PASSWORD_IS_PK_ENCRYPTED        */
};

struct back {
    struct stream stream;
    bool has_extended; /* the target takes the monitor and message channel blocks */
    uint32_t requested_protocols, selected_protocol;
    uint16_t user_id, io_channel;
    uint16_t message_channel; /* 0 = none */
    /* The target's static channels: place in our request, and its id. */
    size_t channel_count;
    uint16_t channel_ids[GCC_CHANNEL_COUNT_MAX];
    uint8_t channel_of[GCC_CHANNEL_COUNT_MAX]; /* client's place → ours, or BACK_NO_CHANNEL */
    struct back_redirect via;        /* the redirection that led here                            */
    struct back_redirect next;       /* is_set: this target sends us on                           */
    char account[LICENCE_NAME_SIZE]; /* of the target, UTF-8, for its licence server         */
    uint32_t target_errinfo; /* what the target itself said in Set Error Info, or 0          */
};

/* Negotiate the security protocol. Spec: MS-RDPBCGR 2.2.1.1, 2.2.1.2. Errors: SP_EDENIED too low */
SP_MUST_USE enum sp_err back_negotiate(struct back *b, const struct ipc_decide_rsp *decision);

/*
 * TLS, and keeper's verdict on the certificate.
 * errinfo  what keeper refused with; 0 otherwise. Errors: SP_EDENIED refused by keeper
 */
SP_MUST_USE enum sp_err back_tls(struct back *b, SSL_CTX *context,
                                 const struct ipc_decide_rsp *decision, uint32_t *errinfo);

/*
 * CredSSP as the client with keeper's verbs BIND and SEAL; the early result if HYBRID_EX.
 * Spec:    MS-CSSP 3.1.5
 * Errors:  SP_EDENIED the target refuses the account; SP_ECRYPTO it does not know our key
 */
SP_MUST_USE enum sp_err back_nla(struct back *b, const struct ipc_decide_rsp *decision);

/* MCS, joins and Client Info. Spec: MS-RDPBCGR 2.2.1.3–2.2.1.11 */
SP_MUST_USE enum sp_err back_settings(struct back *b, const struct back_wishes *wishes);

/*
 * Licensing and auto-detection, until Demand Active stands at the head of the stream, unread, or
 * the target has sent us elsewhere: then b->next is set.
 * Spec:    MS-RDPBCGR 2.2.1.12–2.2.1.13, 2.2.14
 * step     IPC_STEP_TARGET_LICENCE or _ACTIVATE: where it stands
 * errinfo  to be told to the client after a failure; 0 if there is no better one than the caller's
 */
SP_MUST_USE enum sp_err back_await_activation(struct back *b, enum ipc_step *step,
                                              uint32_t *errinfo);

/* Where licensing stands. */
struct back_licence {
    struct licence_client client; /* zero-initialised */
    bool has_answered;            /* the one LICENSE_REQUEST was answered     */
    bool is_done;                 /* Demand Active may come                   */
};

/*
 * Take a licensing message: answer it, and have keeper keep what the target issues. A request that
 * cannot be answered is declined; hosts that do not insist go on then.
 * r        at the basic security header
 * errinfo  written on failure: what the client is to be told
 * Spec:    MS-RDPELE 3.3.5
 * Errors:  SP_EDENIED refused; those of the parsers
 */
SP_MUST_USE enum sp_err back_licence_message(struct back *b, struct back_licence *x, struct rd *r,
                                             uint32_t *errinfo);

/*
 * Keep a Server Redirection in b->next; one that only says "not redirected" is noted.
 * r        the body of the share PDU
 * Spec:    MS-RDPBCGR 2.2.13.3.1, 3.2.5.3.1
 * Errors:  SP_EVALUE, SP_ELIMIT
 */
SP_MUST_USE enum sp_err back_redirect_read(struct back *b, struct rd *r);

/* Say goodbye to the target that redirected and make b ready for the next one. */
void back_follow(struct back *b);

/* Log on with the token of the redirection. Spec: MS-RDPBCGR 2.2.17. Errors: SP_EDENIED refused */
SP_MUST_USE enum sp_err back_rdstls(struct back *b);

/* End the target's connection in order. */
void back_goodbye(struct back *b);

/* Wait for the next TPKT PDU of the connection sequence. */
SP_MUST_USE enum sp_err back_tpkt(struct back *b, uint8_t **pdu, size_t *size);

#endif
