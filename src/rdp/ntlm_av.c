/* SPDX-License-Identifier: Apache-2.0
 * AV pairs, the NTLMv2 response that carries them, and the front's policy on a response.
 */
#include "rdp/ntlm.h"

#include <string.h>

#include "base/mem.h"
#include "base/text.h"

#define RESPONSE_NTLMV1_SIZE 24
#define NAME_UTF8_MAX        255
#define NAME_SIZE_MAX        ((NAME_UTF8_MAX + 8) * 2) /* SPN: "TERMSRV/" before it */

enum sp_err ntlm_av_next(struct rd *pairs, struct ntlm_av *out)
{
    struct ntlm_av av;
    uint16_t size;

    av.id = rd_u16le(pairs, "AV_PAIR.AvId");
    size = rd_u16le(pairs, "AV_PAIR.AvLen");
    rd_sub(pairs, size, &av.value, "AV_PAIR.Value");
    if (rd_ok(pairs) && av.id == MsvAvEOL)
        rd_want(pairs, "MsvAvEOL.AvLen", size, 0);
    if (rd_ok(pairs))
        *out = av;
    return pairs->fail.code;
}

bool ntlm_av_find(struct rd pairs, uint16_t id, struct rd *value)
{
    struct ntlm_av av;

    while (ntlm_av_next(&pairs, &av) == SP_OK && av.id != MsvAvEOL) {
        if (av.id != id)
            continue;
        *value = av.value;
        return true;
    }
    return false;
}

void ntlm_av_write(struct wr *w, uint16_t id, const void *value, size_t size)
{
    if (size > UINT16_MAX) {
        wr_refuse(w, SP_ELIMIT, "AV_PAIR.AvLen", (uint32_t)size, UINT16_MAX);
        return;
    }
    wr_u16le(w, id);
    wr_u16le(w, (uint16_t)size);
    wr_bytes(w, value, size);
}

static void write_text(struct wr *w, uint16_t id, const char *utf8)
{
    uint8_t text[NAME_SIZE_MAX];
    size_t size = 0;
    enum sp_err err;

    if (utf8 == NULL || utf8[0] == '\0')
        return;
    err = text_utf16le_from_utf8(utf8, text, sizeof(text), &size);
    if (err != SP_OK)
        wr_refuse(w, err, "AV_PAIR name", id, 0);
    ntlm_av_write(w, id, text, size);
}

static void put_u64le(uint8_t out[8], uint64_t v)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (uint8_t)(v >> 8 * i);
}

enum sp_err ntlm_target_info_write(struct wr *w, const struct ntlm_names *names, uint64_t now)
{
    uint8_t timestamp[8];

    put_u64le(timestamp, now);
    write_text(w, MsvAvNbDomainName, names->nb_domain);
    write_text(w, MsvAvNbComputerName, names->nb_computer);
    write_text(w, MsvAvDnsDomainName, names->dns_domain);
    write_text(w, MsvAvDnsComputerName, names->dns_computer);
    ntlm_av_write(w, MsvAvTimestamp, timestamp, sizeof(timestamp));
    ntlm_av_write(w, MsvAvEOL, NULL, 0);
    return w->fail.code;
}

/* Copy the server's pairs except those that the client owns. */
static enum sp_err copy_pairs(struct wr *w, struct rd pairs, uint32_t *flags)
{
    struct ntlm_av av = {.id = MsvAvEOL};

    while (pairs.left > 0) {
        if (ntlm_av_next(&pairs, &av) != SP_OK)
            return wr_refuse(w, pairs.fail.code, pairs.fail.where, pairs.fail.got, pairs.fail.want);
        if (av.id == MsvAvEOL)
            break;
        if (av.id == MsvAvFlags && av.value.left == 4)
            *flags |= rd_u32le(&av.value, "MsvAvFlags");
        else if (av.id != MsvAvFlags && av.id != MsvAvTargetName && av.id != MsvAvChannelBindings)
            ntlm_av_write(w, av.id, av.value.at, av.value.left);
    }
    return w->fail.code;
}

enum sp_err ntlm_target_info_augment(struct wr *w, struct rd target_info, const char *spn)
{
    static const uint8_t no_bindings[16]; /* inside CredSSP pubKeyAuth is the binding */
    uint32_t flags = NTLM_AV_FLAG_MIC;

    if (copy_pairs(w, target_info, &flags) != SP_OK)
        return w->fail.code;
    wr_u16le(w, MsvAvFlags);
    wr_u16le(w, sizeof(flags));
    wr_u32le(w, flags);
    ntlm_av_write(w, MsvAvChannelBindings, no_bindings, sizeof(no_bindings));
    write_text(w, MsvAvTargetName, spn);
    ntlm_av_write(w, MsvAvEOL, NULL, 0);
    return w->fail.code;
}

enum sp_err ntlmv2_response_read(struct rd nt, struct ntlmv2_response *out, struct sp_fail *fail)
{
    struct ntlmv2_response v = {0};
    struct ntlm_av av = {.id = MsvAvTimestamp};

