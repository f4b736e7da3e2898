/* SPDX-License-Identifier: Apache-2.0
 * Bounded reader and writer: every access is checked here and nowhere else.
 */
#include "base/wire.h"

#include <string.h>

void rd_init(struct rd *r, const void *data, size_t size)
{
    *r = (struct rd){.start = data, .at = data, .left = size};
}

bool rd_ok(const struct rd *r)
{
    return r->fail.code == SP_OK;
}

size_t rd_pos(const struct rd *r)
{
    return (size_t)(r->at - r->start);
}

enum sp_err rd_refuse(struct rd *r, enum sp_err code, const char *where, uint32_t got,
                      uint32_t want)
{
    sp_fail_set(&r->fail, code, where, got, want);
    return r->fail.code;
}

static uint32_t clamp32(size_t n)
{
    return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

const uint8_t *rd_bytes(struct rd *r, size_t size, const char *where)
{
    const uint8_t *p = r->at;

    if (!rd_ok(r))
        return NULL;
    if (size > r->left) {
        rd_refuse(r, SP_ESHORT, where, clamp32(r->left), clamp32(size));
        return NULL;
    }
    if (size > 0) {
        r->at += size;
        r->left -= size;
    }
    return p;
}

uint8_t rd_u8(struct rd *r, const char *where)
{
    const uint8_t *p = rd_bytes(r, 1, where);

    return p != NULL ? p[0] : 0;
}

uint16_t rd_u16le(struct rd *r, const char *where)
{
    const uint8_t *p = rd_bytes(r, 2, where);

    if (p == NULL)
        return 0;
    return (uint16_t)(p[0] | p[1] << 8);
}

uint16_t rd_u16be(struct rd *r, const char *where)
{
    const uint8_t *p = rd_bytes(r, 2, where);

    if (p == NULL)
        return 0;
    return (uint16_t)(p[0] << 8 | p[1]);
}

uint32_t rd_u32le(struct rd *r, const char *where)
{
    const uint8_t *p = rd_bytes(r, 4, where);

    if (p == NULL)
        return 0;
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

uint32_t rd_u32be(struct rd *r, const char *where)
{
    const uint8_t *p = rd_bytes(r, 4, where);

    if (p == NULL)
        return 0;
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | (uint32_t)p[3];
}

uint64_t rd_u64le(struct rd *r, const char *where)
{
    uint64_t low = rd_u32le(r, where);

    return low | (uint64_t)rd_u32le(r, where) << 32;
}

void rd_copy(struct rd *r, void *dst, size_t size, const char *where)
{
    const uint8_t *p = rd_bytes(r, size, where);

    if (p != NULL && size > 0)
        memcpy(dst, p, size);
    else if (size > 0)
        memset(dst, 0, size);
}

void rd_skip(struct rd *r, size_t size, const char *where)
{
    (void)rd_bytes(r, size, where);
}

void rd_sub(struct rd *r, size_t size, struct rd *child, const char *where)
{
    const uint8_t *p = rd_bytes(r, size, where);

    rd_init(child, p, p != NULL ? size : 0);
    child->fail = r->fail;
}

void rd_want(struct rd *r, const char *where, uint32_t got, uint32_t want)
{
    if (got != want)
        rd_refuse(r, SP_EVALUE, where, got, want);
}

void rd_max(struct rd *r, const char *where, uint32_t got, uint32_t max)
{
    if (got > max)
        rd_refuse(r, SP_ELIMIT, where, got, max);
}

void rd_min(struct rd *r, const char *where, uint32_t got, uint32_t min)
{
    if (got < min)
        rd_refuse(r, SP_EVALUE, where, got, min);
}

void rd_end(struct rd *r, const char *where)
{
    if (rd_ok(r) && r->left != 0)
        rd_refuse(r, SP_ETRAIL, where, clamp32(r->left), 0);
}

void rd_adopt(struct rd *r, const struct rd *child)
{
    if (!rd_ok(child))
        rd_refuse(r, child->fail.code, child->fail.where, child->fail.got, child->fail.want);
}

void wr_init(struct wr *w, void *buf, size_t size)
{
    *w = (struct wr){.buf = buf, .size = size};
}

bool wr_ok(const struct wr *w)
{
    return w->fail.code == SP_OK;
}

enum sp_err wr_refuse(struct wr *w, enum sp_err code, const char *where, uint32_t got,
                      uint32_t want)
{
    sp_fail_set(&w->fail, code, where, got, want);
    return w->fail.code;
}

static uint8_t *wr_take(struct wr *w, size_t size)
{
    uint8_t *p = w->buf + w->pos;

    if (!wr_ok(w))
        return NULL;
    if (size > w->size - w->pos) {
        wr_refuse(w, SP_ESPACE, "output buffer", clamp32(size), clamp32(w->size - w->pos));
        return NULL;
    }
    w->pos += size;
    return p;
}

void wr_bytes(struct wr *w, const void *data, size_t size)
{
    uint8_t *p = wr_take(w, size);

    if (p != NULL && size > 0)
        memcpy(p, data, size);
}

void wr_zero(struct wr *w, size_t size)
{
    uint8_t *p = wr_take(w, size);

    if (p != NULL && size > 0)
        memset(p, 0, size);
}

void wr_u8(struct wr *w, uint8_t v)
{
    wr_bytes(w, &v, 1);
}

void wr_u16le(struct wr *w, uint16_t v)
{
    wr_bytes(w, (uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2);
}

void wr_u16be(struct wr *w, uint16_t v)
{
    wr_bytes(w, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

void wr_u32le(struct wr *w, uint32_t v)
{
    wr_u16le(w, (uint16_t)v);
    wr_u16le(w, (uint16_t)(v >> 16));
}

void wr_u32be(struct wr *w, uint32_t v)
{
    wr_u16be(w, (uint16_t)(v >> 16));
    wr_u16be(w, (uint16_t)v);
}

void wr_u64le(struct wr *w, uint64_t v)
{
    wr_u32le(w, (uint32_t)v);
    wr_u32le(w, (uint32_t)(v >> 32));
}

size_t wr_gap(struct wr *w, size_t size)
{
    size_t pos = w->pos;

    wr_zero(w, size);
    return pos;
}

static uint8_t *patch_at(struct wr *w, size_t pos, size_t size)
{
    SP_BUG(pos > w->pos || size > w->pos - pos);
    return w->buf + pos;
}

void wr_patch_u8(struct wr *w, size_t pos, uint8_t v)
{
    if (wr_ok(w))
        patch_at(w, pos, 1)[0] = v;
}

void wr_patch_u16le(struct wr *w, size_t pos, uint16_t v)
{
    if (!wr_ok(w))
        return;
    uint8_t *p = patch_at(w, pos, 2);
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}

void wr_patch_u16be(struct wr *w, size_t pos, uint16_t v)
{
    wr_patch_u16le(w, pos, (uint16_t)(v >> 8 | v << 8));
}

void wr_patch_u32le(struct wr *w, size_t pos, uint32_t v)
{
    wr_patch_u16le(w, pos, (uint16_t)v);
    if (wr_ok(w))
        wr_patch_u16le(w, pos + 2, (uint16_t)(v >> 16));
}
