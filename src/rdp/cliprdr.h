/* SPDX-License-Identifier: Apache-2.0
 * The clipboard channel: its messages, and the filter that lets through what policy allows.
 */
#ifndef SP_RDP_CLIPRDR_H
#define SP_RDP_CLIPRDR_H

#include "rdp/svc.h"

/* msgType, MS-RDPECLIP 2.2.1 */
#define CB_MONITOR_READY         0x0001
#define CB_FORMAT_LIST           0x0002
#define CB_FORMAT_LIST_RESPONSE  0x0003
#define CB_FORMAT_DATA_REQUEST   0x0004
#define CB_FORMAT_DATA_RESPONSE  0x0005
#define CB_TEMP_DIRECTORY        0x0006
#define CB_CLIP_CAPS             0x0007
#define CB_FILECONTENTS_REQUEST  0x0008
#define CB_FILECONTENTS_RESPONSE 0x0009
#define CB_LOCK_CLIPDATA         0x000A
#define CB_UNLOCK_CLIPDATA       0x000B

/* msgFlags */
#define CB_RESPONSE_OK   0x0001
#define CB_RESPONSE_FAIL 0x0002
#define CB_ASCII_NAMES   0x0004

/* generalFlags of CLIPRDR_GENERAL_CAPABILITY, 2.2.2.1.1.1 */
#define CB_USE_LONG_FORMAT_NAMES     0x00000002
#define CB_STREAM_FILECLIP_ENABLED   0x00000004
#define CB_FILECLIP_NO_FILE_PATHS    0x00000008
#define CB_CAN_LOCK_CLIPDATA         0x00000010
#define CB_HUGE_FILE_SUPPORT_ENABLED 0x00000020

#define FILECONTENTS_SIZE  0x00000001
#define FILECONTENTS_RANGE 0x00000002

#define CLIPRDR_HEADER_SIZE     8
#define CLIPRDR_SHORT_NAME_SIZE 32
#define CLIPRDR_DESCRIPTOR_SIZE 592
#define CLIPRDR_FILE_NAME_SIZE  520
#define CLIPRDR_SURPLUS_MAX     4 /* bytes that some clients send after dataLen */

struct cliprdr_header {
    uint16_t msg_type, msg_flags;
    uint32_t data_len;
};

/*
 * Read the header of a message.
 * Spec:    MS-RDPECLIP 2.2.1
 * total    size of the whole message, of which r may have only the beginning
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE dataLen does not fit total
 */
SP_MUST_USE enum sp_err cliprdr_header_read(struct rd *r, size_t total, struct cliprdr_header *out);

/* Write a header. Errors: SP_ESPACE */
void cliprdr_header_write(struct wr *w, const struct cliprdr_header *header);

/*
 * Read the body of CB_CLIP_CAPS and clear flags of its general set in place.
 * Spec:    MS-RDPECLIP 2.2.2.1
 * body     size bytes after the header
 * keep     generalFlags that may stay
 * flags    written only on SP_OK: what stayed; 0 if there is no general set
 * fail     may be NULL
 * Errors:  SP_ESHORT; SP_EVALUE a set's length; SP_ELIMIT more than 16 sets
 */
SP_MUST_USE enum sp_err cliprdr_caps_edit(uint8_t *body, size_t size, uint32_t keep,
                                          uint32_t *flags, struct sp_fail *fail);

struct cliprdr_format {
    uint32_t id;
    bool is_ascii;       /* name is ASCII, else UTF-16LE          */
    const uint8_t *name; /* borrowed; name_size bytes without NUL */
    size_t name_size;
    const uint8_t *raw; /* the whole entry, to be copied */
    size_t raw_size;
};

/*
 * Read the next entry of a format list.
 * Spec:    MS-RDPECLIP 2.2.3.1.1 (short names), 2.2.3.1.2 (long names)
 * r        inside the body, with bytes left
 * is_long  CB_USE_LONG_FORMAT_NAMES was negotiated
 * Errors:  SP_ESHORT, also a long name without NUL
 */
SP_MUST_USE enum sp_err cliprdr_format_next(struct rd *r, bool is_long, bool is_ascii,
                                            struct cliprdr_format *out);

/* What a format carries. */
enum cliprdr_kind { CLIPRDR_OTHER, CLIPRDR_TEXT, CLIPRDR_IMAGE, CLIPRDR_FILES };

/* Judge a format by its number and, where it has one, its name. */
enum cliprdr_kind cliprdr_format_kind(const struct cliprdr_format *format);

struct cliprdr_file {
    bool has_size;
    uint64_t size;
    const uint8_t *name; /* borrowed; name_size bytes UTF-16LE without NUL */
    size_t name_size;
};

/*
 * Read the count of a FileGroupDescriptorW and check that the descriptors fill r exactly.
 * Spec:    MS-RDPECLIP 2.2.5.2.3
 * Errors:  SP_ESHORT; SP_EVALUE
 */
SP_MUST_USE enum sp_err cliprdr_files_read(struct rd *r, uint32_t *count);

