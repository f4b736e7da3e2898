/* SPDX-License-Identifier: Apache-2.0
 * A licence server's messages, each behind its length, to a client with fixed randoms. What is
 * taken must have been asked for; what is written must be a licensing message.
 */
#include <string.h>

#include "base/err.h"
#include "rdp/licence_client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t out[LICENCE_MESSAGE_SIZE_MAX];

static void check_written(const struct wr *w)
{
    struct licence_pdu pdu;
    struct rd r;

    rd_init(&r, w->buf, w->pos);
    SP_BUG(licence_read(&r, &pdu) != SP_OK);
}

static void on_request(struct licence_client *c, struct rd *r, bool has_licence)
{
    static const uint8_t licence[] = "a licence";
    struct licence_request request;
    struct wr w;

    if (licence_request_read(r, &request) != SP_OK)
        return;
    wr_init(&w, out, sizeof(out));
    if (licence_client_begin(c, &request, licence, has_licence ? 9 : 0, &w) == SP_OK)
        check_written(&w);
}

static void on_message(struct licence_client *c, struct rd *r, uint8_t type, bool has_licence)
{
    static uint8_t licence[LICENCE_SIZE_MAX];
    char scope[LICENCE_SCOPE_TEXT_MAX];
    size_t used = 0;
    struct wr w;

    if (type == LICENSE_REQUEST) {
        on_request(c, r, has_licence);
    } else if (type == PLATFORM_CHALLENGE) {
        wr_init(&w, out, sizeof(out));
        if (licence_client_challenge(c, r, &w) == SP_OK)
            check_written(&w);
    } else if (licence_client_finish(c, r, scope, licence, &used) == SP_OK) {
        SP_BUG(used == 0 || used > sizeof(licence));
        SP_BUG(memchr(scope, '\0', sizeof(scope)) == NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct licence_client c = {.user = "worker", .machine = "gate"};
    bool has_licence = size % 2 == 1;

    memset(c.client_random, 0x11, sizeof(c.client_random));
    memset(c.premaster, 0x22, sizeof(c.premaster));
    c.premaster[LICENCE_PREMASTER_SIZE - 1] = 1;
    while (size >= 2) {
        size_t count = (size_t)data[0] | (size_t)data[1] << 8;
        struct rd r;

        data += 2;
        size -= 2;
        count = count < size ? count : size;
        rd_init(&r, data, count);
        on_message(&c, &r, count > 4 ? data[4] : 0, has_licence);
        data += count;
        size -= count;
    }
    return 0;
}
