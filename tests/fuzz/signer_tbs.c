/* SPDX-License-Identifier: Apache-2.0
 * Fuzz what keeper is asked to sign: whatever is accepted has one of five exact shapes, and a
 * second reading of the rules, by comparison instead of parsing, agrees.
 */
#include <string.h>

#include "base/err.h"
#include "keeper/signer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint16_t expected(const uint8_t *data, size_t size)
{
    static const uint8_t curves[3][4] = {{3, 0, 29, 32}, {3, 0, 23, 65}, {3, 0, 24, 97}};
    static const size_t sizes[3] = {100, 133, 165};
    uint8_t start[98];

    memset(start, 0x20, 64);
    memcpy(start + 64, "TLS 1.3, server CertificateVerify", 34);
    if ((size == 130 || size == 146) && memcmp(data, start, sizeof(start)) == 0)
        return 0x0304;
    for (int i = 0; i < 3; i++)
        if (size == sizes[i] && memcmp(data + 64, curves[i], 4) == 0 && (i == 0 || data[68] == 4))
            return 0x0303;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    SP_BUG(signer_tbs_version(data, size) != expected(data, size));
    return 0;
}
