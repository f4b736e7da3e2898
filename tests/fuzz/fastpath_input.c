/* SPDX-License-Identifier: Apache-2.0
 * Fuzz fast-path input: a PDU that is whole is not whole one byte earlier or later.
 */
#include <string.h>

#include "rdp/fastpath.h"

#define SIZE_LIMIT 0x8000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t longer[SIZE_LIMIT + 1];
    unsigned count;
    bool by_person;
    struct rd r;

    rd_init(&r, data, size);
    if (fastpath_input_check(&r, &count, &by_person) != SP_OK)
        return 0;
    SP_BUG(r.left != 0 || count > 255 || count * 7 + 4 < size);
    SP_BUG(by_person && count == 0);
    rd_init(&r, data, size - 1);
    SP_BUG(fastpath_input_check(&r, &count, &by_person) == SP_OK);
    memcpy(longer, data, size);
    rd_init(&r, longer, size + 1);
    SP_BUG(fastpath_input_check(&r, &count, &by_person) == SP_OK);
    return 0;
}
