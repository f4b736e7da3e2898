/* SPDX-License-Identifier: Apache-2.0
 * Device redirection: its messages, and the filter that lets through what policy allows.
 */
#ifndef SP_RDP_RDPDR_H
#define SP_RDP_RDPDR_H

#include "rdp/svc.h"

#define RDPDR_CTYP_CORE 0x4472
#define RDPDR_CTYP_PRN  0x5052

/* packetId, MS-RDPEFS 2.2.1.1 */
#define PAKID_CORE_SERVER_ANNOUNCE     0x496E
#define PAKID_CORE_CLIENTID_CONFIRM    0x4343 /* both ways */
#define PAKID_CORE_CLIENT_NAME         0x434E
#define PAKID_CORE_DEVICELIST_ANNOUNCE 0x4441
#define PAKID_CORE_DEVICE_REPLY        0x6472
#define PAKID_CORE_DEVICE_IOREQUEST    0x4952
#define PAKID_CORE_DEVICE_IOCOMPLETION 0x4943
#define PAKID_CORE_SERVER_CAPABILITY   0x5350
#define PAKID_CORE_CLIENT_CAPABILITY   0x4350
#define PAKID_CORE_DEVICELIST_REMOVE   0x444D
#define PAKID_CORE_USER_LOGGEDON       0x554C
#define PAKID_PRN_CACHE_DATA           0x5043
#define PAKID_PRN_USING_XPS            0x5543

/* CapabilityType, MS-RDPEFS 2.2.1.2 */
#define CAP_GENERAL_TYPE   1
#define CAP_PRINTER_TYPE   2
#define CAP_PORT_TYPE      3
#define CAP_DRIVE_TYPE     4
#define CAP_SMARTCARD_TYPE 5

/* DeviceType, MS-RDPEFS 2.2.1.3 */
#define RDPDR_DTYP_SERIAL     0x01
#define RDPDR_DTYP_PARALLEL   0x02
#define RDPDR_DTYP_PRINT      0x04
#define RDPDR_DTYP_FILESYSTEM 0x08
#define RDPDR_DTYP_SMARTCARD  0x20

/* MajorFunction, MS-RDPEFS 2.2.1.4 */
#define IRP_MJ_CREATE                   0x00
#define IRP_MJ_CLOSE                    0x02
#define IRP_MJ_READ                     0x03
#define IRP_MJ_WRITE                    0x04
#define IRP_MJ_QUERY_INFORMATION        0x05
#define IRP_MJ_SET_INFORMATION          0x06
#define IRP_MJ_QUERY_VOLUME_INFORMATION 0x0A
#define IRP_MJ_SET_VOLUME_INFORMATION   0x0B
#define IRP_MJ_DIRECTORY_CONTROL        0x0C
#define IRP_MJ_DEVICE_CONTROL           0x0E
#define IRP_MJ_LOCK_CONTROL             0x11
#define IRP_MN_QUERY_DIRECTORY          0x01
#define IRP_MN_NOTIFY_CHANGE_DIRECTORY  0x02

#define RDPDR_STATUS_ACCESS_DENIED 0xC0000022u

#define RDPDR_HEADER_SIZE     4
#define RDPDR_IOREQUEST_SIZE  24 /* with the header */
#define RDPDR_COMPLETION_SIZE 16 /* with the header */
#define RDPDR_DENIAL_SIZE     21 /* the longest completion that refuses */
#define RDPDR_DEVICES_MAX     64
#define RDPDR_PATH_MAX        32768 /* bytes */

struct rdpdr_header {
    uint16_t component, packet_id;
};

/* Read a RDPDR_HEADER. Spec: MS-RDPEFS 2.2.1.1. Errors: SP_ESHORT */
SP_MUST_USE enum sp_err rdpdr_header_read(struct rd *r, struct rdpdr_header *out);

/* Write a RDPDR_HEADER. Errors: SP_ESPACE */
void rdpdr_header_write(struct wr *w, const struct rdpdr_header *header);

/*
 * Take capability sets out of a capability message in place.
 * Spec:    MS-RDPEFS 2.2.2.7, 2.2.2.8
 * body     size bytes after the header
 * denied   bit n = sets of CapabilityType n go; the general set stays
 * size_out written only on SP_OK: bytes that are left of body
 * fail     may be NULL
 * Errors:  SP_ESHORT; SP_EVALUE a set's length, no general set; SP_ELIMIT more than 16 sets;
 *          SP_ETRAIL
 */
SP_MUST_USE enum sp_err rdpdr_caps_edit(uint8_t *body, size_t size, uint32_t denied,
                                        size_t *size_out, struct sp_fail *fail);

struct rdpdr_device {
    uint32_t type, id;
    const uint8_t *dos_name; /* 8 bytes; borrowed */
    const uint8_t *data;     /* borrowed          */
    size_t data_size;
    const uint8_t *raw; /* the whole DEVICE_ANNOUNCE */
    size_t raw_size;
};

/*
 * Read one DEVICE_ANNOUNCE.
 * Spec:    MS-RDPEFS 2.2.1.3
 * Errors:  SP_ESHORT
 */
SP_MUST_USE enum sp_err rdpdr_device_next(struct rd *r, struct rdpdr_device *out);

struct rdpdr_request {
    uint32_t device_id, file_id, completion_id, major, minor;
};

/*
 * Read a DR_DEVICE_IOREQUEST after the header; the body is left in r.
 * Spec:    MS-RDPEFS 2.2.1.4
 * Errors:  SP_ESHORT
 */