/*
 * Read one descriptor and judge its name: relative, backslashes only between components, no "." or
 * "..", no colon, no control characters (CVE-2019-0887, CVE-2020-0655).
 * Spec:    MS-RDPECLIP 2.2.5.2.3.1
 * Errors:  SP_ESHORT; SP_EVALUE a name without NUL; SP_EDENIED a name that leaves the folder
 */
SP_MUST_USE enum sp_err cliprdr_file_next(struct rd *r, struct cliprdr_file *out);

struct cliprdr_contents_request {
    uint32_t stream_id;
    uint32_t lindex;
    bool is_size; /* the size is asked for, not a range */
    uint64_t offset;
    uint32_t requested; /* bytes */
    bool has_clip_data_id;
    uint32_t clip_data_id;
};

/*
 * Read the body of CB_FILECONTENTS_REQUEST.
 * Spec:    MS-RDPECLIP 2.2.5.3
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE dwFlags, lindex, cbRequested of a size request
 */
SP_MUST_USE enum sp_err cliprdr_contents_request_read(struct rd *r,
                                                      struct cliprdr_contents_request *out);

/* ---- the filter ---- */

#define CLIPRDR_GATHER_MAX   (1024u * 1024u) /* about 1770 files at once */
#define CLIPRDR_FORMATS_MAX  64
#define CLIPRDR_REQUESTS_MAX 16
#define CLIPRDR_RANGES_MAX   64
#define CLIPRDR_FILES_MAX    64 /* of which the contents are being hashed */
#define CLIPRDR_LOCKS_MAX    16
#define CLIPRDR_NAMES_SIZE   65536

/* A format that its owner announced and that passed. */
struct cliprdr_announced {
    uint32_t id;
    enum cliprdr_kind kind;
    char name[32]; /* NUL-terminated, for records */
};

/* A request for data that was not answered yet. */
struct cliprdr_pending {
    bool is_denied; /* to be answered by us when its turn comes */
    uint32_t generation;
    struct cliprdr_announced format;
};

/* A request for a file's contents that was not answered yet. */
struct cliprdr_range {
    struct cliprdr_contents_request request;
    uint32_t generation;
};

/* A file whose contents are moving. */
struct cliprdr_moving {
    bool is_used;
    uint32_t generation, lindex;
    uint64_t age; /* when it was used last, counted in requests */
    bool has_size;
    uint64_t size, bytes;
    struct svc_hash hash;
    char name[SVC_NAME_SIZE];
};

/* One owner's clipboard: what flows in this direction, and who asked for it. */
struct cliprdr_owner {
    struct svc_side side;
    uint32_t caps;       /* generalFlags of this sender */
    uint32_t generation; /* of its clipboard: grows with each list */
    bool has_files;      /* a FileGroupDescriptorW of this generation passed */
    size_t format_count;
    struct cliprdr_announced formats[CLIPRDR_FORMATS_MAX];
    size_t pending_count; /* the oldest first */
    struct cliprdr_pending pending[CLIPRDR_REQUESTS_MAX];
    size_t range_count; /* the oldest first */
    struct cliprdr_range ranges[CLIPRDR_RANGES_MAX];
    size_t lock_count;
    struct {
        uint32_t id, generation;
        bool has_files;
    } locks[CLIPRDR_LOCKS_MAX];
    struct cliprdr_moving moving[CLIPRDR_FILES_MAX];
    bool is_list_told;             /* a record says that lists of this sender are refused */
    uint32_t gathering_generation; /* of the list of files being gathered */
    uint32_t names_generation;
    size_t names_used;
    uint8_t names[CLIPRDR_NAMES_SIZE]; /* {has size u8, size u64, name, NUL} by lindex */
    uint8_t gathered[CLIPRDR_GATHER_MAX];
    /* the message that passes chunk by chunk */
    enum { CLIPRDR_PASS_PLAIN, CLIPRDR_PASS_DATA, CLIPRDR_PASS_CONTENTS } passing;
    struct cliprdr_announced passing_format;
    bool is_short;         /* fewer bytes than asked for: the file ends here */
    size_t passing_moving; /* index into moving */
    size_t passing_end;    /* of the data, counted from the message's start */
    struct svc_hash passing_hash;
};

/* One session's clipboard. Large: keep it in static memory, where untouched pages cost nothing. */
struct cliprdr_filter {
    struct svc_policy policy;
    uint64_t clock;                /* counts requests */
    struct cliprdr_owner owner[2]; /* by enum channel_direction of what the owner sends */
};

/* Start a filter; f must be all zero before its first use. */
void cliprdr_filter_init(struct cliprdr_filter *f, const struct svc_policy *policy);

/*
 * Judge one chunk of the channel; see rdp/svc.h for the order that the caller keeps.
 * Spec:    MS-RDPECLIP 1.3.2, 3.1
 * Errors:  SVC_REFUSE with out->fail: malformed, or of a type that this sender may not use
 */
enum svc_verdict cliprdr_filter_chunk(struct cliprdr_filter *f, enum channel_direction direction,
                                      const struct channel_header *header, const uint8_t *data,
                                      size_t size, struct svc_out *out);

/*
 * At the end of the session: the next record of a transfer that is still under way.
 * Returns  false if there is none left
 */
bool cliprdr_filter_end(struct cliprdr_filter *f, struct svc_transfer *transfer);

#endif
