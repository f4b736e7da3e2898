/* SPDX-License-Identifier: Apache-2.0
 * The text of the commands for nftables; numbers and addresses only, nothing that anybody typed.
 */
#ifndef SP_FIREWALL_NFT_H
#define SP_FIREWALL_NFT_H

#include <stddef.h>

#include "base/err.h"
#include "base/ipc_firewall.h"

#define NFT_TEXT_SIZE 65536

/* Text that grows; is_full once something did not fit. */
struct nft_text {
    char text[NFT_TEXT_SIZE];
    size_t used;
    bool is_full;
};

/*
 * The command that makes the table anew.
 * Errors:  SP_EVALUE the table's name or a number of begin is not allowed
 */
SP_MUST_USE enum sp_err nft_begin(struct nft_text *out, const struct firewall_begin *begin);

/*
 * Add the command of one change.
 * Errors:  SP_EVALUE the change is not allowed; SP_ESPACE no room, nothing is added
 */
SP_MUST_USE enum sp_err nft_change(struct nft_text *out, const char *table,
                                   const struct firewall_change *change);

#endif