SP_MUST_USE enum sp_err rdpdr_request_read(struct rd *r, struct rdpdr_request *out);

struct rdpdr_create {
    uint32_t desired_access, disposition, options;
    const uint8_t *path; /* borrowed; path_size bytes UTF-16LE without the last NUL */
    size_t path_size;
    bool has_nul; /* false also for an empty path */
};

/*
 * Read the body of a DR_CREATE_REQ.
 * Spec:    MS-RDPEFS 2.2.1.4.1
 * Errors:  SP_ESHORT; SP_EVALUE an odd length; SP_ELIMIT above RDPDR_PATH_MAX
 */
SP_MUST_USE enum sp_err rdpdr_create_read(struct rd *r, struct rdpdr_create *out);

/* True if a component of the path is "..", with either separator. path is UTF-16LE. */
bool rdpdr_path_climbs(const uint8_t *path, size_t size);

struct rdpdr_transfer_request {
    uint32_t length;
    uint64_t offset;
};

/*
 * Read the length and offset of a DR_READ_REQ or DR_WRITE_REQ; r is then at the padding.
 * Spec:    MS-RDPEFS 2.2.1.4.3, 2.2.1.4.4
 * Errors:  SP_ESHORT
 */
SP_MUST_USE enum sp_err rdpdr_transfer_read(struct rd *r, struct rdpdr_transfer_request *out);

struct rdpdr_completion {
    uint32_t device_id, completion_id, io_status;
};

/*
 * Read a DR_DEVICE_IOCOMPLETION after the header; the body is left in r.
 * Spec:    MS-RDPEFS 2.2.1.5
 * Errors:  SP_ESHORT
 */
SP_MUST_USE enum sp_err rdpdr_completion_read(struct rd *r, struct rdpdr_completion *out);

/*
 * Write the completion that refuses a request, in the shape that its function has.
 * Spec:    MS-RDPEFS 2.2.1.5.1 to 2.2.1.5.9
 * Errors:  SP_ESPACE; at most RDPDR_DENIAL_SIZE bytes
 */
void rdpdr_denial_write(struct wr *w, const struct rdpdr_request *request, uint32_t status);

/* Write a Server Device Announce Response. Spec: MS-RDPEFS 2.2.2.1. Errors: SP_ESPACE */
void rdpdr_device_reply_write(struct wr *w, uint32_t device_id, uint32_t status);

/* ---- the filter ---- */

#define RDPDR_GATHER_MAX  (128u * 1024u)
#define RDPDR_PENDING_MAX 1024
#define RDPDR_OPEN_MAX    256
#define RDPDR_NAME_SIZE   96
#define RDPDR_NO_FILE     UINT32_MAX

struct rdpdr_known {
    uint32_t id, type;
    char name[RDPDR_NAME_SIZE]; /* NUL-terminated UTF-8, for records */
};

/* A request that the client has not completed yet. */
struct rdpdr_pending {
    struct rdpdr_request request;
    uint32_t open;   /* index into open, or RDPDR_NO_FILE            */
    uint32_t length; /* of READ and WRITE; FsInformationClass of QUERY_INFORMATION */
    uint64_t offset;
};

/* A file of a drive, or a print job. */
struct rdpdr_open {
    enum { RDPDR_FREE, RDPDR_OPENING, RDPDR_OPEN } state;
    bool is_print;
    uint32_t device_id, file_id;
    bool has_size;
    uint64_t size;
    uint64_t bytes_read, bytes_written;
    struct svc_hash hash;
    char name[SVC_NAME_SIZE]; /* of the device and the path */
};

/* One session's device redirection. Large: keep it in static memory. */
struct rdpdr_filter {
    struct svc_policy policy;
    bool is_announced; /* the server has spoken first */
    uint64_t smartcard_calls;
    struct svc_side side[2]; /* by enum channel_direction */
    size_t device_count;
    struct rdpdr_known devices[RDPDR_DEVICES_MAX];
    size_t pending_count;
    struct rdpdr_pending pending[RDPDR_PENDING_MAX];
    struct rdpdr_open open[RDPDR_OPEN_MAX];
    /* the WRITE or the answer to a READ that passes chunk by chunk, by direction */
    struct {
        uint32_t open;     /* RDPDR_NO_FILE = nothing to follow              */
        size_t begin, end; /* of the data, counted from the message's start  */
    } moving[2];
    uint8_t gathered[2][RDPDR_GATHER_MAX];
};

/* Start a filter; f must be all zero before its first use. */
void rdpdr_filter_init(struct rdpdr_filter *f, const struct svc_policy *policy);

/*
 * Judge one chunk of the channel; see rdp/svc.h for the order that the caller keeps.
 * Spec:    MS-RDPEFS 1.3, 3.2, 3.3; MS-RDPEPC 2.2.2; MS-RDPESC 1.3
 * Errors:  SVC_REFUSE with out->fail: malformed, or a packet that this sender may not use
 */
enum svc_verdict rdpdr_filter_chunk(struct rdpdr_filter *f, enum channel_direction direction,
                                    const struct channel_header *header, const uint8_t *data,
                                    size_t size, struct svc_out *out);

/*
 * At the end of the session: the next record of a file or job that is still open.
 * Returns  false if there is none left
 */
bool rdpdr_filter_end(struct rdpdr_filter *f, struct svc_transfer *transfer);

#endif
