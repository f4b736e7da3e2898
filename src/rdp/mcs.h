/* SPDX-License-Identifier: Apache-2.0
 * T.125 (MCS): the connect PDUs in BER and the domain PDUs in aligned PER, as RDP uses them.
 */
#ifndef SP_RDP_MCS_H
#define SP_RDP_MCS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define MCS_USER_ID_BASE      1001  /* smallest dynamic id; PER writes user ids less this         */
#define MCS_SERVER_CHANNEL    1002  /* the initiator of what a server sends                       */
#define MCS_GLOBAL_CHANNEL    1003  /* the I/O channel                                            */
#define MCS_MAX_PDU_SIZE      65528 /* largest maxMCSPDUsize, MS-RDPBCGR 3.3.5.3.3               */
#define MCS_SEND_DATA_MAX     0x3fff /* a longer payload would need PER fragments                */
#define MCS_SEND_OVERHEAD_MAX 15     /* from the TPKT to the payload     */

#define RESULT_RT_SUCCESSFUL          0
#define RESULT_RT_UNSPECIFIED_FAILURE 14 /* T.125 Result, MS-RDPBCGR 3.3.5.3.3.1 */

/* DisconnectProviderUltimatum.reason */
#define MCS_REASON_DOMAIN_DISCONNECTED 0
#define MCS_REASON_PROVIDER_INITIATED  1
#define MCS_REASON_USER_REQUESTED      3
#define MCS_REASON_MAX                 4 /* channel-purged */

struct mcs_domain_parameters {
    uint32_t max_channel_ids;
    uint32_t max_user_ids;
    uint32_t max_token_ids;
    uint32_t num_priorities;
    uint32_t min_throughput;
    uint32_t max_height;
    uint32_t max_mcs_pdu_size;
    uint32_t protocol_version;
};

struct mcs_connect_initial {
    struct mcs_domain_parameters target, min, max;
    struct rd user_data; /* GCC ConferenceCreateRequest; borrowed */
};

struct mcs_connect_response {
    uint8_t result; /* RESULT_RT_SUCCESSFUL or a T.125 Result */
    struct mcs_domain_parameters parameters;
    struct rd user_data; /* GCC ConferenceCreateResponse; borrowed */
};

/* The domain PDUs that RDP uses; the values are T.125 DomainMCSPDU choices. */
enum mcs_type {
    MCS_ERECT_DOMAIN_REQUEST = 1,
    MCS_DISCONNECT_PROVIDER_ULTIMATUM = 8,
    MCS_ATTACH_USER_REQUEST = 10,
    MCS_ATTACH_USER_CONFIRM = 11,
    MCS_CHANNEL_JOIN_REQUEST = 14,
    MCS_CHANNEL_JOIN_CONFIRM = 15,
    MCS_SEND_DATA_REQUEST = 25,
    MCS_SEND_DATA_INDICATION = 26,
};

/* One domain PDU; a field that its type does not have is 0. */
struct mcs_pdu {
    enum mcs_type type;
    uint16_t initiator;  /* user id (≥ 1001) that sends, or that Attach-User-Confirm assigns    */
    uint16_t channel_id; /* of a join or of data                                                */
    uint16_t requested;  /* ChannelJoinConfirm.requested                                        */
    uint8_t result;      /* of a confirm; 0 is rt-successful                                    */
    bool has_id;         /* a confirm carries its optional initiator or channelId               */
    uint8_t reason;      /* of a DisconnectProviderUltimatum                                    */
    struct rd data;      /* payload of SendData; borrowed                                       */
    size_t data_offset;  /* of data from the TPKT header, for editing in place                  */
};

/* ---- connect PDUs: whole TPKT PDUs ---- */

/*
 * Merge the three parameter sets of a Connect Initial into the answer.
 * Spec:    MS-RDPBCGR 3.3.5.3.3
 * Errors:  SP_EVALUE no legal answer lies within the peer's bounds (also maxChannelIds below 4)
 */
SP_MUST_USE enum sp_err mcs_domain_parameters_merge(const struct mcs_connect_initial *in,
                                                    struct mcs_domain_parameters *out,
                                                    struct sp_fail *fail);

/* The target, minimum and maximum parameters that a client sends, as mstsc does; user_data empty.
 */
void mcs_connect_initial_defaults(struct mcs_connect_initial *out);

/*
 * Read Connect Initial.
 * Spec:    MS-RDPBCGR 2.2.1.3, T.125 7
 * pdu      the whole TPKT PDU; consumed
 * Errors:  SP_ESHORT; SP_EVALUE; SP_ELIMIT a number above 4 octets; SP_ETRAIL;
 *          SP_ECLOSED an X.224 Disconnect Request came instead
 * Owner:   out->user_data borrows pdu's bytes
 */
