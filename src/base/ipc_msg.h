/* SPDX-License-Identifier: Apache-2.0
 * Every message that our processes exchange: exact-width integers, no pointers, no hidden padding.
 *
 *   door ──CONNECTION──► spawner ──SESSION_STARTED/ENDED──► keeper ──DIAL──► dialer ──DIALED──► …
 *   session ◄── the verbs below ──► keeper       door ──DOOR_REFUSED──► keeper ──STOP──► door
 *
 * A session's verbs, in the order in which one connection uses them:
 *   PROXIED    who is behind the listener's proxy; one way, once, and only there
 *   SIGN       the TLS handshake's signature, once; keeper builds or checks what it signs
 *   CHALLENGE  8 random bytes for NTLM, once
 *   VERIFY     user, proof, messages → exported session key or a refusal, once
 *   DECIDE     → denied with a reason, or target, login and limits, once; keeper starts to dial
 *   DELEGATE   the person's own password, only if DECIDE said login = delegate, once
 *   CONNECT    → the connected descriptor of the target, once
 *   CERTIFICATE the target's key fingerprint → accepted or refused, once
 *   BIND       the target's CHALLENGE → AUTHENTICATE and pubKeyAuth, once (base/ipc_bind.h)
 *   SEAL       the target's pubKeyAuth → authInfo, sealed, once
 *   CLEAR      the password for a target without NLA (Client Info), once, only if DECIDE said so
 *   RDSTLS     the target logs us on by the token of its redirection, once
 *   LICENCE_GET, LICENCE_PUT  the licence that the target gave us before, or gives us now, once
 *   REDIRECT   the target sends us elsewhere → refused, or the next target as DECIDE says it; the
 *              verbs from CONNECT on begin again, at most IPC_REDIRECTS_MAX times
 *   NOTE       something for the event log; one way, at most IPC_NOTES_MAX
 *   TRANSFER   what moved, or was refused; one way, after DECIDE, at most IPC_TRANSFERS_MAX
 * Keeper may push END and LEASE at any time.
 */
#ifndef SP_BASE_IPC_MSG_H
#define SP_BASE_IPC_MSG_H

#include <assert.h>
#include <stdint.h>

#include "base/ipc.h"

#define IPC_NAME_MAX       512  /* bytes of UTF-16LE: 256 units              */
#define IPC_HOST_MAX       256  /* NUL-terminated                            */
#define IPC_TEXT_MAX       128  /* NUL-terminated UTF-8                      */
#define IPC_TBS_MAX        512  /* what a TLS handshake signs                */
#define IPC_SIG_MAX        1024 /* up to RSA-8192                            */
#define IPC_NTLM_MSGS_MAX  8192 /* NEGOTIATE + CHALLENGE + AUTHENTICATE      */
#define IPC_NT_RSP_MAX     4096
#define IPC_NOTES_MAX      256
#define IPC_TRANSFERS_MAX  100000 /* a session that reports more is ended */
#define IPC_REDIRECTS_MAX  3
#define IPC_REDIRECT_HOSTS 8
#define IPC_LICENCE_MAX    8192
#define IPC_SCOPE_MAX      256 /* NUL-terminated */

