/* SPDX-License-Identifier: Apache-2.0
 * Fuzz the PROXY header: what is whole has the size that its beginning tells, and is not whole one
 * byte earlier.
 */
#include "rdp/proxy_v2.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sp_fail fail = {0};
    struct proxy_v2 header;
    struct rd r;
    size_t told = 0;
    enum sp_err sized = proxy_v2_size(data, size, &told, &fail);

    SP_BUG(sized == SP_OK && told > PROXY_V2_SIZE_MAX);
    rd_init(&r, data, size);
    if (proxy_v2_read(&r, &header) != SP_OK)
        return 0;
    SP_BUG(sized != SP_OK || told != size);
    rd_init(&r, data, size - 1);
    SP_BUG(proxy_v2_read(&r, &header) != SP_ESHORT);
    return 0;
}