SP_MUST_USE enum sp_err mcs_connect_initial_read(struct rd *pdu, struct mcs_connect_initial *out);

/* Append Connect Initial as a whole TPKT PDU. Spec: MS-RDPBCGR 2.2.1.3. Errors: SP_ESPACE */
SP_MUST_USE enum sp_err mcs_connect_initial_write(struct wr *w,
                                                  const struct mcs_connect_initial *in);

/*
 * Read Connect Response; a result other than success is the caller's to judge.
 * Spec:    MS-RDPBCGR 2.2.1.4, T.125 7
 * Errors and Owner: as mcs_connect_initial_read
 */
SP_MUST_USE enum sp_err mcs_connect_response_read(struct rd *pdu, struct mcs_connect_response *out);

/* Append Connect Response as a whole TPKT PDU. Spec: MS-RDPBCGR 2.2.1.4. Errors: SP_ESPACE */
SP_MUST_USE enum sp_err mcs_connect_response_write(struct wr *w,
                                                   const struct mcs_connect_response *in);

/* ---- domain PDUs: whole TPKT PDUs ---- */

/*
 * Read one domain PDU.
 * Spec:    T.125 7 and 9; MS-RDPBCGR 2.2.1.5-2.2.1.9, 2.2.2.3
 * pdu      the whole TPKT PDU; consumed
 * Errors:  SP_ESHORT; SP_EVALUE unknown choice, fragment, bad id; SP_ETRAIL;
 *          SP_ECLOSED an X.224 Disconnect Request, the peer's orderly end
 * Owner:   out->data borrows pdu's bytes
 */
SP_MUST_USE enum sp_err mcs_domain_read(struct rd *pdu, struct mcs_pdu *out);

/* Append ErectDomainRequest. Spec: MS-RDPBCGR 2.2.1.5. Errors: SP_ESPACE */
SP_MUST_USE enum sp_err mcs_erect_domain_request_write(struct wr *w);
/* Append AttachUserRequest. Spec: MS-RDPBCGR 2.2.1.6. Errors: SP_ESPACE */
SP_MUST_USE enum sp_err mcs_attach_user_request_write(struct wr *w);
/* Append a successful AttachUserConfirm with this user id (≥ 1001). Errors: SP_ESPACE */
SP_MUST_USE enum sp_err mcs_attach_user_confirm_write(struct wr *w, uint16_t user);
/* Append ChannelJoinRequest. Spec: MS-RDPBCGR 2.2.1.8. Errors: SP_ESPACE */
SP_MUST_USE enum sp_err mcs_channel_join_request_write(struct wr *w, uint16_t user,
                                                       uint16_t channel);
/* Append a successful ChannelJoinConfirm. Spec: MS-RDPBCGR 2.2.1.9. Errors: SP_ESPACE */
SP_MUST_USE enum sp_err mcs_channel_join_confirm_write(struct wr *w, uint16_t user,
                                                       uint16_t channel);
/*
 * Append DisconnectProviderUltimatum, in the two bytes that every implementation uses.
 * Spec:    MS-RDPBCGR 2.2.2.3, example 4.2.3
 * reason   MCS_REASON_*
 * Errors:  SP_ESPACE
 */
SP_MUST_USE enum sp_err mcs_disconnect_ultimatum_write(struct wr *w, uint8_t reason);

/*
 * Begin SendDataIndication or SendDataRequest; append the payload, then call mcs_send_end.
 * initiator  the user id, or MCS_SERVER_CHANNEL; below 1001 is our own mistake (SP_BUG)
 * Returns    the mark to give to mcs_send_end
 */
size_t mcs_send_begin(struct wr *w, bool indication, uint16_t initiator, uint16_t channel);

/*
 * Back-fill the two-byte PER length and the TPKT length of the PDU begun at mark.
 * Errors:  SP_ELIMIT payload above MCS_SEND_DATA_MAX
 */
void mcs_send_end(struct wr *w, size_t mark);

/*
 * Rewrite direction, initiator and channel of a SendData PDU in place: the splice's hot path.
 * pdu        whole TPKT PDU that mcs_domain_read accepted as SendData; shorter than 14 bytes, or
 *            initiator below 1001, is our own mistake (SP_BUG)
 * type       MCS_SEND_DATA_REQUEST or MCS_SEND_DATA_INDICATION
 */
void mcs_send_patch(uint8_t *pdu, size_t size, enum mcs_type type, uint16_t initiator,
                    uint16_t channel);

#endif