enum ipc_type {
    IPC_NONE,
    /* door → spawner; descriptors: client socket, life (a pipe's end that closes when the
     * connection has been authenticated or has ended, whichever is first) */
    IPC_CONNECTION,
    /* spawner → keeper; descriptor: keeper's end of the session's channel */
    IPC_SESSION_STARTED,
    IPC_SESSION_ENDED,
    /* door → keeper, aggregated */
    IPC_DOOR_REFUSED,
    /* keeper → door: accept no more */
    IPC_DOOR_STOP,
    /* keeper → dialer, dialer → keeper (descriptor: the connected socket, on success) */
    IPC_DIAL,
    IPC_DIALED,
    /* session ↔ keeper */
    IPC_SIGN_REQ,
    IPC_SIGN_RSP,
    IPC_CHALLENGE_REQ,
    IPC_CHALLENGE_RSP,
    IPC_VERIFY_REQ,
    IPC_VERIFY_RSP,
    IPC_DECIDE_REQ,
    IPC_DECIDE_RSP,
    IPC_DELEGATE_REQ,
    IPC_DELEGATE_RSP,
    IPC_CONNECT_REQ,
    IPC_CONNECT_RSP,
    IPC_CERTIFICATE_REQ,
    IPC_CERTIFICATE_RSP,
    IPC_BIND_REQ,
    IPC_BIND_RSP,
    IPC_SEAL_REQ,
    IPC_SEAL_RSP,
    IPC_CLEAR_REQ,
    IPC_CLEAR_RSP,
    IPC_NOTE,
    IPC_TRANSFER,
    IPC_END,
    IPC_LEASE,
    /* keeper → door: accept no more, hand over what waits, then end; the sockets stay open for
     * whoever else has them. keeper → spawner: door's end will be no accident */
    IPC_RETIRE,
    /* session → keeper, before SIGN, where the listener is behind a proxy */
    IPC_PROXIED,
    IPC_RDSTLS_REQ,
    IPC_RDSTLS_RSP,
    IPC_LICENCE_GET_REQ,
    IPC_LICENCE_GET_RSP,
    IPC_LICENCE_PUT,
    IPC_REDIRECT_REQ,
    IPC_REDIRECT_RSP,
    /* base/ipc_lobby.h */
    IPC_LOBBY_STATE,
    IPC_LOBBY_ACTION,
    IPC_LOBBY_ENTER_REQ,
    IPC_LOBBY_ENTER_RSP,
    IPC_TYPE_COUNT
};

/* An IP address; IPv4 is written as ::ffff:a.b.c.d. */
struct ipc_address {
    uint8_t ip[16];
    uint32_t port;
    uint32_t scope; /* IPv6 zone index or 0 */
};

struct ipc_connection {
    struct ipc_head head;
    struct ipc_address peer;
    uint32_t listener;  /* index in the configuration's order        */
    uint32_t waited_ms; /* from accept to the hand-over             */
};

struct ipc_session_started {
    struct ipc_head head;
    struct ipc_address peer;
    uint32_t listener;
    int32_t pid;
};

struct ipc_session_ended {
    struct ipc_head head;
    int32_t pid;
    int32_t status; /* as waitpid(2) gives it */
};

enum ipc_door_reason {
    IPC_DOOR_TOTAL,      /* unauthenticated connections in all     */
    IPC_DOOR_SOURCE,     /* unauthenticated connections per source */
    IPC_DOOR_EARLY_DROP, /* random early drop                      */
    IPC_DOOR_SILENT,     /* no first byte in time                  */
    IPC_DOOR_SYSTEM,     /* no descriptor, no memory, no spawner   */
    IPC_DOOR_PENALTY,    /* penalised or banned source             */
    IPC_DOOR_UNTRUSTED,  /* not a proxy that the listener trusts   */
    IPC_DOOR_LISTENER,   /* unauthenticated connections of a listener */
    IPC_DOOR_CLOSED,     /* a listener that is closed to this source */
    IPC_DOOR_REASON_COUNT
};

struct ipc_door_refused {
    struct ipc_head head;
    struct ipc_address peer; /* the latest one             */
    uint32_t reason;         /* enum ipc_door_reason       */
    uint32_t count;          /* since the last such report */
    uint32_t peer_count;     /* so many of them, the latest in a row, came from peer's address */
    uint32_t reserved;
};

/* A request or push that carries nothing: CHALLENGE_REQ, DECIDE_REQ, CONNECT_REQ, CLEAR_REQ, … */
struct ipc_plain {
    struct ipc_head head;
};

struct ipc_dial {
    struct ipc_head head;
    uint64_t id;
    uint32_t port;
    uint32_t timeout_ms; /* name resolution and connect together */
    char host[IPC_HOST_MAX];
};

enum ipc_dial_status {
    IPC_DIAL_OK,
    IPC_DIAL_DNS,       /* the name does not resolve                        */
    IPC_DIAL_REFUSED,   /* connection refused or unreachable                */
    IPC_DIAL_TIMEOUT,   /* the deadline passed                              */
    IPC_DIAL_FORBIDDEN, /* loopback, link-local or our own listener, not named explicitly */
    IPC_DIAL_FAILED,    /* dialer itself failed                             */
    IPC_DIAL_STATUS_COUNT
};

struct ipc_dialed {
    struct ipc_head head;
    uint64_t id;
    uint32_t status; /* enum ipc_dial_status */
    uint32_t sys;    /* errno or 0           */
    struct ipc_address address;
};

/* ---- session ↔ keeper ---- */

