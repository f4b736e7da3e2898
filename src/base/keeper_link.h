/* SPDX-License-Identifier: Apache-2.0
 * A session's side of its channel to keeper: the verbs of base/ipc_msg.h as blocking calls.
 *
 * Whatever keeper pushes between two verbs (END, LEASE) is taken in on the way and remembered.
 */
#ifndef SP_BASE_KEEPER_LINK_H
#define SP_BASE_KEEPER_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/ipc_bind.h"
#include "base/ipc_lobby.h"
#include "base/ipc_msg.h"
#include "base/ipc_transfer.h"

#define KEEPER_ANSWER_MS  5000  /* keeper never computes longer; a silent keeper ends the session */
#define KEEPER_CONNECT_MS 60000 /* the dial has its own, shorter deadline */

struct keeper_link {
    int fd;
    bool is_ended;        /* keeper said END, or is gone                              */
    uint32_t end_errinfo; /* what to tell the client then; 0 if keeper is gone        */
    char end_reason[IPC_TEXT_MAX];
    int64_t lease_until_ms; /* of clock_now_ms; 0 = no lease yet                        */
    unsigned note_count, transfer_count;
    struct sp_fail fail;           /* detail of the last failed call                           */
    struct ipc_lobby_state *lobby; /* where LOBBY_STATE is put; NULL: it must not come  */
    bool has_lobby;                /* it was put there since the flag was cleared       */
    struct ipc_in in;
};

/* Start using fd, which the caller keeps owning. */
void keeper_link_init(struct keeper_link *k, int fd);

/*
 * Take in whatever keeper pushed, without waiting.
 * Errors:  SP_ECLOSED END came or keeper is gone (is_ended is set); SP_ESTATE keeper broke the
 * table
 */
SP_MUST_USE enum sp_err keeper_link_poll(struct keeper_link *k);

/*
 * Send a request and wait for its answer, which is left in k->in; the caller clears or takes its
 * descriptors and wipes it: what the calls below are made of.
 * Errors:  SP_ETIME; SP_ECLOSED; SP_ESTATE keeper broke the table
 */
SP_MUST_USE enum sp_err keeper_link_call(struct keeper_link *k, uint32_t type, void *req,
                                         size_t req_size, uint32_t answer, size_t answer_size,
                                         int timeout_ms);

/* Copy the answer out and leave nothing of it behind. */
void keeper_link_take(struct keeper_link *k, void *out, size_t size);

/*
 * Ask for a handshake's signature.
 * signature  IPC_SIG_MAX bytes; *size written only on SP_OK
 * Errors:  SP_EDENIED keeper refused; SP_ETIME; SP_ECLOSED; SP_ELIMIT tbs too long
 */
SP_MUST_USE enum sp_err keeper_sign(struct keeper_link *k, uint16_t scheme, const uint8_t *tbs,
                                    size_t tbs_size, uint8_t *signature, size_t *size);

/* Ask for the NTLM challenge of this connection. Errors: SP_ETIME; SP_ECLOSED */
SP_MUST_USE enum sp_err keeper_challenge(struct keeper_link *k, uint8_t challenge[8]);

/*
 * Have a proof checked. req is filled in by the caller, its head excepted, and wiped here.
 * nt_status  0 if it is right; else the code for TSRequest.errorCode
 * key      the exported session key, written only if nt_status is 0
 * Errors:  SP_ETIME; SP_ECLOSED
 */
SP_MUST_USE enum sp_err keeper_verify(struct keeper_link *k, struct ipc_verify_req *req,
                                      uint32_t *nt_status, uint8_t key[16]);

/* Ask what this person may do. Errors: SP_ETIME; SP_ECLOSED */
SP_MUST_USE enum sp_err keeper_decide(struct keeper_link *k, struct ipc_decide_rsp *out);

/* Hand over the person's own credentials; req is wiped here. Errors: SP_ETIME; SP_ECLOSED */
SP_MUST_USE enum sp_err keeper_delegate(struct keeper_link *k, struct ipc_delegate_req *req,
                                        uint32_t *errinfo);

