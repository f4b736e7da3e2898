/* SPDX-License-Identifier: Apache-2.0
 * Fuzz TSCredentials: a password that was read, written again, reads the same.
 */
#include <string.h>

#include "rdp/credssp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(const struct rd *a, const struct rd *b)
{
    SP_BUG(a->left % 2 != 0);
    SP_BUG(a->left != b->left || memcmp(a->at, b->at, a->left) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[TS_REQUEST_MAX];
    struct ts_credentials c, again;
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    if (ts_credentials_read(&r, &c) != SP_OK)
        return 0;
    SP_BUG(c.type != TS_CRED_PASSWORD && c.type != TS_CRED_SMARTCARD);
    if (c.type != TS_CRED_PASSWORD)
        return 0;
    wr_init(&w, out, sizeof(out));
    SP_BUG(ts_credentials_write(&w, &c.password) != SP_OK);
    rd_init(&r, out, w.pos);
    SP_BUG(ts_credentials_read(&r, &again) != SP_OK);
    compare(&c.password.domain, &again.password.domain);
    compare(&c.password.user, &again.password.user);
    compare(&c.password.password, &again.password.password);
    SP_BUG(c.password.is_empty != again.password.is_empty);
    return 0;
}