/*
 * The bytes that the TLS handshake signs, not their digest: keeper checks that they are a server's
 * CertificateVerify (RFC 8446 4.4.3) or ServerKeyExchange (RFC 8422 5.4) before it signs.
 */
struct ipc_sign_req {
    struct ipc_head head;
    uint16_t scheme;   /* TLS SignatureScheme code point */
    uint16_t tbs_size; /* bytes used of tbs              */
    uint8_t tbs[IPC_TBS_MAX];
};

struct ipc_sign_rsp {
    struct ipc_head head;
    uint32_t size; /* bytes used of signature; 0 = refused */
    uint8_t signature[IPC_SIG_MAX];
};

struct ipc_challenge_rsp {
    struct ipc_head head;
    uint8_t challenge[8];
};

struct ipc_verify_req {
    struct ipc_head head;
    uint16_t user_size, domain_size; /* bytes of UTF-16LE                              */
    uint16_t nt_response_size;       /* 44…IPC_NT_RSP_MAX                              */
    uint16_t negotiate_size, challenge_size, authenticate_size; /* Σ ≤ IPC_NTLM_MSGS_MAX */
    uint16_t reserved[2];
    uint8_t encrypted_random_session_key[16];
    uint8_t mic[16]; /* as sent; its place in messages is zeroed       */
    uint8_t user[IPC_NAME_MAX];
    uint8_t domain[IPC_NAME_MAX];
    uint8_t nt_response[IPC_NT_RSP_MAX];
    uint8_t messages[IPC_NTLM_MSGS_MAX]; /* the three, one after the other             */
};

struct ipc_verify_rsp {
    struct ipc_head head;
    uint32_t nt_status; /* 0, or the NTSTATUS for TSRequest.errorCode */
    uint8_t exported_session_key[16];
    uint32_t reserved;
};

enum ipc_nla { IPC_NLA_REQUIRED, IPC_NLA_ALLOWED, IPC_NLA_OFF, IPC_NLA_COUNT };
enum ipc_login { IPC_LOGIN_INJECT, IPC_LOGIN_DELEGATE, IPC_LOGIN_ASK, IPC_LOGIN_COUNT };
enum ipc_verify_mode { IPC_TLS_CA, IPC_TLS_PIN, IPC_TLS_TOFU, IPC_TLS_NONE, IPC_TLS_MODE_COUNT };

/* ipc_channels.clipboard and .drives: which way, from the target's point of view. */
#define IPC_WAY_TO_TARGET 1u /* the client's clipboard is pasted, the client's files are read */
#define IPC_WAY_TO_CLIENT 2u /* the target's clipboard is pasted, files are written           */

/* ipc_channels.clipboard_kinds */
#define IPC_CLIPBOARD_TEXT   1u
#define IPC_CLIPBOARD_IMAGES 2u
#define IPC_CLIPBOARD_FILES  4u

/* ipc_channels.devices: what else may pass */
#define IPC_DEVICE_PRINTERS        0x0001u
#define IPC_DEVICE_SMARTCARDS      0x0002u
#define IPC_DEVICE_PORTS           0x0004u
#define IPC_DEVICE_USB             0x0008u
#define IPC_DEVICE_CAMERA          0x0010u
#define IPC_DEVICE_MICROPHONE      0x0020u
#define IPC_DEVICE_SOUND           0x0040u
#define IPC_DEVICE_DISPLAY_CONTROL 0x0080u
#define IPC_DEVICE_REMOTEAPP       0x0100u
#define IPC_DEVICE_WEBAUTHN        0x0200u
#define IPC_DEVICE_GRAPHICS        0x0400u /* Microsoft::Windows::RDS::Graphics and its helpers */

/* What a rule's "channels:" says; all zero is the strictest. */
struct ipc_channels {
    uint32_t clipboard;       /* IPC_WAY_*            */
    uint32_t clipboard_kinds; /* IPC_CLIPBOARD_*      */
    uint32_t drives;          /* IPC_WAY_*            */
    uint32_t devices;         /* IPC_DEVICE_*         */
};

