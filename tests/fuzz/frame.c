/* SPDX-License-Identifier: Apache-2.0
 * Fuzz message boundaries: once known, a length never changes as more bytes arrive. The first byte
 * chooses the kind.
 */
#include "rdp/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t first_known(enum rdp_frame_kind kind, const uint8_t *p, size_t size, enum sp_err *err)
{
    size_t found = 0;

    for (size_t have = 0; have <= size && found == 0; have++) {
        struct sp_fail fail = {0};

        *err = rdp_frame_size(kind, p, have, &found, &fail);
        SP_BUG(*err != fail.code);
        SP_BUG(have >= 4 && *err == SP_OK && found == 0);
        if (*err != SP_OK)
            return 0;
    }
    return found;
}

static void check_data(const uint8_t *p, size_t size)
{
    struct rd r, payload;
    bool disconnect = false;

    rd_init(&r, p, size);
    if (rdp_data_open(&r, &payload, &disconnect) != SP_OK)
        return;
    SP_BUG(disconnect ? payload.left != 0 : payload.at + payload.left != p + size);
    SP_BUG(!disconnect && payload.at != p + RDP_DATA_OFFSET);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum rdp_frame_kind kinds[] = {RDP_FRAME_TPKT, RDP_FRAME_TSREQUEST,
                                                RDP_FRAME_ACTIVE};
    enum sp_err err = SP_OK, whole_err = SP_OK;
    size_t found = 0, whole = 0;

    if (size == 0)
        return 0;
    enum rdp_frame_kind kind = kinds[data[0] % 3];
    found = first_known(kind, data + 1, size - 1, &err);
    whole_err = rdp_frame_size(kind, data + 1, size - 1, &whole, NULL);
    SP_BUG(whole_err != err || whole != found);
    SP_BUG(found > RDP_FRAME_SIZE_MAX);
    SP_BUG(kind == RDP_FRAME_TSREQUEST && found > TSREQUEST_SIZE_MAX);
    if (found > 0 && found <= size - 1)
        check_data(data + 1, found);
    return 0;
}
