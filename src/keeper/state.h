/* SPDX-License-Identifier: Apache-2.0
 * The state folder and the certificate in it: made on the first start, private, ours.
 */
#ifndef SP_KEEPER_STATE_H
#define SP_KEEPER_STATE_H

#include <stddef.h>

#include "base/boot.h"
#include "base/err.h"
#include "keeper/config.h"
#include "keeper/signer.h"

#define STATE_ERROR_SIZE 2048

/*
 * Make the state folder, or check the one that is there; started as root it is given to run_as.
 * error    STATE_ERROR_SIZE bytes: what failed and what to do
 * Errors:  SP_ESYS; SP_EDENIED it is somebody else's
 */
SP_MUST_USE enum sp_err state_prepare(const struct config *config, char *error);

/*
 * Open a folder inside the state folder, and make it if there is none; started as root it is given
 * to run_as.
 * error    STATE_ERROR_SIZE bytes
 * Returns  its descriptor (close-on-exec), or -1
 */
int state_folder(const struct config *config, const char *name, char *error);

/*
 * Load the certificate's key and its chain into boot->pem; without a configured certificate one is
 * generated and kept in the state folder.
 * signer   written only on SP_OK; for signer_free
 * Errors:  any; error is filled
 */
SP_MUST_USE enum sp_err state_certificate(const struct config *config, struct boot_config *boot,
                                          struct signer **signer, char *error);

/*
 * Read a whole file of at most max bytes.
 * Returns  heap text, NUL-terminated, *size without the NUL; or NULL with errno
 */
char *state_read_file(const char *path, size_t max, size_t *size);

#endif
