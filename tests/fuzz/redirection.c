/* SPDX-License-Identifier: Apache-2.0
 * Fuzz Server Redirection: what was read, written again, reads the same.
 */
#include <string.h>

#include "rdp/redirection.h"
#include "rdp/share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum sp_err read_pdu(const uint8_t *data, size_t size, struct redirection *red)
{
    struct share_pdu pdu;
    struct rd r;

    rd_init(&r, data, size);
    if (share_next(&r, &pdu) != SP_OK)
        return r.fail.code;
    return redirection_read(&pdu.body, red);
}

static void compare(const struct redirection_field *a, const struct redirection_field *b)
{
    SP_BUG(a->size != b->size);
    SP_BUG(a->size > 0 && memcmp(a->data, b->data, a->size) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[32768];
    struct redirection red, again;
    struct wr w;

    if (read_pdu(data, size, &red) != SP_OK)
        return 0;
    SP_BUG(red.address_count > REDIRECTION_ADDRESS_COUNT);
    wr_init(&w, out, sizeof(out));
    redirection_write(&w, SHARE_SERVER_CHANNEL, &red);
    SP_BUG(!wr_ok(&w));
    SP_BUG(read_pdu(out, w.pos, &again) != SP_OK);
    SP_BUG(again.session_id != red.session_id || again.address_count != red.address_count);
    compare(&red.net_address, &again.net_address);
    compare(&red.load_balance_info, &again.load_balance_info);
    compare(&red.user, &again.user);
    compare(&red.domain, &again.domain);
    compare(&red.password, &again.password);
    compare(&red.fqdn, &again.fqdn);
    compare(&red.netbios, &again.netbios);
    compare(&red.tsv_url, &again.tsv_url);
    compare(&red.guid, &again.guid);
    compare(&red.certificate, &again.certificate);
    for (uint32_t i = 0; i < red.address_count; i++)
        compare(&red.addresses[i], &again.addresses[i]);
    return 0;
}
