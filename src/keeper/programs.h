/* SPDX-License-Identifier: Apache-2.0
 * The executables beside our own: found and opened once, so that what runs is what was there at the
 * start, whatever becomes of the files.
 *
 * keeper and the command line are one program, with the libraries of a database, of documents and
 * of second factors. Who reads from the network is another, which links what it needs and no more.
 */
#ifndef SP_KEEPER_PROGRAMS_H
#define SP_KEEPER_PROGRAMS_H

#include <stddef.h>

#include "base/err.h"

/*
 * Open another executable of Sallyport's: beside this one, as in a build tree, or else in the
 * folder that the installation has for them.
 * name     "sallyport-net", …
 * error    error_size bytes: where it was looked for and what to do
 * Returns  an O_PATH descriptor (close-on-exec, above all numbers of base/boot.h), or -1
 */
int program_open(const char *name, char *error, size_t error_size);

#endif