struct ipc_decide_rsp {
    struct ipc_head head;
    uint32_t errinfo;   /* 0 = go; else the Set Error Info code (MS-RDPBCGR 2.2.5.1.1) */
    uint32_t nt_status; /* for clients that can still be told by CredSSP; 0 if none     */
    uint32_t nla;       /* enum ipc_nla         */
    uint32_t login;     /* enum ipc_login       */
    uint32_t tls_mode;  /* enum ipc_verify_mode */
    uint32_t idle_ms;   /* 0 = no idle limit    */
    uint32_t lease_ms;  /* first lease          */
    uint32_t total_ms;  /* 0 = no limit of the session's whole time */
    uint32_t tls_min;   /* 0x0301…0x0304: lowest TLS version towards this target */
    uint32_t is_restricted, credssp_min; /* 1 = the target gets no password; its CredSSP    */
    uint32_t is_lobby; /* 1: nothing is decided yet, the person is asked first (ipc_lobby.h) */
    uint32_t reserved;
    struct ipc_channels channels;
    uint16_t user_size, domain_size; /* of the target's account, UTF-16LE bytes */
    uint8_t user[IPC_NAME_MAX];
    uint8_t domain[IPC_NAME_MAX];
    char target[IPC_TEXT_MAX]; /* policy name                                         */
    char host[IPC_HOST_MAX];   /* as configured: SPN TERMSRV/host, and name for verify: ca */
};

struct ipc_delegate_req {
    struct ipc_head head;
    uint16_t user_size, domain_size, password_size, reserved;
    uint8_t user[IPC_NAME_MAX];
    uint8_t domain[IPC_NAME_MAX];
    uint8_t password[IPC_NAME_MAX];
};

/* Answer to DELEGATE, CERTIFICATE and RDSTLS. */
struct ipc_status_rsp {
    struct ipc_head head;
    uint32_t errinfo; /* 0 = accepted */
    uint32_t reserved;
};

struct ipc_connect_rsp {
    struct ipc_head head;
    uint32_t errinfo; /* 0 = connected, the descriptor is attached */
    uint32_t status;  /* enum ipc_dial_status                      */
};

struct ipc_certificate_req {
    struct ipc_head head;
    uint8_t key_sha256[32];  /* SHA-256 of the DER SubjectPublicKeyInfo        */
    uint8_t cert_sha256[32]; /* SHA-256 of the DER certificate, for the event  */
    uint32_t chain_ok;       /* 1 if chain and name verified against ca_file   */
    uint32_t reserved;
};

struct ipc_clear_rsp {
    struct ipc_head head;
    uint32_t password_size; /* bytes of UTF-16LE */
    uint32_t reserved;
    uint8_t password[IPC_NAME_MAX];
};

/* Where a target sends us, by MS-RDPBCGR 2.2.13.1; REDIRECT_RSP is a struct ipc_decide_rsp. */
struct ipc_redirect_req {
    struct ipc_head head;
    uint32_t flags;      /* LB_*: keeper wants to know LB_PASSWORD_IS_PK_ENCRYPTED  */
    uint32_t host_count; /* 0 = the same target again, by its routing token         */
    uint32_t session_id;
    char hosts[IPC_REDIRECT_HOSTS][IPC_HOST_MAX]; /* the first that is allowed is meant */
};

struct ipc_licence_get_req {
    struct ipc_head head;
    char scope[IPC_SCOPE_MAX]; /* who issued it, such as microsoft.com; keeper hashes it */
};

struct ipc_licence_get_rsp {
    struct ipc_head head;
    uint32_t size;           /* 0 = there is none */
    uint8_t hardware_id[16]; /* of this machine, always the same */
    uint8_t licence[IPC_LICENCE_MAX];
};

struct ipc_licence_put {
    struct ipc_head head;
    uint32_t size; /* 1…IPC_LICENCE_MAX */
    char scope[IPC_SCOPE_MAX];
    uint8_t licence[IPC_LICENCE_MAX];
};

enum ipc_note_kind {
    IPC_NOTE_CLIENT,       /* text: client name; a: build; b: width<<16|height                  */
    IPC_NOTE_CHANNEL,      /* text: static channel name; a: 1 allowed, 0 denied                 */
    IPC_NOTE_FAILED,       /* step, code, where, got, want; a: errinfo told to the client       */
    IPC_NOTE_EXPLOIT,      /* where: field; text: the attack (CVE-2019-0708); a: enum ipc_leg   */
    IPC_NOTE_TARGET_LOGIN, /* NLA with the target succeeded; a: selected protocol               */
    IPC_NOTE_ACTIVE,       /* spliced                                                           */
    IPC_NOTE_LOGGED_ON,    /* the target reported a logon (Save Session Info)                   */
    IPC_NOTE_TARGET_ERROR, /* a: the errorInfo that the target sent                             */
    IPC_NOTE_NO_REDIRECT,  /* the target says that it does not redirect: informational          */
    IPC_NOTE_DVC_OPENED,   /* text: name of a dynamic channel                                   */
    IPC_NOTE_DVC_CLOSED,   /* text: name; a: bytes to client, b: bytes to target                */
    IPC_NOTE_DVC_REFUSED,  /* text: name; where: what of it was refused                         */
    IPC_NOTE_CLOSED,       /* last one; a: bytes to client, b: bytes to target; text: why       */
    IPC_NOTE_KIND_COUNT
};

