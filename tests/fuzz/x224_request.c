/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the Connection Request: what was read, written again, reads the same.
 */
#include <string.h>

#include "rdp/x224.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read and write again; 0 when refused. */
static size_t rewrite(const uint8_t *data, size_t size, uint8_t *out, size_t out_size)
{
    struct x224_connection_request pdu;
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    if (x224_connection_request_read(&r, &pdu) != SP_OK) {
        SP_BUG(r.fail.where == NULL);
        return 0;
    }
    SP_BUG(r.left != 0);
    wr_init(&w, out, out_size);
    SP_BUG(strlen(pdu.cookie) >= sizeof(pdu.cookie) || pdu.token_size > sizeof(pdu.token));
    if (x224_connection_request_write(&w, &pdu) != SP_OK) {
        SP_BUG(w.fail.code != SP_EVALUE); /* a lone CR or LF is read, but we send none */
        return 0;
    }
    return w.pos;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t once[70000], twice[70000];
    size_t size_once = 0, size_twice = 0;

    if (size > 60000) /* our own envelope may be a little larger */
        return 0;
    size_once = rewrite(data, size, once, sizeof(once));
    if (size_once == 0)
        return 0;
    size_twice = rewrite(once, size_once, twice, sizeof(twice));
    SP_BUG(size_once != size_twice || memcmp(once, twice, size_once) != 0);
    return 0;
}
