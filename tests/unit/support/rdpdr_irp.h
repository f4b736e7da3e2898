/* SPDX-License-Identifier: Apache-2.0
 * Requests of a target and completions of a client, for the tests of the device filter.
 */
#ifndef SP_TEST_RDPDR_IRP_H
#define SP_TEST_RDPDR_IRP_H

#include "support/svc_lab.h"

/* One lab for the tests of a program. */
extern struct svc_lab lab;

/* Start a filter, announce the server, and forget what arrived. */
void irp_start(uint32_t drives, uint32_t devices);

/* Send tests/vectors/rdpdr/NAME.hex. */
enum svc_verdict irp_vector(enum channel_direction direction, const char *name);

/* The client announces one device "X:" or "PRN1". */
void irp_announce(uint32_t type, uint32_t id);

/* A request with a body behind its 24 bytes; file and completion number as given. */
enum svc_verdict irp_request(uint32_t device, uint32_t file, uint32_t completion, uint32_t major,
                             uint32_t minor, const void *body, size_t size);

/* A CREATE; path is ASCII, with its NUL sent too. */
enum svc_verdict irp_create(uint32_t device, uint32_t completion, uint32_t access,
                            uint32_t disposition, uint32_t options, const char *path);

/* A READ or WRITE; data is NULL for READ. */
enum svc_verdict irp_transfer(uint32_t device, uint32_t file, uint32_t completion, uint64_t offset,
                              uint32_t length, const void *data, size_t size);

/* A completion with a u32 and then data. */
enum svc_verdict irp_complete(uint32_t device, uint32_t completion, uint32_t status, uint32_t value,
                              const void *data, size_t size);

/* Open a file: CREATE and its completion with this number; what arrived is forgotten. */
void irp_open(uint32_t device, uint32_t file, uint32_t access, const char *path);

/* Close it. */
void irp_close(uint32_t device, uint32_t file);

/* The one thing that happened is a completion to the target with ACCESS_DENIED, of this size. */
void irp_expect_denied(uint32_t completion, size_t size);

#endif
