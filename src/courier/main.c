/* SPDX-License-Identifier: Apache-2.0
 * sallyport-courier: started by keeper, for nobody else.
 */
#include <stdio.h>
#include <string.h>

#include "courier/courier.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--role=courier") == 0)
        return courier_main();
    fputs("sallyport-courier: this is started by the service itself; use: sallyport serve\n",
          stderr);
    return 2;
}
