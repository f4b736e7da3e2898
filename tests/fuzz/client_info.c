/* SPDX-License-Identifier: Apache-2.0
 * Fuzz Client Info: what was read, written again, reads the same.
 */
#include <string.h>

#include "rdp/info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct client_info info, again;
    uint8_t out[CLIENT_INFO_SIZE_MAX + 8]; /* an empty address may come without its NUL */
    struct rd r;
    struct wr w;

    memset(&info, 0, sizeof(info));
    memset(&again, 0, sizeof(again));
    rd_init(&r, data, size);
    if (client_info_read(&r, &info) != SP_OK)
        return 0;
    SP_BUG(r.left != 0);
    wr_init(&w, out, sizeof(out));
    client_info_write(&w, &info);
    SP_BUG(!wr_ok(&w) || w.pos < size);
    if (w.pos > CLIENT_INFO_SIZE_MAX)
        return 0;
    rd_init(&r, out, w.pos);
    SP_BUG(client_info_read(&r, &again) != SP_OK);
    SP_BUG(memcmp(&info, &again, sizeof(info)) != 0);
    return 0;
}
