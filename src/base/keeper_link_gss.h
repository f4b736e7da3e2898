/* SPDX-License-Identifier: Apache-2.0
 * A session's verbs for Kerberos: a context that lives in directory, behind keeper.
 */
#ifndef SP_BASE_KEEPER_LINK_GSS_H
#define SP_BASE_KEEPER_LINK_GSS_H

#include "base/ipc_directory.h"
#include "base/keeper_link.h"

#define KEEPER_GSS_MS 15000 /* keeper refuses before */

/*
 * Ask one question about this connection's security context.
 * type     IPC_GSS_STEP_REQ, IPC_GSS_UNWRAP_REQ or IPC_GSS_WRAP_REQ
 * version  the client's CredSSP version for a step, else 0
 * out      the caller wipes it; its size is at most IPC_GSS_TOKEN_MAX
 * Errors:  SP_ELIMIT data is too long; SP_ETIME; SP_ECLOSED; SP_EVALUE
 */
SP_MUST_USE enum sp_err keeper_gss(struct keeper_link *k, uint32_t type, uint32_t version,
                                   const uint8_t *data, size_t size, struct ipc_gss_rsp *out);

#endif
