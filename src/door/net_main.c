/* SPDX-License-Identifier: Apache-2.0
 * The program of those who touch the network: door, spawner with its sessions, dialer.
 *
 * keeper starts it; it is of no use to anybody else. It links libc, OpenSSL, libseccomp and nettle:
 * what is not in this process cannot be misused in it, and each fork has less to copy.
 */
#include <stdio.h>
#include <string.h>

#include "door/dialer.h"
#include "door/door.h"
#include "door/spawner.h"

#define USAGE 2

int main(int argc, char **argv)
{
    static const struct {
        const char *option;
        int (*run)(void);
    } roles[] = {{"--role=door", door_main},
                 {"--role=spawner", spawner_main},
                 {"--role=dialer", dialer_main}};

    for (size_t i = 0; argc == 2 && i < sizeof(roles) / sizeof(roles[0]); i++)
        if (strcmp(argv[1], roles[i].option) == 0)
            return roles[i].run();
    fputs("sallyport-net is a part of the service, which starts it; use: sallyport serve\n",
          stderr);
    return USAGE;
}
