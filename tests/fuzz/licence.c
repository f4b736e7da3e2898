/* SPDX-License-Identifier: Apache-2.0
 * Fuzz licensing: a PDU that is whole is not whole one byte earlier.
 */
#include "rdp/licence.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct licence_pdu pdu;
    struct rd r;

    rd_init(&r, data, size);
    if (licence_read(&r, &pdu) != SP_OK)
        return 0;
    SP_BUG(r.left != 0);
    SP_BUG(pdu.type != LICENSE_ERROR_ALERT && (pdu.error_code != 0 || pdu.state_transition != 0));
    SP_BUG(licence_errinfo(pdu.error_code) < 0x100 || licence_errinfo(pdu.error_code) > 0x10A);
    rd_init(&r, data, size - 1);
    SP_BUG(licence_read(&r, &pdu) == SP_OK);
    return 0;
}
