/* SPDX-License-Identifier: Apache-2.0
 * The three NTLM messages and the AV pairs in them: reading, writing, and the policy on the front.
 */
#ifndef SP_RDP_NTLM_H
#define SP_RDP_NTLM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "rdp/ntlm_crypto.h"

/* MS-NLMP 2.2.2.5 */
#define NTLMSSP_NEGOTIATE_UNICODE                  0x00000001u
#define NTLM_NEGOTIATE_OEM                         0x00000002u
#define NTLMSSP_REQUEST_TARGET                     0x00000004u
#define NTLMSSP_NEGOTIATE_SIGN                     0x00000010u
#define NTLMSSP_NEGOTIATE_SEAL                     0x00000020u
#define NTLMSSP_NEGOTIATE_LM_KEY                   0x00000080u
#define NTLMSSP_NEGOTIATE_NTLM                     0x00000200u
#define NTLMSSP_ANONYMOUS                          0x00000800u
#define NTLMSSP_NEGOTIATE_OEM_DOMAIN_SUPPLIED      0x00001000u
#define NTLMSSP_NEGOTIATE_OEM_WORKSTATION_SUPPLIED 0x00002000u
#define NTLMSSP_NEGOTIATE_ALWAYS_SIGN              0x00008000u
#define NTLMSSP_TARGET_TYPE_DOMAIN                 0x00010000u
#define NTLMSSP_TARGET_TYPE_SERVER                 0x00020000u
#define NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY 0x00080000u
#define NTLMSSP_NEGOTIATE_IDENTIFY                 0x00100000u
#define NTLMSSP_REQUEST_NON_NT_SESSION_KEY         0x00400000u
#define NTLMSSP_NEGOTIATE_TARGET_INFO              0x00800000u
#define NTLMSSP_NEGOTIATE_VERSION                  0x02000000u
#define NTLMSSP_NEGOTIATE_128                      0x20000000u
#define NTLMSSP_NEGOTIATE_KEY_EXCH                 0x40000000u
#define NTLMSSP_NEGOTIATE_56                       0x80000000u

/* What every message of every peer must have; CHALLENGE also TARGET_INFO. */
#define NTLM_FLAGS_REQUIRED                                                                        \
    (NTLMSSP_NEGOTIATE_UNICODE | NTLMSSP_NEGOTIATE_SIGN | NTLMSSP_NEGOTIATE_SEAL |                 \
     NTLMSSP_NEGOTIATE_NTLM | NTLMSSP_NEGOTIATE_ALWAYS_SIGN |                                      \
     NTLMSSP_NEGOTIATE_EXTENDED_SESSIONSECURITY | NTLMSSP_NEGOTIATE_128 |                          \
     NTLMSSP_NEGOTIATE_KEY_EXCH)

/* MS-NLMP 2.2.2.1 */
#define MsvAvEOL             0
#define MsvAvNbComputerName  1
#define MsvAvNbDomainName    2
#define MsvAvDnsComputerName 3
#define MsvAvDnsDomainName   4
#define MsvAvDnsTreeName     5
#define MsvAvFlags           6
#define MsvAvTimestamp       7
#define MsvAvSingleHost      8
#define MsvAvTargetName      9
#define MsvAvChannelBindings 10

#define NTLM_AV_FLAG_MIC           0x2u /* MsvAvFlags: the message carries a MIC   */
#define NTLM_AV_FLAG_UNTRUSTED_SPN 0x4u /* MsvAvFlags: SPN from an untrusted source */

#define NTLM_VERSION_SIZE     8
#define NTLM_NT_RESPONSE_MIN  44
#define NTLM_NT_RESPONSE_MAX  4096
#define NTLM_TARGET_INFO_MAX  2048
#define NTLM_NEGOTIATE_MAX    1024 /* the three together are the 8 KiB that keeper takes */
#define NTLM_CHALLENGE_MAX    1024
#define NTLM_AUTHENTICATE_MAX 6144

#define NTLM_PEER_CHALLENGE_MAX (NTLM_TARGET_INFO_MAX + 1024) /* what a target may send us */

