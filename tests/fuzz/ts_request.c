/* SPDX-License-Identifier: Apache-2.0
 * Fuzz TSRequest: what was read, written again, reads the same and is written the same.
 */
#include <string.h>

#include "rdp/credssp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void compare(bool has_a, const struct rd *a, bool has_b, const struct rd *b)
{
    SP_BUG(has_a != has_b);
    SP_BUG(has_a && (a->left != b->left || memcmp(a->at, b->at, a->left) != 0));
}

static void compare_all(const struct ts_request *a, const struct ts_request *b)
{
    SP_BUG(a->version != b->version || a->version < 2);
    compare(a->has_nego, &a->nego, b->has_nego, &b->nego);
    compare(a->has_auth_info, &a->auth_info, b->has_auth_info, &b->auth_info);
    compare(a->has_pub_key_auth, &a->pub_key_auth, b->has_pub_key_auth, &b->pub_key_auth);
    SP_BUG(a->has_error != b->has_error || a->error_code != b->error_code);
    SP_BUG(a->has_nonce != b->has_nonce || memcmp(a->nonce, b->nonce, sizeof(a->nonce)) != 0);
}

/* The frame's length is known from the first bytes and is that of the message. */
static void check_frame(const uint8_t *data, size_t size, bool is_read)
{
    struct sp_fail fail = {0};
    size_t total;
    enum sp_err err = ts_request_frame(data, size, &total, &fail);

    SP_BUG(is_read && (err != SP_OK || total != size));
    SP_BUG(total > TS_REQUEST_MAX);
    SP_BUG(err != fail.code);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[TS_REQUEST_MAX];
    struct ts_request req, again;
    struct rd r;
    struct wr w;
    enum sp_err err;

    rd_init(&r, data, size);
    err = ts_request_read(&r, &req);
    check_frame(data, size, err == SP_OK);
    if (err != SP_OK)
        return 0;
    wr_init(&w, out, sizeof(out));
    SP_BUG(ts_request_write(&w, &req) != SP_OK);
    rd_init(&r, out, w.pos);
    SP_BUG(ts_request_read(&r, &again) != SP_OK);
    compare_all(&req, &again);
    return 0;
}
