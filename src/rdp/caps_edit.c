/* SPDX-License-Identifier: Apache-2.0
 * The splice's edits of capability sets on their way between the legs.
 *
 * The sets are copied as they came, without those that are gated; then single fields of the copy
 * are changed in place.
 */
#include "rdp/caps.h"
#include "rdp/share.h"

#define SET_HEADER_SIZE 4
#define SESSION_ID_SIZE 4

/* Offsets in the sets, from behind their 4-byte header. */
#define GENERAL_EXTRA_FLAGS    10
#define BITMAP_BITS_PER_PIXEL  0
#define BITMAP_WIDTH           8
#define BITMAP_HEIGHT          10
#define VCHANNEL_FLAGS         0
#define VCHANNEL_CHUNK_SIZE    4
#define MULTIFRAGMENT_MAX_SIZE 0
#define BITMAPCACHE_FLAGS      0
#define SHARE_NODE_ID          0

struct edit {
    const struct caps_policy *policy;
    struct caps_facts facts;
    bool is_confirm;
    struct rd *payload; /* takes the failures of sets that are too small */
    struct wr *out;
    size_t at; /* where the data of the set under edit stands in out */
};

static uint16_t set_u16(const struct rd *data, size_t offset)
{
    struct rd copy = *data;

    rd_skip(&copy, offset, "TS_CAPS_SET");
    return rd_u16le(&copy, "TS_CAPS_SET");
}

static uint32_t set_u32(const struct rd *data, size_t offset)
{
    struct rd copy = *data;

    rd_skip(&copy, offset, "TS_CAPS_SET");
    return rd_u32le(&copy, "TS_CAPS_SET");
}

/* True, or a failure in the payload, if the set has at least size bytes of data. */
static bool require(struct edit *e, const struct caps_set *set, size_t size, const char *where)
{
    if (set->data.left >= size)
        return true;
    rd_refuse(e->payload, SP_ESHORT, where, (uint32_t)set->data.left, (uint32_t)size);
    return false;
}

static void edit_general(struct edit *e, const struct caps_set *set)
{
    uint16_t flags;

    if (!require(e, set, GENERAL_EXTRA_FLAGS + 2, "TS_GENERAL_CAPABILITYSET.extraFlags"))
        return;
    flags = set_u16(&set->data, GENERAL_EXTRA_FLAGS);
    if (!e->policy->allow_autoreconnect)
        flags &= (uint16_t)~AUTORECONNECT_SUPPORTED;
    wr_patch_u16le(e->out, e->at + GENERAL_EXTRA_FLAGS, flags);
    e->facts.general_extra_flags = flags;
}

static void note_bitmap(struct edit *e, const struct caps_set *set)
{
    if (!require(e, set, BITMAP_HEIGHT + 2, "TS_BITMAP_CAPABILITYSET.desktopHeight"))
        return;
    e->facts.bits_per_pixel = set_u16(&set->data, BITMAP_BITS_PER_PIXEL);
    e->facts.width = set_u16(&set->data, BITMAP_WIDTH);
    e->facts.height = set_u16(&set->data, BITMAP_HEIGHT);
}

/* Compression is per direction and for all channels at once, and we look into some: never. */
static void edit_virtual_channel(struct edit *e, const struct caps_set *set)
{
    bool has_size = set->data.left >= VCHANNEL_CHUNK_SIZE + 4;
    uint32_t size = has_size ? set_u32(&set->data, VCHANNEL_CHUNK_SIZE) : CAPS_CHUNK_DEFAULT;

    if (!require(e, set, VCHANNEL_FLAGS + 4, "TS_VIRTUALCHANNEL_CAPABILITYSET.flags"))
        return;
    if (size < CAPS_CHUNK_DEFAULT)
        size = CAPS_CHUNK_DEFAULT;
    if (size > CAPS_CHUNK_MAX)
        size = CAPS_CHUNK_MAX;
    wr_patch_u32le(e->out, e->at + VCHANNEL_FLAGS, 0);
    /* Only the server's size means something (2.2.7.1.10); the client's stays as it is. */
    if (has_size && !e->is_confirm)
        wr_patch_u32le(e->out, e->at + VCHANNEL_CHUNK_SIZE, size);
    e->facts.vc_chunk_size = (uint16_t)size;
}

static void edit_multifragment(struct edit *e, const struct caps_set *set)
{
    uint32_t size;

    if (!require(e, set, MULTIFRAGMENT_MAX_SIZE + 4,
                 "TS_MULTIFRAGMENTUPDATE_CAPABILITYSET.MaxRequestSize"))
        return;
    size = set_u32(&set->data, MULTIFRAGMENT_MAX_SIZE);
    if (e->is_confirm && size > CAPS_MAX_REQUEST_SIZE)
        size = CAPS_MAX_REQUEST_SIZE;
    wr_patch_u32le(e->out, e->at + MULTIFRAGMENT_MAX_SIZE, size);
    e->facts.max_request_size = size;
}

