/* SPDX-License-Identifier: Apache-2.0
 * What session and keeper say to each other to prove the target's account by CredSSP.
 *
 *   session ──BIND: what the target's CHALLENGE said, its TLS key──► keeper
 *   session ◄─ AUTHENTICATE and pubKeyAuth, ready to be sent ─────── keeper
 *   session ──SEAL: the target's own pubKeyAuth──► keeper verifies it
 *   session ◄─ authInfo, sealed ────────────────── keeper
 *
 * No key of that exchange is in a message: who has the session cannot open what passes through it.
 * Keeper parses none of it: the fields are cut out by the session, the rest is hashed as bytes.
 */
#ifndef SP_BASE_IPC_BIND_H
#define SP_BASE_IPC_BIND_H

#include "base/ipc_msg.h"

#define IPC_AV_MAX           2048
#define IPC_NEGOTIATE_MAX    64
#define IPC_CHALLENGE_MAX    3072
#define IPC_SPKI_MAX         2304 /* DER SubjectPublicKeyInfo, up to RSA-16384       */
#define IPC_KEY_MAX          2200 /* the subjectPublicKey in it                      */
#define IPC_AUTHENTICATE_MAX 6144
#define IPC_PUB_KEY_AUTH_MAX (16 + IPC_KEY_MAX) /* signature, then a hash or the key */
#define IPC_AUTHINFO_MAX     2048

struct ipc_bind_req {
    struct ipc_head head;
    uint8_t server_challenge[8];
    uint8_t time[8];  /* FILETIME from the target's TargetInfo, or ours                */
    uint32_t flags;   /* NegotiateFlags that both sides have                           */
    uint32_t version; /* the target's TSRequest.version                                */
    uint16_t av_size; /* bytes used of av, and so on                                   */
    uint16_t negotiate_size, challenge_size;
    uint16_t spki_size; /* SHA-256 of them must be the key that CERTIFICATE showed       */
    uint16_t key_size;  /* the last bytes of spki: the BIT STRING's content, which binds */
    uint16_t reserved;
    uint8_t av[IPC_AV_MAX]; /* AvPairs as they go into the response, MsvAvEOL included       */
    uint8_t negotiate[IPC_NEGOTIATE_MAX]; /* as sent, for the MIC                            */
    uint8_t challenge[IPC_CHALLENGE_MAX]; /* as received, for the MIC                        */
    uint8_t spki[IPC_SPKI_MAX];
};

struct ipc_bind_rsp {
    struct ipc_head head;
    uint32_t authenticate_size;
    uint32_t pub_key_auth_size; /* the target's answer must have the same size */
    uint8_t nonce[32];          /* for TSRequest.clientNonce, from version 5   */
    uint8_t authenticate[IPC_AUTHENTICATE_MAX];
    uint8_t pub_key_auth[IPC_PUB_KEY_AUTH_MAX];
};

struct ipc_seal_req {
    struct ipc_head head;
    uint32_t echo_size; /* what BIND said */
    uint32_t reserved;
    uint8_t echo[IPC_PUB_KEY_AUTH_MAX]; /* the target's pubKeyAuth */
};

enum ipc_seal_verdict {
    IPC_SEAL_OK,
    IPC_SEAL_SIGNATURE, /* the echo was not sealed with the session's key */
    IPC_SEAL_BINDING,   /* it was, but names another TLS key              */
};

struct ipc_seal_rsp {
    struct ipc_head head;
    uint32_t size;    /* bytes used of auth_info; 0 unless the verdict is OK */
    uint32_t verdict; /* enum ipc_seal_verdict                               */
    uint8_t auth_info[IPC_AUTHINFO_MAX];
};

static_assert(sizeof(struct ipc_bind_req) ==
                  44 + IPC_AV_MAX + IPC_NEGOTIATE_MAX + IPC_CHALLENGE_MAX + IPC_SPKI_MAX,
              "no hidden padding");
static_assert(sizeof(struct ipc_bind_rsp) == 48 + IPC_AUTHENTICATE_MAX + IPC_PUB_KEY_AUTH_MAX,
              "no hidden padding");
static_assert(sizeof(struct ipc_seal_req) == 16 + IPC_PUB_KEY_AUTH_MAX, "no hidden padding");
static_assert(sizeof(struct ipc_seal_rsp) == 16 + IPC_AUTHINFO_MAX, "no hidden padding");
static_assert(sizeof(struct ipc_bind_rsp) <= IPC_MSG_MAX, "fits one message");

#endif
