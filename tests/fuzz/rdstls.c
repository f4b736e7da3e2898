/* SPDX-License-Identifier: Apache-2.0
 * RDSTLS in both roles: nobody is admitted but with the ticket's bytes, and sizes agree.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "rdp/rdstls.h"

static void make_ticket(struct rdstls_login *ticket)
{
    memset(ticket, 0, sizeof(*ticket));
    ticket->guid.size = 10;
    memcpy(ticket->guid.bytes, "Q\0U\0J\0D\0\0\0", 10);
    ticket->user.size = 4;
    memcpy(ticket->user.bytes, "a\0l\0", 4);
    ticket->domain.size = 2;
    memcpy(ticket->domain.bytes, "D\0", 2);
    ticket->password.size = 3;
    memcpy(ticket->password.bytes, "\x01\x02\x03", 3);
}

static void as_server(const uint8_t *data, size_t size, const struct rdstls_login *ticket)
{
    static uint8_t out[RDSTLS_SIZE_MAX], again[RDSTLS_SIZE_MAX];
    struct rdstls_server server = {0};
    struct rdstls_client client = {0};
    struct rdstls_login read;
    struct wr w;
    struct rd r, caps;

    wr_init(&w, out, sizeof(out));
    SP_BUG(rdstls_server_begin(&server, &w) != SP_OK);
    rd_init(&caps, out, w.pos);
    rd_init(&r, data, size);
    if (rdstls_request_read(&r, &read) != SP_OK || read.guid.size == 0 || read.password.size == 0)
        SP_BUG(server.is_admitted);
    else {
        wr_init(&w, again, sizeof(again));
        SP_BUG(rdstls_client_answer(&client, &caps, &read, &w) != SP_OK);
        SP_BUG(w.pos != size || memcmp(again, data, size) != 0);
    }
    rd_init(&r, data, size);
    wr_init(&w, out, sizeof(out));
    enum sp_err err = rdstls_server_answer(&server, &r, ticket, &w);
    SP_BUG((err == SP_OK) != server.is_admitted);
    SP_BUG(err == SP_OK && memcmp(&read, ticket, sizeof(read)) != 0);
    SP_BUG(err != SP_OK && err != SP_EDENIED && w.pos != 0);
}

static void as_client(const uint8_t *data, size_t size, const struct rdstls_login *login)
{
    static uint8_t out[RDSTLS_SIZE_MAX];
    struct rdstls_client client = {0};
    size_t first = size < 8 ? size : 8;
    struct wr w;
    struct rd r;

    wr_init(&w, out, sizeof(out));
    rd_init(&r, data, first);
    if (rdstls_client_answer(&client, &r, login, &w) != SP_OK) {
        SP_BUG(w.pos != 0);
        return;
    }
    rd_init(&r, data + first, size - first);
    if (rdstls_client_result(&client, &r) == SP_OK)
        SP_BUG(size != 18 || data[14] != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rdstls_login ticket;
    size_t whole;

    make_ticket(&ticket);
    as_server(data, size, &ticket);
    as_client(data, size, &ticket);
    for (int role = RDSTLS_CLIENT; role <= RDSTLS_SERVER; role++)
        if (rdstls_size((enum rdstls_role)role, data, size, &whole, NULL) == SP_OK)
            SP_BUG(whole > RDSTLS_SIZE_MAX);
    return 0;
}