static void edit_bitmap_cache(struct edit *e, const struct caps_set *set)
{
    uint16_t flags;

    if (!require(e, set, BITMAPCACHE_FLAGS + 2, "TS_BITMAPCACHE_CAPABILITYSET_REV2.CacheFlags") ||
        e->policy->allow_persistent_keys)
        return;
    flags = set_u16(&set->data, BITMAPCACHE_FLAGS);
    wr_patch_u16le(e->out, e->at + BITMAPCACHE_FLAGS,
                   flags & (uint16_t)~PERSISTENT_KEYS_EXPECTED_FLAG);
}

static void edit_share(struct edit *e, const struct caps_set *set)
{
    if (!require(e, set, SHARE_NODE_ID + 2, "TS_SHARE_CAPABILITYSET.nodeID"))
        return;
    wr_patch_u16le(e->out, e->at + SHARE_NODE_ID, e->is_confirm ? 0 : SHARE_SERVER_CHANNEL);
}

static void edit_set(struct edit *e, const struct caps_set *set)
{
    switch (set->type) {
    case CAPSTYPE_GENERAL:
        edit_general(e, set);
        return;
    case CAPSTYPE_BITMAP:
        note_bitmap(e, set);
        return;
    case CAPSTYPE_VIRTUALCHANNEL:
        edit_virtual_channel(e, set);
        return;
    case CAPSETTYPE_MULTIFRAGMENTUPDATE:
        edit_multifragment(e, set);
        return;
    case CAPSTYPE_BITMAPCACHE_REV2:
        edit_bitmap_cache(e, set);
        return;
    case CAPSTYPE_SHARE:
        edit_share(e, set);
        return;
    case CAPSETTYPE_SURFACE_COMMANDS:
        e->facts.has_surface_commands = true;
        return;
    case CAPSETTYPE_BITMAP_CODECS:
        e->facts.has_bitmap_codecs = true;
        return;
    case CAPSSETTYPE_FRAME_ACKNOWLEDGE:
        e->facts.has_frame_acknowledge = true;
        return;
    default:
        return;
    }
}

static bool is_gated(const struct caps_policy *policy, uint16_t type)
{
    return (type == CAPSTYPE_RAIL || type == CAPSTYPE_WINDOW) && !policy->allow_remoteapp;
}

static void drop_gated(struct edit *e, struct active_pdu *pdu)
{
    uint16_t kept = 0;

    for (uint16_t i = 0; i < pdu->set_count; i++) {
        if (!is_gated(e->policy, pdu->sets[i].type))
            pdu->sets[kept++] = pdu->sets[i];
    }
    e->facts.sets_dropped = (uint16_t)(pdu->set_count - kept);
    pdu->set_count = kept;
}

/* The sets stand at the end of the PDU, before the session id that only Demand Active has. */
static void edit_copy(struct edit *e, const struct active_pdu *pdu)
{
    size_t end = e->out->pos - (pdu->is_confirm ? 0 : SESSION_ID_SIZE);

    for (uint16_t i = 0; i < pdu->set_count; i++)
        end -= pdu->sets[i].data.left + SET_HEADER_SIZE;
    e->at = end;
    for (uint16_t i = 0; i < pdu->set_count && rd_ok(e->payload); i++) {
        e->at += SET_HEADER_SIZE;
        edit_set(e, &pdu->sets[i]);
        e->at += pdu->sets[i].data.left;
    }
}

static enum sp_err edit_and_write(struct edit *e, struct active_pdu *pdu, struct caps_facts *facts)
{
    const struct sp_fail *fail = &e->payload->fail;

    e->facts.share_id = pdu->share_id;
    e->facts.vc_chunk_size = CAPS_CHUNK_DEFAULT;
    drop_gated(e, pdu);
    active_pdu_write(e->out, pdu);
    if (!wr_ok(e->out))
        return e->out->fail.code;
    edit_copy(e, pdu);
    if (!rd_ok(e->payload)) /* what was written must not be sent */
        return wr_refuse(e->out, fail->code, fail->where, fail->got, fail->want);
    *facts = e->facts;
    return SP_OK;
}

enum sp_err demand_active_edit(struct rd *payload, const struct caps_policy *policy, struct wr *out,
                               struct caps_facts *facts)
{
    struct edit e = {.policy = policy, .payload = payload, .out = out};
    struct active_pdu pdu;
    enum sp_err err = demand_active_read(payload, &pdu);

    if (err != SP_OK)
        return err;
    return edit_and_write(&e, &pdu, facts);
}

enum sp_err confirm_active_edit(struct rd *payload, const struct caps_policy *policy,
                                uint16_t back_user_id, struct wr *out, struct caps_facts *facts)
{
    struct edit e = {.policy = policy, .payload = payload, .out = out, .is_confirm = true};
    struct active_pdu pdu;
    enum sp_err err = confirm_active_read(payload, &pdu);

    if (err != SP_OK)
        return err;
    pdu.pdu_source = back_user_id;
    return edit_and_write(&e, &pdu, facts);
}