/*
 * Wait for the target's connection.
 * fd       the connected socket, the caller's; -1 if *errinfo is not 0
 * Errors:  SP_ETIME; SP_ECLOSED; SP_EVALUE no descriptor came
 */
SP_MUST_USE enum sp_err keeper_connect(struct keeper_link *k, int *fd, uint32_t *errinfo);

/* Have the target's certificate judged. Errors: SP_ETIME; SP_ECLOSED */
SP_MUST_USE enum sp_err keeper_certificate(struct keeper_link *k, const uint8_t key_sha256[32],
                                           const uint8_t cert_sha256[32], bool chain_ok,
                                           uint32_t *errinfo);

/* Have the target's challenge answered. Errors: SP_ETIME; SP_ECLOSED; SP_EVALUE */
SP_MUST_USE enum sp_err keeper_bind(struct keeper_link *k, struct ipc_bind_req *req,
                                    struct ipc_bind_rsp *out);

/*
 * Have the target's pubKeyAuth verified, and ask for the sealed credentials.
 * out      size is 0 unless the verdict is IPC_SEAL_OK
 * Errors:  SP_ETIME; SP_ECLOSED; SP_EVALUE
 */
SP_MUST_USE enum sp_err keeper_seal(struct keeper_link *k, struct ipc_seal_req *req,
                                    struct ipc_seal_rsp *out);

/*
 * Ask for the password of a target that has no NLA.
 * out      the caller wipes it
 * Errors:  SP_ETIME; SP_ECLOSED
 */
SP_MUST_USE enum sp_err keeper_clear(struct keeper_link *k, struct ipc_clear_rsp *out);

/* Say that the target logs us on by its own token. Errors: SP_EDENIED; SP_ETIME; SP_ECLOSED */
SP_MUST_USE enum sp_err keeper_rdstls(struct keeper_link *k);

/*
 * Ask for the licence that the target gave before.
 * scope    NUL-terminated, cut to IPC_SCOPE_MAX - 1 bytes
 * Errors:  SP_ETIME; SP_ECLOSED
 */
SP_MUST_USE enum sp_err keeper_licence_get(struct keeper_link *k, const char *scope,
                                           struct ipc_licence_get_rsp *out);

/* Have a new licence kept; failures are not reported, since the session goes on without it. */
void keeper_licence_put(struct keeper_link *k, const char *scope, const uint8_t *licence,
                        size_t size);

/*
 * Ask whether the target's redirection may be followed; keeper dials then.
 * out      the next target, written only if its errinfo, which is always written, is 0
 * Errors:  SP_ETIME; SP_ECLOSED; SP_EVALUE
 */
SP_MUST_USE enum sp_err keeper_redirect(struct keeper_link *k, struct ipc_redirect_req *req,
                                        struct ipc_decide_rsp *out);

/* Tell who is behind the listener's proxy. A failure shows with the next question. */
void keeper_proxied(struct keeper_link *k, struct ipc_proxied *told);

/*
 * Send a note for the event log; beyond IPC_NOTES_MAX - 2 all are dropped but one about a failure
 * and IPC_NOTE_CLOSED, which are always taken. Failures are not reported: keeper is gone then.
 * note     head is filled in here
 */
void keeper_note(struct keeper_link *k, struct ipc_note *note);

/*
 * Report a transfer; after IPC_TRANSFERS_MAX of them nothing more may move.
 * transfer head is filled in here
 * Errors:  SP_ELIMIT too many; SP_ECLOSED keeper is gone
 */
SP_MUST_USE enum sp_err keeper_transfer(struct keeper_link *k, struct ipc_transfer *transfer);

/* A note about a failure: where, got and want come from fail. errinfo: told to the client, or 0 */
void keeper_note_failure(struct keeper_link *k, enum ipc_step step, const struct sp_fail *fail,
                         uint32_t errinfo);

/* Tell keeper what the person in the lobby answered; what is so then comes as LOBBY_STATE. */
void keeper_lobby_action(struct keeper_link *k, struct ipc_lobby_action *action);

/* Leave the lobby: the decision, or is_lobby once more. Errors: SP_ETIME; SP_ECLOSED */
SP_MUST_USE enum sp_err keeper_lobby_enter(struct keeper_link *k, struct ipc_decide_rsp *out);

#endif
