/* SPDX-License-Identifier: Apache-2.0
 * The lobby's messages: what keeper wants a person to see, and what the person answers.
 *
 *   DECIDE → is_lobby   then   session ──LOBBY_ACTION──► keeper ──LOBBY_STATE──► session, as often
 * as needed, keeper also by itself; once the screen is IPC_LOBBY_GO: LOBBY_ENTER → the decision
 */
#ifndef SP_BASE_IPC_LOBBY_H
#define SP_BASE_IPC_LOBBY_H

#include "base/ipc_msg.h"

#define IPC_LOBBY_ROWS    8
#define IPC_LOBBY_NAME    68
#define IPC_LOBBY_TEXT    512
#define IPC_LOBBY_ANSWER  260
#define IPC_LOBBY_ACTIONS 4000 /* a session that asks more is ended */

enum ipc_lobby_screen {
    IPC_LOBBY_CHOOSE,  /* rows: targets; the person chooses one                        */
    IPC_LOBBY_CODE,    /* a second factor: a code of an authenticator                  */
    IPC_LOBBY_ASK,     /* access must be asked for, with a reason                      */
    IPC_LOBBY_WAITING, /* asked for, and nobody has answered yet                       */
    IPC_LOBBY_CONSENT, /* text must be accepted                                        */
    IPC_LOBBY_DENIED,  /* no, and why, as far as the person may know                   */
    IPC_LOBBY_FAILED,  /* the target could not be reached                              */
    IPC_LOBBY_GO,      /* nothing is left to ask                                       */
    IPC_LOBBY_SCREEN_COUNT
};

/* ipc_lobby_state.flags */
#define IPC_LOBBY_MAY_CHOOSE   1u /* there are other targets to go back to */
#define IPC_LOBBY_WANTS_REASON 2u
#define IPC_LOBBY_WANTS_TICKET 4u
#define IPC_LOBBY_IS_WRONG     8u /* the last answer was refused; text says why */
#define IPC_LOBBY_CONTRAST     16u

/* ipc_lobby_row.needs; as enum policy_need */
#define IPC_LOBBY_NEEDS_CODE     1u
#define IPC_LOBBY_NEEDS_APPROVAL 2u
#define IPC_LOBBY_NEEDS_CONSENT  4u

struct ipc_lobby_row {
    char name[IPC_LOBBY_NAME]; /* NUL-terminated UTF-8, as all text here */
    uint32_t needs;            /* IPC_LOBBY_NEEDS_*: what will be asked  */
};

/* keeper → session */
struct ipc_lobby_state {
    struct ipc_head head;
    uint32_t screen;               /* enum ipc_lobby_screen                        */
    uint32_t flags;                /* IPC_LOBBY_*                                  */
    uint32_t offset, total, count; /* CHOOSE: rows are offset … of total, count    */
    uint32_t minutes;              /* ASK: the longest that can be asked for       */
    uint32_t reserved;
    char target[IPC_LOBBY_NAME]; /* empty while none is chosen */
    char text[IPC_LOBBY_TEXT];
    struct ipc_lobby_row rows[IPC_LOBBY_ROWS];
};

enum ipc_lobby_verb {
    IPC_LOBBY_LIST,   /* text: what names must hold; offset: first row */
    IPC_LOBBY_PICK,   /* text: a target's name                         */
    IPC_LOBBY_PROVE,  /* text: a code                                  */
    IPC_LOBBY_WANT,   /* text: reason; ticket; minutes                 */
    IPC_LOBBY_ACCEPT, /* what CONSENT showed                           */
    IPC_LOBBY_BACK,   /* to the choice of targets                      */
    IPC_LOBBY_RETRY,  /* the target once more                          */
    IPC_LOBBY_VERB_COUNT
};

/* session → keeper; keeper answers by LOBBY_STATE */
struct ipc_lobby_action {
    struct ipc_head head;
    uint32_t verb; /* enum ipc_lobby_verb */
    uint32_t offset;
    uint32_t minutes;
    uint32_t reserved;
    char text[IPC_LOBBY_ANSWER];
    char ticket[IPC_LOBBY_NAME];
};

static_assert(sizeof(struct ipc_lobby_state) ==
                  36 + IPC_LOBBY_NAME + IPC_LOBBY_TEXT + IPC_LOBBY_ROWS * (IPC_LOBBY_NAME + 4),
              "no hidden padding");
static_assert(sizeof(struct ipc_lobby_action) == 24 + IPC_LOBBY_ANSWER + IPC_LOBBY_NAME,
              "no hidden padding");

#endif
