/* SPDX-License-Identifier: Apache-2.0
 * Named virtual patches: the table, and how a failure is looked up in it.
 */
#include "session/signatures.h"

#include <stdbool.h>
#include <string.h>

#define C     IPC_LEG_CLIENT
#define T     IPC_LEG_TARGET
#define ANY   0, UINT32_MAX
#define END   IPC_STEP_SPLICE
#define SHORT (1u << SP_ESHORT)
#define LIMIT (1u << SP_ELIMIT)
#define VALUE (1u << SP_EVALUE)
#define STATE (1u << SP_ESTATE)
#define NOT   (1u << SP_EDENIED)
#define PROOF (1u << SP_ECRYPTO)

/* A count so large that its product with the size of an item wraps 32 bits, or nearly so. */
#define HUGE 0x10000u, UINT32_MAX

/* One line a signature. */
/* clang-format off */
static const struct signature table[] = {
    /* Before and in NLA. */
    {"CVE-2018-0886", "TSRequest.pubKeyAuth", "binding to another TLS key: a relay in the middle", C, IPC_STEP_NLA, PROOF, ANY},
    {"CVE-2022-24882", "AUTHENTICATE.NtChallengeResponse", "login without any NT response", C, IPC_STEP_NLA, NOT, 0, 0},
    {"CVE-2018-8789", "AUTHENTICATE.*", "field descriptor beyond the message", C, IPC_STEP_NLA, SHORT, ANY},
    {"CVE-2018-8789", "NEGOTIATE.*", "field descriptor beyond the message", C, IPC_STEP_NLA, SHORT, ANY},
    {"CVE-2018-8789", "NTLM.*", "message shorter than its header", C, IPC_STEP_NLA, SHORT, ANY},
    {"CVE-2020-13396", "NTLMv2_*", "NTLMv2 response shorter than its fixed part", C, IPC_STEP_NLA, SHORT, ANY},
    {"CVE-2020-11097", "AV_PAIR.*", "AV pair beyond the list, or a list without an end", C, IPC_STEP_NLA, SHORT, ANY},
    /* Settings. */
    {"CVE-2019-0708", "CS_NET.MS_T120", "the server's own channel asked for", C, END, 0, ANY},
    {"CVE-2012-0002", "DomainParameters.maxChannelIds", "fewer channel ids than a connection needs", C, END, 0, ANY},
    {"CVE-2018-8786", "CS_NET.channelCount", "count whose size in bytes wraps", C, END, LIMIT | VALUE | SHORT, HUGE},
    {"CVE-2018-8786", "CS_MONITOR.monitorCount", "count whose size in bytes wraps", C, END, LIMIT | VALUE | SHORT, HUGE},
    {"CVE-2018-8786", "CS_MONITOR_EX.monitorCount", "count whose size in bytes wraps", C, END, LIMIT | VALUE | SHORT, HUGE},
    {"CVE-2022-23482", "CS_CORE.*", "core settings that end within a field", C, END, SHORT, ANY},
    {"CVE-2025-68670", "TS_INFO_PACKET.cbDomain", "domain longer than its buffer", C, END, 0, ANY},
    /* Activation. */
    {"CVE-2022-23481", "TS_DEMAND_ACTIVE_PDU.lengthSourceDescriptor", "descriptor longer than the PDU", C, END, 0, ANY},
    {"CVE-2022-23481", "TS_DEMAND_ACTIVE_PDU.sourceDescriptor", "descriptor longer than the PDU", C, END, SHORT, ANY},
    {"CVE-2026-33516", "TS_CAPS_SET.*", "capability set beyond the list", C, END, 0, ANY},
    {"CVE-2026-33516", "TS_DEMAND_ACTIVE_PDU.numberCapabilities", "more capability sets than there are", C, END, 0, ANY},
    /* Hostile targets. */
    {"CVE-2018-0886", "target's pubKeyAuth", "our own binding echoed, or another key", T, IPC_STEP_TARGET_NLA, PROOF, ANY},
    {"CVE-2026-73241", "RDSTLS.PduType", "RDSTLS message in another one's place", T, END, VALUE, ANY},
    {"CVE-2018-8789", "CHALLENGE.*", "field descriptor beyond the message", T, IPC_STEP_TARGET_NLA, SHORT, ANY},
    {"CVE-2020-11097", "AV_PAIR.*", "AV pair beyond the list, or a list without an end", T, IPC_STEP_TARGET_NLA, SHORT, ANY},
    {"CVE-2017-2836", "SC_SECURITY.server*", "certificate or random longer than its block", T, END, SHORT, ANY},
    {"CVE-2017-2834", "LICENSE_PREAMBLE.wMsgSize", "licence message longer than its PDU", T, END, 0, 0x1000, UINT32_MAX},
    {"CVE-2026-109255", "SCOPE_LIST.ScopeCount", "scope list whose size wraps", T, END, 0, HUGE},
    {"CVE-2020-11099", "SERVER_NEW_LICENSE.*", "licence with an inner length beyond the message", T, END, SHORT | LIMIT, ANY},
    {"CVE-2020-9498", "CHANNEL_PDU_HEADER.length", "chunks that are more than they said", T, END, 0, ANY},
};
/* clang-format on */
#define ROWS (sizeof(table) / sizeof(table[0]))

const struct signature *signature_table(size_t *count)
{
    *count = ROWS;
    return table;
}

static bool is_place(const char *pattern, const char *where)
{
    size_t n = strlen(pattern);

    if (pattern[n - 1] == '*')
        return strncmp(pattern, where, n - 1) == 0;
    return strcmp(pattern, where) == 0;
}

const struct signature *signature_find(enum ipc_leg leg, enum ipc_step step,
                                       const struct sp_fail *fail)
{
    for (size_t i = 0; fail->where != NULL && i < ROWS; i++) {
        const struct signature *s = &table[i];

        if (s->leg == leg && step <= s->last && (s->codes == 0 || s->codes >> fail->code & 1) &&
            fail->got >= s->min && fail->got <= s->max && is_place(s->where, fail->where))
            return s;
    }
    return NULL;
}

enum ipc_leg signature_leg(enum ipc_step step)
{
    return step >= IPC_STEP_TARGET_X224 && step <= IPC_STEP_TARGET_ACTIVATE ? IPC_LEG_TARGET
                                                                            : IPC_LEG_CLIENT;
}