/* Who sent it. */
enum ipc_leg { IPC_LEG_CLIENT, IPC_LEG_TARGET, IPC_LEG_COUNT };

/* Where in a connection's life something happened. */
enum ipc_step {
    IPC_STEP_X224,
    IPC_STEP_TLS,
    IPC_STEP_NLA,
    IPC_STEP_DECIDE,
    IPC_STEP_MCS,
    IPC_STEP_INFO,
    IPC_STEP_CONNECT,
    IPC_STEP_TARGET_X224,
    IPC_STEP_TARGET_TLS,
    IPC_STEP_TARGET_NLA,
    IPC_STEP_TARGET_MCS,
    IPC_STEP_TARGET_LICENCE,
    IPC_STEP_TARGET_ACTIVATE,
    IPC_STEP_SPLICE,
    IPC_STEP_PROXY, /* the PROXY header, before everything else */
    IPC_STEP_COUNT
};

struct ipc_note {
    struct ipc_head head;
    uint32_t kind; /* enum ipc_note_kind */
    uint32_t step; /* enum ipc_step      */
    uint32_t code; /* enum sp_err        */
    uint32_t got, want;
    uint32_t reserved;
    uint64_t a, b;
    char where[64];          /* NUL-terminated                        */
    char text[IPC_TEXT_MAX]; /* NUL-terminated UTF-8, not yet escaped */
};

/* Who is behind the proxy; without a source the proxy speaks for itself. */
struct ipc_proxied {
    struct ipc_head head;
    struct ipc_address source;
    uint32_t has_source; /* 0 or 1 */
    uint32_t reserved;
};

/* keeper → session: end now, telling the client errinfo if it can be told. */
struct ipc_end {
    struct ipc_head head;
    uint32_t errinfo;
    uint32_t reserved;
    char reason[IPC_TEXT_MAX];
};

/* keeper → session: you may live this much longer from the moment of receipt. */
struct ipc_lease {
    struct ipc_head head;
    uint32_t lease_ms;
    uint32_t reserved;
};

static_assert(sizeof(struct ipc_proxied) == 40, "no hidden padding");
static_assert(sizeof(struct ipc_connection) == 40, "no hidden padding");
static_assert(sizeof(struct ipc_session_started) == 40, "no hidden padding");
static_assert(sizeof(struct ipc_dial) == 24 + IPC_HOST_MAX, "no hidden padding");
static_assert(sizeof(struct ipc_dialed) == 48, "no hidden padding");
static_assert(sizeof(struct ipc_sign_req) == 12 + IPC_TBS_MAX, "no hidden padding");
static_assert(sizeof(struct ipc_verify_req) ==
                  56 + 2 * IPC_NAME_MAX + IPC_NT_RSP_MAX + IPC_NTLM_MSGS_MAX,
              "no hidden padding");
static_assert(sizeof(struct ipc_verify_req) <= IPC_MSG_MAX, "fits one message");
static_assert(sizeof(struct ipc_decide_rsp) == 80 + 2 * IPC_NAME_MAX + IPC_TEXT_MAX + IPC_HOST_MAX,
              "no hidden padding");
static_assert(sizeof(struct ipc_redirect_req) == 20 + IPC_REDIRECT_HOSTS * IPC_HOST_MAX,
              "no hidden padding");
static_assert(sizeof(struct ipc_licence_get_rsp) == 28 + IPC_LICENCE_MAX, "no hidden padding");
static_assert(sizeof(struct ipc_licence_put) == 12 + IPC_SCOPE_MAX + IPC_LICENCE_MAX, "padding");
static_assert(sizeof(struct ipc_note) == 48 + 64 + IPC_TEXT_MAX, "no hidden padding");

#endif
