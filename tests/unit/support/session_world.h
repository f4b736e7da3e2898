/* SPDX-License-Identifier: Apache-2.0
 * The table of verbs with a world in memory: what tests and the fuzzer see a session do.
 */
#ifndef SP_TEST_SESSION_WORLD_H
#define SP_TEST_SESSION_WORLD_H

#include <jansson.h>

#include "keeper/session_table.h"

#define WORLD_EVENTS_MAX 512
#define WORLD_PASSWORD   "s\0e\0c\0r\0e\0t\0" /* of the target, UTF-16LE */
#define WORLD_KEY_SIZE   270 /* of the target's TLS key, at the end of WORLD_SPKI_SIZE bytes */
#define WORLD_SPKI_SIZE  294

struct world {
    struct session s;
    struct session_ops ops;
    int64_t now_ms;
    /* what the world answers */
    struct session_account account;
    struct session_decision decision;
    bool is_not_allowed_later; /* is_still_allowed says no */
    enum sp_err sign_err, dial_err, send_err, event_err, password_err, known_err, licence_err;
    bool known_is_new, is_penalised;
    const char *ticket_refusal; /* NULL: the ticket is good, and being stored */
    const char *refused;        /* answer to attempt */
    uint32_t attempts, proved, failed;
    char redirect_host[IPC_HOST_MAX]; /* that keeper was asked about last */
    uint32_t licence_size;            /* of the last one put */
    /* what was done to it */
    uint32_t kerberos_min;
    enum sp_err gss_ask_err, gss_err; /* gss_err: of the last world_gss_answer */
    unsigned gss_asks;
    unsigned charges[PENALTY_CAUSE_COUNT], attacks;
    unsigned ticket_uses;
    uint8_t spki[WORLD_SPKI_SIZE]; /* the target's; its SHA-256 is the decision's pin */
    uint8_t nonce[32];             /* of the last BIND */
    uint8_t exported_key[16];      /* of the last BIND: what no session may be told */
    unsigned signs, dials, sends, durable_events, passwords;
    int sent_fd; /* last descriptor that was sent: its number only */
    uint32_t sent_type;
    size_t sent_size;
    union {
        struct ipc_head head;
        uint8_t bytes[IPC_MSG_MAX];
        struct ipc_verify_rsp verify;
        struct ipc_decide_rsp decide;
        struct ipc_status_rsp status;
        struct ipc_connect_rsp connect;
        struct ipc_bind_rsp bind;
        struct ipc_seal_rsp seal;
        struct ipc_clear_rsp clear;
        struct ipc_licence_get_rsp licence;
        struct ipc_challenge_rsp challenge;
        struct ipc_end end;
        struct ipc_gss_rsp gss;
        struct ipc_lease lease;
    } sent;
    json_t *events[WORLD_EVENTS_MAX];
    size_t event_count;
    struct ipc_in in;
    struct sp_fail fail;
};

/* A fresh session of a known user (alice, password "wonder") who may reach one target by pin. */
void world_init(struct world *w);

/* Directory answers a question of that kind. */
void world_gss_answer(struct world *w, uint32_t kind, uint32_t status, const char *principal);

/* Free the events and the session. */
void world_clear(struct world *w);

/* Put the session into a state as if it had come there by its verbs. */
void world_at(struct world *w, enum session_state state);

/* Send bytes as one message of that type; head is filled in. */
enum sp_err world_send(struct world *w, uint32_t type, const void *msg, size_t size);

/*
 * What a well-behaved session would send for this type in the world's present, the head excepted.
 * Returns  its size; any other type gives a plain message
 */
size_t world_good(struct world *w, uint32_t type, struct ipc_in *in);

/* Send what a well-behaved session would send for this type in the world's present. */
enum sp_err world_send_good(struct world *w, uint32_t type);

/* A right proof for the world's account and s.challenge. */
void world_proof(struct world *w, struct ipc_verify_req *req);

/*
 * What the target would answer to the last BIND's pubKeyAuth: made with keeper's own key.
 * version  of CredSSP
 * out      IPC_PUB_KEY_AUTH_MAX bytes
 * Returns  its size
 */
size_t world_echo(struct world *w, uint32_t version, uint8_t *out);

/* How many events of that name were written. */
size_t world_count(const struct world *w, const char *name);

/* The last event of that name; fails the program if there is none. */
json_t *world_event(const struct world *w, const char *name);

#endif
