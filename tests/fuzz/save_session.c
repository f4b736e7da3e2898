/* SPDX-License-Identifier: Apache-2.0
 * Fuzz Save Session Info: what goes to the client names what the client typed, without cookie.
 */
#include <string.h>

#include "rdp/save_session.h"
#include "rdp/share.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct save_session_info read_back(const uint8_t *data, size_t size)
{
    struct save_session_info info;
    struct share_data share;
    struct share_pdu pdu;
    struct rd r;

    rd_init(&r, data, size);
    SP_BUG(share_next(&r, &pdu) != SP_OK || r.left != 0);
    SP_BUG(share_data_read(&pdu.body, &share) != SP_OK);
    SP_BUG(save_session_info_read(&share.body, &info) != SP_OK);
    return info;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t domain[] = {'D', 0};
    static const uint8_t user[] = {'u', 0, 's', 0};
    static const uint8_t no_cookie[ARC_COOKIE_RANDOM_SIZE];
    struct save_session_info info;
    uint8_t out[2048];
    struct rd r;
    struct wr w;

    rd_init(&r, data, size);
    wr_init(&w, out, sizeof(out));
    if (save_session_info_rewrite(&r, domain, sizeof(domain), user, sizeof(user), true, &w) !=
        SP_OK) {
        SP_BUG(w.pos != 0);
        return 0;
    }
    info = read_back(out, w.pos);
    SP_BUG((info.fields_present & LOGON_EX_AUTORECONNECTCOOKIE) != 0);
    SP_BUG(memcmp(info.arc_random_bits, no_cookie, sizeof(no_cookie)) != 0);
    if (info.info_type > INFOTYPE_LOGON_LONG)
        return 0;
    SP_BUG(info.domain_size != sizeof(domain) || memcmp(info.domain, domain, sizeof(domain)) != 0);
    SP_BUG(info.user_size != sizeof(user) || memcmp(info.user, user, sizeof(user)) != 0);
    return 0;
}
