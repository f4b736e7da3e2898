/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the clipboard filter between a client and a target: whatever both say, nothing that policy
 * forbids arrives, and what arrives is well-formed.
 */
#include "support/svc_lab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct svc_lab lab;

static uint32_t bit_of(enum cliprdr_kind kind)
{
    static const uint32_t bits[] = {0, SVC_CLIPBOARD_TEXT, SVC_CLIPBOARD_IMAGES,
                                    SVC_CLIPBOARD_FILES};

    return bits[kind];
}

static void check_list(const struct svc_lab *l, struct rd r, const struct cliprdr_header *header)
{
    bool is_long = (l->clip->owner[0].caps & l->clip->owner[1].caps & CB_USE_LONG_FORMAT_NAMES);
    struct cliprdr_format format;

    while (r.left > 0) {
        SP_BUG(cliprdr_format_next(&r, is_long, (header->msg_flags & CB_ASCII_NAMES) != 0,
                                   &format) != SP_OK);
        SP_BUG((l->clip->policy.clipboard_kinds & bit_of(cliprdr_format_kind(&format))) == 0);
    }
}

static void check_message(const struct svc_lab *l, enum channel_direction direction,
                          const struct lab_message *m)
{
    bool is_allowed = (l->clip->policy.clipboard & svc_way(direction)) != 0;
    struct cliprdr_header header;
    struct rd r;

    rd_init(&r, m->data, m->size);
    SP_BUG(cliprdr_header_read(&r, m->size, &header) != SP_OK);
    SP_BUG(header.msg_type == CB_TEMP_DIRECTORY);
    if (header.msg_type == CB_FORMAT_LIST) {
        SP_BUG(!is_allowed);
        check_list(l, r, &header);
    }
    if (header.msg_type == CB_FORMAT_DATA_RESPONSE || header.msg_type == CB_FILECONTENTS_RESPONSE)
        SP_BUG(!is_allowed && (header.msg_flags & CB_RESPONSE_FAIL) == 0);
}

static void check(const struct svc_lab *l)
{
    for (size_t i = 0; i < l->count[C2S]; i++)
        check_message(l, C2S, &l->messages[C2S][i]);
    for (size_t i = 0; i < l->count[S2C]; i++)
        check_message(l, S2C, &l->messages[S2C][i]);
}

/* Input: ways and kinds u8, then records as lab_replay reads them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct svc_transfer transfer;
    struct rd r;

    rd_init(&r, data, size);
    uint8_t choice = rd_u8(&r, "policy");
    const struct svc_policy policy = {.clipboard = choice & 3u,
                                      .clipboard_kinds = choice >> 2 & 7u};
    lab = (struct svc_lab){0};
    lab_clipboard(&lab, &policy);
    if (rd_ok(&r))
        lab_replay(&lab, &r, check);
    while (cliprdr_filter_end(lab.clip, &transfer))
        SP_BUG(transfer.kind != SVC_TRANSFER_CLIPBOARD_FILE);
    lab_clear(&lab);
    return 0;
}
