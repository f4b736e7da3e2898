/* SPDX-License-Identifier: Apache-2.0
 * Client GCC data put together block by block.
 */
#include "support/gcc_request.h"

#include <stdlib.h>

#include "support/vector.h"

static uint8_t blocks[8192];

void gcc_request_block(struct wr *w, uint16_t type, size_t body_size)
{
    wr_u16le(w, type);
    wr_u16le(w, (uint16_t)(body_size + 4));
}

struct wr gcc_request_begin(size_t core_size)
{
    size_t size;
    uint8_t *lab = vector_load("gcc_client/lab.hex", &size);
    struct wr w;

    wr_init(&w, blocks, sizeof(blocks));
    gcc_request_block(&w, 0xc001, core_size - 4);
    wr_bytes(&w, lab + GCC_REQUEST_HEADER + 4, core_size - 4);
    gcc_request_block(&w, 0xc002, 8);
    wr_zero(&w, 8);
    free(lab);
    return w;
}

enum sp_err gcc_request_read(const struct wr *w, bool extended, struct gcc_client *out,
                             const char **where)
{
    static uint8_t buf[sizeof(blocks) + GCC_REQUEST_HEADER];
    static const uint8_t key[] = {0, 5, 0, 0x14, 0x7c, 0, 1};
    static const uint8_t head[] = {0, 8, 0, 0x10, 0, 1, 0xc0, 0, 'D', 'u', 'c', 'a'};
    struct wr whole;
    struct rd r;

    wr_init(&whole, buf, sizeof(buf));
    wr_bytes(&whole, key, sizeof(key));
    wr_u16be(&whole, (uint16_t)(0x8000 | (w->pos + 14)));
    wr_bytes(&whole, head, sizeof(head));
    wr_u16be(&whole, (uint16_t)(0x8000 | w->pos));
    wr_bytes(&whole, w->buf, w->pos);
    SP_BUG(!wr_ok(w) || !wr_ok(&whole));
    uint8_t *exact = vector_prefix(buf, whole.pos);
    rd_init(&r, exact, whole.pos);
    enum sp_err err = gcc_client_read(&r, extended, out);
    *where = r.fail.where;
    free(exact);
    return err;
}