/* MS-NLMP 2.2.1.1 */
struct ntlm_negotiate {
    uint32_t flags;
    struct rd domain, workstation; /* OEM text, unused by us */
};

/* MS-NLMP 2.2.1.2 */
struct ntlm_challenge {
    uint32_t flags;
    uint8_t server_challenge[NTLM_CHALLENGE_SIZE];
    struct rd target_name; /* UTF-16LE */
    struct rd target_info; /* AV pairs  */
};

/* MS-NLMP 2.2.1.3 */
struct ntlm_authenticate {
    uint32_t flags;
    struct rd lm_response, nt_response;
    struct rd domain, user, workstation; /* UTF-16LE */
    struct rd encrypted_random_session_key;
    bool has_mic;      /* there is room for one before the payload; AV 6 says if it is one */
    size_t mic_offset; /* from the message's start; 72, or 64 if Version was left out     */
    uint8_t mic[NTLM_KEY_SIZE];
};

struct ntlm_av {
    uint16_t id;
    struct rd value;
};

/* NTLMv2_RESPONSE with its NTLMv2_CLIENT_CHALLENGE, MS-NLMP 2.2.2.7 and 2.2.2.8 */
struct ntlmv2_response {
    uint8_t proof[NTLM_KEY_SIZE];
    struct rd temp;     /* everything after the proof, as received */
    uint64_t timestamp; /* FILETIME: 100 ns since 1601, UTC        */
    uint8_t client_challenge[NTLM_CHALLENGE_SIZE];
    struct rd av_pairs; /* up to and with MsvAvEOL                 */
};

/* Who we say we are as a server: constants of the configuration, UTF-8, each at most 255 bytes and
 * together small enough for a CHALLENGE of NTLM_CHALLENGE_MAX. NULL or empty: not told. */
struct ntlm_names {
    const char *nb_domain, *nb_computer, *dns_domain, *dns_computer;
};

/* What the front wants to log or compare after the structural policy passed. */
struct ntlm_facts {
    uint64_t timestamp;           /* the client's FILETIME; we log more than 36 h of skew       */
    bool has_spn;                 /* MsvAvTargetName is present and not empty                   */
    bool is_spn_untrusted;        /* the client says so itself (AV 6 bit 4): do not judge it     */
    struct rd spn;                /* UTF-16LE; must be TERMSRV/<one of our names>                */
    bool has_channel_bindings;    /* MsvAvChannelBindings is present and not 16 zero bytes       */
    uint8_t channel_bindings[16]; /* MD5 to be compared with that of our certificate             */
};

/*
 * Read NEGOTIATE_MESSAGE.
 * Spec:    MS-NLMP 2.2.1.1
 * r        holds the message and nothing else
 * out      written only on SP_OK; its readers borrow from r's data
 * Errors:  SP_ESHORT less than the fixed part, or a field past the end;
 *          SP_EVALUE signature, type, field inside the header; SP_ELIMIT message too long
 */
SP_MUST_USE enum sp_err ntlm_negotiate_read(struct rd *r, struct ntlm_negotiate *out);

/*
 * Write NEGOTIATE_MESSAGE with these flags, no names, and our fixed version.
 * Spec:    MS-NLMP 2.2.1.1
 * Errors:  SP_ESPACE
 */
SP_MUST_USE enum sp_err ntlm_negotiate_write(struct wr *w, uint32_t flags);

/*
 * Read CHALLENGE_MESSAGE; the AV pairs are checked to the end of their list.
 * Spec:    MS-NLMP 2.2.1.2
 * r, out, Errors: as ntlm_negotiate_read; SP_ELIMIT TargetInfo above NTLM_TARGET_INFO_MAX
 */
SP_MUST_USE enum sp_err ntlm_challenge_read(struct rd *r, struct ntlm_challenge *out);

/*
 * Write CHALLENGE_MESSAGE with our fixed version. w is at the message's first byte.
 * Spec:    MS-NLMP 2.2.1.2
 * Errors:  SP_ELIMIT, SP_ESPACE
 */
SP_MUST_USE enum sp_err ntlm_challenge_write(struct wr *w, const struct ntlm_challenge *c);

