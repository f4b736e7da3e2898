/* SPDX-License-Identifier: Apache-2.0
 * What session, keeper and directory say to each other when a directory has to prove an identity.
 *
 *   session ──GSS_STEP, GSS_UNWRAP, GSS_WRAP──► keeper ──DIRECTORY_ASK──► directory
 *   session ◄─────────── …_RSP ─────────────── keeper ◄─DIRECTORY_ANSWER─ directory
 *
 * The security context stays in a child of directory; the session sees tokens and opened messages.
 * The types stand apart from enum ipc_type, behind its end.
 */
#ifndef SP_BASE_IPC_DIRECTORY_H
#define SP_BASE_IPC_DIRECTORY_H

#include <assert.h>
#include <stdint.h>

#include "base/ipc.h"

#define IPC_GSS_TOKEN_MAX        12288
#define IPC_GSS_STEPS_MAX        4
#define IPC_GSS_UNWRAPS_MAX      2 /* pubKeyAuth, authInfo */
#define IPC_DIRECTORY_NAME_MAX   256
#define IPC_DIRECTORY_WHY_MAX    160
#define IPC_DIRECTORY_GROUPS_MAX 32
#define IPC_DIRECTORY_GROUP_SIZE 64

enum ipc_directory_type {
    IPC_GSS_STEP_REQ = 0x100,
    IPC_GSS_STEP_RSP,
    IPC_GSS_UNWRAP_REQ,
    IPC_GSS_UNWRAP_RSP,
    IPC_GSS_WRAP_REQ,
    IPC_GSS_WRAP_RSP,
    IPC_DIRECTORY_ASK,
    IPC_DIRECTORY_ANSWER,
};

/* ---- session ↔ keeper ---- */

struct ipc_gss_req {
    struct ipc_head head;
    uint32_t size;    /* bytes used of data                                       */
    uint32_t version; /* GSS_STEP: the client's CredSSP version; else 0           */
    uint8_t data[IPC_GSS_TOKEN_MAX];
};

struct ipc_gss_rsp {
    struct ipc_head head;
    uint32_t nt_status; /* 0, or the NTSTATUS for TSRequest.errorCode             */
    uint32_t is_done;   /* GSS_STEP: 1 if the client is proven                     */
    uint32_t size;      /* bytes used of data                                      */
    uint32_t is_absent; /* GSS_STEP: 1 if there is no Kerberos here; NTLM may follow */
    uint8_t data[IPC_GSS_TOKEN_MAX];
};

/* ---- keeper ↔ directory ---- */

enum ipc_directory_kind {
    IPC_DIRECTORY_GSS_STEP,   /* data: token; a new id starts a context    */
    IPC_DIRECTORY_GSS_UNWRAP, /* data: sealed message                      */
    IPC_DIRECTORY_GSS_WRAP,   /* data: what is to be sealed                */
    IPC_DIRECTORY_GSS_END,    /* forget the context; it is not answered    */
    IPC_DIRECTORY_LDAP,       /* user; data: the password, UTF-8           */
    IPC_DIRECTORY_KIND_COUNT
};

enum ipc_directory_status {
    IPC_DIRECTORY_OK,
    IPC_DIRECTORY_MORE,    /* GSS_STEP: the client has to say more          */
    IPC_DIRECTORY_REFUSED, /* proof wrong, user unknown                     */
    IPC_DIRECTORY_FAILED,  /* the directory cannot be asked, or not so      */
    IPC_DIRECTORY_STATUS_COUNT
};

struct ipc_directory_ask {
    struct ipc_head head;
    uint64_t id; /* of the context or the question; one question an id at a time */
    uint32_t kind;
    uint32_t timeout_ms;
    uint32_t size; /* bytes used of data */
    uint32_t reserved;
    char user[IPC_DIRECTORY_NAME_MAX]; /* NUL-terminated UTF-8 */
    uint8_t data[IPC_GSS_TOKEN_MAX];
};

struct ipc_directory_answer {
    struct ipc_head head;
    uint64_t id;
    uint32_t kind, status;
    uint32_t size; /* bytes used of data */
    uint32_t group_count;
    char principal[IPC_DIRECTORY_NAME_MAX]; /* GSS: whom the ticket names              */
    char why[IPC_DIRECTORY_WHY_MAX];        /* not OK: for the event, never for clients */
    char groups[IPC_DIRECTORY_GROUPS_MAX][IPC_DIRECTORY_GROUP_SIZE]; /* our names of them */
    uint8_t data[IPC_GSS_TOKEN_MAX];
};

static_assert(sizeof(struct ipc_gss_req) == 16 + IPC_GSS_TOKEN_MAX, "no hidden padding");
static_assert(sizeof(struct ipc_gss_rsp) == 24 + IPC_GSS_TOKEN_MAX, "no hidden padding");
static_assert(sizeof(struct ipc_directory_ask) == 32 + IPC_DIRECTORY_NAME_MAX + IPC_GSS_TOKEN_MAX,
              "no hidden padding");
static_assert(sizeof(struct ipc_directory_answer) ==
                  32 + IPC_DIRECTORY_NAME_MAX + IPC_DIRECTORY_WHY_MAX +
                      IPC_DIRECTORY_GROUPS_MAX * IPC_DIRECTORY_GROUP_SIZE + IPC_GSS_TOKEN_MAX,
              "no hidden padding");
static_assert(sizeof(struct ipc_directory_answer) <= IPC_MSG_MAX, "fits one message");

#endif
