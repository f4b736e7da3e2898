/* SPDX-License-Identifier: Apache-2.0
 * Licences that targets gave us: one small file each in state_dir/licences, 0600.
 *
 * The file's name is a hash of target and scope, so that no text of a peer becomes a path.
 */
#ifndef SP_KEEPER_LICENCES_H
#define SP_KEEPER_LICENCES_H

#include "base/err.h"
#include "base/ipc_msg.h"

#define LICENCE_HARDWARE_ID_SIZE 16

/*
 * Look up the licence for a target and scope.
 * out      size 0 if there is none; hardware_id is always filled in
 * Errors:  SP_ESYS it is there and cannot be read; SP_ELIMIT too large
 */
SP_MUST_USE enum sp_err licences_get(const char *state_dir, const char *target, const char *scope,
                                     struct ipc_licence_get_rsp *out);

/*
 * Keep a licence durably in place of the older one.
 * data     1 to IPC_LICENCE_MAX bytes
 * Errors:  SP_ESYS
 */
SP_MUST_USE enum sp_err licences_put(const char *state_dir, const char *target, const char *scope,
                                     const uint8_t *data, size_t size);

#endif
