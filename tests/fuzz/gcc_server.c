/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the server's GCC data: what was read, written again, reads the same.
 */
#include <string.h>

#include "rdp/gcc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Read and write again; 0 when refused. */
static size_t rewrite(const uint8_t *data, size_t size, uint8_t *out, size_t out_size)
{
    struct gcc_server pdu;
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    if (gcc_server_read(&r, &pdu) != SP_OK) {
        SP_BUG(r.fail.where == NULL);
        return 0;
    }
    SP_BUG(r.left != 0);
    wr_init(&w, out, out_size);
    SP_BUG(pdu.channel_count > GCC_CHANNEL_COUNT_MAX || pdu.io_channel < 1001);
    SP_BUG(gcc_server_write(&w, &pdu) != SP_OK);
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