    if (nt.left > NTLM_NT_RESPONSE_MAX)
        rd_refuse(&nt, SP_ELIMIT, "NTLMv2_RESPONSE", (uint32_t)nt.left, NTLM_NT_RESPONSE_MAX);
    if (nt.left < NTLM_NT_RESPONSE_MIN)
        rd_refuse(&nt, SP_ESHORT, "NTLMv2_RESPONSE", (uint32_t)nt.left, NTLM_NT_RESPONSE_MIN);
    rd_copy(&nt, v.proof, sizeof(v.proof), "NTLMv2_RESPONSE.Response");
    v.temp = nt;
    rd_want(&nt, "NTLMv2_CLIENT_CHALLENGE.RespType", rd_u8(&nt, "RespType"), 1);
    rd_want(&nt, "NTLMv2_CLIENT_CHALLENGE.HiRespType", rd_u8(&nt, "HiRespType"), 1);
    rd_skip(&nt, 6, "NTLMv2_CLIENT_CHALLENGE.Reserved");
    v.timestamp = rd_u64le(&nt, "NTLMv2_CLIENT_CHALLENGE.TimeStamp");
    rd_copy(&nt, v.client_challenge, sizeof(v.client_challenge), "ChallengeFromClient");
    rd_skip(&nt, 4, "NTLMv2_CLIENT_CHALLENGE.Reserved3");
    v.av_pairs = nt;
    while (rd_ok(&nt) && av.id != MsvAvEOL) {
        if (ntlm_av_next(&nt, &av) != SP_OK)
            break;
    }
    if (!rd_ok(&nt))
        return sp_fail_set(fail, nt.fail.code, nt.fail.where, nt.fail.got, nt.fail.want);
    v.av_pairs.left -= nt.left; /* what follows the end of the list is padding */
    *out = v;
    return SP_OK;
}

static enum sp_err denied(struct sp_fail *fail, const char *where, uint32_t got, uint32_t want)
{
    return sp_fail_set(fail, SP_EDENIED, where, got, want);
}

/* What needs no look into the response: flags, user, kind of response, session key. */
static enum sp_err check_shape(const struct ntlm_authenticate *a, struct sp_fail *fail)
{
    size_t nt = a->nt_response.left;
    size_t key = a->encrypted_random_session_key.left;

    if ((a->flags & NTLM_FLAGS_REQUIRED) != NTLM_FLAGS_REQUIRED)
        return denied(fail, "AUTHENTICATE.NegotiateFlags", a->flags, NTLM_FLAGS_REQUIRED);
    if (a->flags & NTLMSSP_ANONYMOUS)
        return denied(fail, "NTLMSSP_ANONYMOUS", a->flags, 0);
    if (a->user.left == 0)
        return denied(fail, "AUTHENTICATE.UserName", 0, 2);
    if (nt <= RESPONSE_NTLMV1_SIZE) /* none, LM alone, or NTLMv1 */
        return denied(fail, "AUTHENTICATE.NtChallengeResponse", (uint32_t)nt, NTLM_NT_RESPONSE_MIN);
    if (key != NTLM_KEY_SIZE)
        return denied(fail, "AUTHENTICATE.EncryptedRandomSessionKey", (uint32_t)key, NTLM_KEY_SIZE);
    return SP_OK;
}

/* MS-NLMP 3.1.5.1.2: the client copies the server's pairs; a relay that strips some shows here. */
static enum sp_err check_pairs_returned(struct rd sent, struct rd got, struct sp_fail *fail)
{
    struct ntlm_av av;

    while (ntlm_av_next(&sent, &av) == SP_OK && av.id != MsvAvEOL) {
        struct rd value;

        if (!ntlm_av_find(got, av.id, &value) || value.left != av.value.left ||
            memcmp(value.at, av.value.at, value.left) != 0)
            return sp_fail_set(fail, SP_EVALUE, "NTLMv2_CLIENT_CHALLENGE.AvPairs", av.id, 0);
    }
    return SP_OK;
}

static void collect_facts(const struct ntlmv2_response *v, uint32_t av_flags,
                          struct ntlm_facts *out)
{
    static const uint8_t zero[16];
    struct rd bindings;

    *out = (struct ntlm_facts){.timestamp = v->timestamp};
    out->is_spn_untrusted = av_flags & NTLM_AV_FLAG_UNTRUSTED_SPN;
    out->has_spn = ntlm_av_find(v->av_pairs, MsvAvTargetName, &out->spn) && out->spn.left > 0;
    if (!ntlm_av_find(v->av_pairs, MsvAvChannelBindings, &bindings) ||
        bindings.left != sizeof(zero) || sp_equal_ct(bindings.at, zero, sizeof(zero)))
        return;
    out->has_channel_bindings = true;
    rd_copy(&bindings, out->channel_bindings, sizeof(out->channel_bindings), "bindings");
}

enum sp_err ntlm_authenticate_check(const struct ntlm_authenticate *a, struct rd target_info,
                                    struct ntlm_facts *out, struct sp_fail *fail)
{
    struct ntlmv2_response v;
    struct rd value;
    uint32_t av_flags;
    enum sp_err err = check_shape(a, fail);

    if (err == SP_OK)
        err = ntlmv2_response_read(a->nt_response, &v, fail);
    if (err == SP_OK)
        err = check_pairs_returned(target_info, v.av_pairs, fail);
    if (err != SP_OK)
        return err;
    if (!ntlm_av_find(v.av_pairs, MsvAvFlags, &value) || value.left != 4)
        return denied(fail, "MsvAvFlags", 0, NTLM_AV_FLAG_MIC);
    av_flags = rd_u32le(&value, "MsvAvFlags");
    if (!(av_flags & NTLM_AV_FLAG_MIC)) /* our timestamp made it a MUST: CVE-2019-1040 */
        return denied(fail, "MsvAvFlags", av_flags, NTLM_AV_FLAG_MIC);
    if (!a->has_mic)
        return denied(fail, "AUTHENTICATE.MIC", 0, NTLM_KEY_SIZE);
    collect_facts(&v, av_flags, out);
    return SP_OK;
}
