/* SPDX-License-Identifier: Apache-2.0
 * What the parts of the device filter share: the table of devices, requests and completions.
 */
#ifndef SP_RDP_RDPDR_PRIV_H
#define SP_RDP_RDPDR_PRIV_H

#include "rdp/rdpdr.h"

/* A message of which the first chunk is here, or all of it. */
struct rdpdr_message {
    enum channel_direction direction;
    struct rdpdr_header header;
    struct rd body; /* what is here, behind the header */
    size_t total;
};

/* Take over a reader's failure as the reason of a refusal. */
enum sp_err rdpdr_fail(struct svc_out *out, const struct rd *r);

/* As rdpdr_fail, for a failure that is the mark of a known attack. */
enum sp_err rdpdr_exploit(struct svc_out *out, const struct rd *r, const char *name);

/* ---- rdpdr_devices.c ---- */

/* Find a device that passed; NULL if there is none. */
const struct rdpdr_known *rdpdr_device_find(const struct rdpdr_filter *f, uint32_t id);

/* Judge a gathered DR_CORE_DEVICELIST_ANNOUNCE_REQ; data is changed in place. */
enum sp_err rdpdr_device_list(struct rdpdr_filter *f, uint8_t *data, size_t size,
                              struct svc_out *out);

/* Judge a gathered DR_DEVICELIST_REMOVE; data is changed in place. */
enum sp_err rdpdr_device_remove(struct rdpdr_filter *f, uint8_t *data, size_t size,
                                struct svc_out *out);

/* ---- rdpdr_io.c ---- */

/* Judge the first chunk of a request of the target. */
enum sp_err rdpdr_request_first(struct rdpdr_filter *f, struct rdpdr_message *m,
                                enum svc_mode *mode, struct svc_out *out);

/* Judge a gathered request; data is lent to out if it passes. */
enum sp_err rdpdr_request_whole(struct rdpdr_filter *f, struct rdpdr_message *m,
                                const uint8_t *data, struct svc_out *out);

/* ---- rdpdr_open.c ---- */

/* Find an open file or job; RDPDR_NO_FILE if it is not known. */
uint32_t rdpdr_open_find(const struct rdpdr_filter *f, uint32_t device_id, uint32_t file_id);

/* Take an entry for a file that is being opened; RDPDR_NO_FILE if all are in use. */
uint32_t rdpdr_open_start(struct rdpdr_filter *f, const struct rdpdr_known *device,
                          const struct rdpdr_create *create);

/* A device went: records for what was open on it. */
void rdpdr_open_forget(struct rdpdr_filter *f, uint32_t device_id, struct svc_out *out);

/* Give an entry back without a record. */
void rdpdr_open_drop(struct rdpdr_filter *f, uint32_t open);

/*
 * Remember a request that passes.
 * length   see struct rdpdr_pending
 * Returns  false if too many are outstanding
 */
bool rdpdr_pending_add(struct rdpdr_filter *f, const struct rdpdr_request *request, uint32_t open,
                       uint32_t length, uint64_t offset);

/* Judge the first chunk of a completion of the client. */
enum sp_err rdpdr_completion_first(struct rdpdr_filter *f, struct rdpdr_message *m,
                                   enum svc_mode *mode, struct svc_out *out);

/* Data of a WRITE, or of the answer to a READ, passes. */
void rdpdr_moving(struct rdpdr_filter *f, enum channel_direction direction, const uint8_t *data,
                  size_t size, size_t at);

#endif