/*
 * Read AUTHENTICATE_MESSAGE. Structure only; see ntlm_authenticate_check for policy.
 * Spec:    MS-NLMP 2.2.1.3
 * r, out, Errors: as ntlm_negotiate_read; SP_ELIMIT a name above NTLM_NAME_MAX or a message above
 *          NTLM_AUTHENTICATE_MAX; SP_EVALUE also text of odd length
 */
SP_MUST_USE enum sp_err ntlm_authenticate_read(struct rd *r, struct ntlm_authenticate *out);

/*
 * Write AUTHENTICATE_MESSAGE with Version and a MIC field, which holds a->mic (zeros before it is
 * known); mic_offset and has_mic are ignored: the MIC is at 72.
 * Spec:    MS-NLMP 2.2.1.3
 * Errors:  SP_ELIMIT, SP_ESPACE
 */
SP_MUST_USE enum sp_err ntlm_authenticate_write(struct wr *w, const struct ntlm_authenticate *a);

/*
 * Read NTLMv2_RESPONSE.
 * Spec:    MS-NLMP 2.2.2.7, 2.2.2.8
 * nt       the NtResponse, copied in; its fail is not touched
 * Errors:  SP_ESHORT below NTLM_NT_RESPONSE_MIN (NTLMv1 has 24) or AV pairs that do not end;
 *          SP_ELIMIT above NTLM_NT_RESPONSE_MAX; SP_EVALUE RespType or HiRespType not 1
 */
SP_MUST_USE enum sp_err ntlmv2_response_read(struct rd nt, struct ntlmv2_response *out,
                                             struct sp_fail *fail);

/*
 * Take the next AV pair.
 * Spec:    MS-NLMP 2.2.2.1
 * out      id MsvAvEOL at the end; written only on SP_OK
 * Errors:  SP_ESHORT a header or value past the end; SP_EVALUE MsvAvEOL with a value
 */
SP_MUST_USE enum sp_err ntlm_av_next(struct rd *pairs, struct ntlm_av *out);

/*
 * Find the first pair of this id in a list that is well-formed up to there.
 * value    written only if found
 */
bool ntlm_av_find(struct rd pairs, uint16_t id, struct rd *value);

/* Append one AV pair. Errors: SP_ELIMIT value above 65535 bytes; SP_ESPACE */
void ntlm_av_write(struct wr *w, uint16_t id, const void *value, size_t size);

/*
 * Write the server's TargetInfo: pairs 2, 1, 4, 3, 7 and the end. The timestamp forces the MIC.
 * Spec:    MS-NLMP 3.2.5.1.1
 * now      FILETIME
 * Errors:  SP_EVALUE a name is not UTF-8; SP_ESPACE
 */
SP_MUST_USE enum sp_err ntlm_target_info_write(struct wr *w, const struct ntlm_names *names,
                                               uint64_t now);

/*
 * Write the client's answer to a TargetInfo: its pairs, then flags with the MIC bit, zero channel
 * bindings, the SPN, and the end. Pairs 6, 9 and 10 of the server are replaced, not repeated.
 * Spec:    MS-NLMP 3.1.5.1.2
 * spn      UTF-8, "TERMSRV/host"
 * Errors:  those of ntlm_av_next; SP_EVALUE spn not UTF-8; SP_ESPACE
 */
SP_MUST_USE enum sp_err ntlm_target_info_augment(struct wr *w, struct rd target_info,
                                                 const char *spn);

/*
 * The front's structural policy, before keeper is asked: NTLMv2 with MIC and key exchange only.
 * a            as read
 * target_info  what our CHALLENGE carried: each of its pairs must come back unchanged
 * out          written only on SP_OK; spn borrows from the message
 * Errors:      SP_EDENIED missing flags, anonymous or empty user, NTLMv1 or LM only, no or wrong
 *              session key, no MIC; SP_EVALUE changed target info; those of ntlmv2_response_read
 */
SP_MUST_USE enum sp_err ntlm_authenticate_check(const struct ntlm_authenticate *a,
                                                struct rd target_info, struct ntlm_facts *out,
                                                struct sp_fail *fail);

#endif
