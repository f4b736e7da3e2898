/* SPDX-License-Identifier: Apache-2.0
 * sallyport-directory: started by keeper, for nobody else.
 */
#include <stdio.h>
#include <string.h>

#include "directory/directory.h"

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--role=directory") == 0)
        return directory_main();
    fputs("sallyport-directory: this is started by the service itself; use: sallyport serve\n",
          stderr);
    return 2;
}
