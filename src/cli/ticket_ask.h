/* SPDX-License-Identifier: Apache-2.0
 * Asking for a ticket: shared by `sallyport ticket issue` and `sallyport rdp --ticket`.
 */
#ifndef SP_CLI_TICKET_ASK_H
#define SP_CLI_TICKET_ASK_H

#include "cli/args.h"

/* What was typed; NULL where it was not. */
struct ticket_order {
    const char *user, *target, *for_time, *from, *rdp, *address;
};

/* Ask for a ticket, print it, and write the .rdp file if order->rdp. Returns the exit status. */
int cli_ticket_issue(const struct cli_args *args, const struct ticket_order *order);

#endif
