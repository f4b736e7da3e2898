/* SPDX-License-Identifier: Apache-2.0
 * Dynamic virtual channels: the PDUs of the static channel drdynvc, and a filter by name.
 *
 * The target opens a dynamic channel by name. A name that the policy does not know or allow is
 * refused on the client's behalf, and the client never sees it. Data of an open channel passes in
 * place, after a look at its header: graphics are neither copied nor read. The version is held at
 * 2, since version 3 adds nothing but compression, which would blind us.
 *
 *   drdynvc.c         headers and bodies
 *   drdynvc_names.c   which name needs which permission
 *   drdynvc_filter.c  the table of open channels and the verdict on each chunk
 */
#ifndef SP_RDP_DRDYNVC_H
#define SP_RDP_DRDYNVC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "rdp/channel.h"

/* Cmd, MS-RDPEDYC 2.2 */
#define DYNVC_CREATE                0x01
#define DYNVC_DATA_FIRST            0x02
#define DYNVC_DATA                  0x03
#define DYNVC_CLOSE                 0x04
#define DYNVC_CAPABILITIES          0x05
#define DYNVC_DATA_FIRST_COMPRESSED 0x06
#define DYNVC_DATA_COMPRESSED       0x07
#define DYNVC_SOFT_SYNC_REQUEST     0x08
#define DYNVC_SOFT_SYNC_RESPONSE    0x09

#define DRDYNVC_VERSION_MAX   2           /* what we let the two agree on          */
#define DRDYNVC_ACCESS_DENIED 0x80070005u /* CreationStatus: E_ACCESSDENIED        */
#define DRDYNVC_NAME_MAX      255         /* without the NUL                       */
#define DRDYNVC_SHOWN_SIZE    64          /* of a name in events, with the NUL     */
#define DRDYNVC_OPEN_MAX      256         /* dynamic channels that live at once    */
#define DRDYNVC_ANSWER_SIZE   16          /* a Create Response of ours             */
#define DRDYNVC_LAYOUT_MS     1000        /* of display layouts, … */
#define DRDYNVC_LAYOUTS_MAX   2           /* … so many pass in that time           */

struct drdynvc_header {
    uint8_t cmd; /* DYNVC_*                                    */
    uint8_t sp;  /* of DATA_FIRST: width of the length field   */
    uint32_t id; /* ChannelId; 0 for a PDU that has none       */
    /* DATA_FIRST: the whole message; DATA: 0. What is left in the reader is the data. */
    uint32_t total;
};

/*
 * Read a PDU's header up to its body: name, status or data are left in r.
 * Spec:    MS-RDPEDYC 2.2.1–2.2.4
 * out      written only on SP_OK
 * Errors:  SP_ESHORT; SP_EVALUE cbId or Len is 3, or an unknown Cmd
 */
SP_MUST_USE enum sp_err drdynvc_header_read(struct rd *r, struct drdynvc_header *out);

/*
 * Read the name of a Create Request, to the end of the PDU.
 * Spec:    MS-RDPEDYC 2.2.2.1
 * name     points into r; its NUL is in the PDU
 * Errors:  SP_EVALUE no NUL, or empty; SP_ELIMIT longer than DRDYNVC_NAME_MAX; SP_ETRAIL
 */
SP_MUST_USE enum sp_err drdynvc_name_read(struct rd *r, const char **name);

/* Write a Create Response. Spec: MS-RDPEDYC 2.2.2.2. Errors: SP_ESPACE */
void drdynvc_create_response_write(struct wr *w, uint32_t id, uint32_t status);

/*
 * Check one message of the display control channel that a client sent.
 * Spec:    MS-RDPEDISP 2.2.2.2
 * Errors:  SP_ESHORT; SP_EVALUE type, length or a size that is not legal; SP_ELIMIT more than 16
 *          monitors; SP_ETRAIL
 */
SP_MUST_USE enum sp_err drdynvc_layout_check(struct rd *r);

/* ---- drdynvc_names.c ---- */

enum drdynvc_kind {
    DRDYNVC_PLAIN,
    DRDYNVC_DISPLAY_CONTROL, /* what the client says in it is inspected */
};

/*
 * May a dynamic channel of this name be opened?
 * name     NUL-terminated, as the target sent it; compared exactly
 * devices  IPC_DEVICE_* of the rule
 * kind     written only if it may
 */
bool drdynvc_name_allowed(const char *name, uint32_t devices, enum drdynvc_kind *kind);

/* Copy a name for events: what is not printable ASCII becomes '?'. out: DRDYNVC_SHOWN_SIZE bytes */
void drdynvc_name_show(const char *name, char *out);

/* ---- drdynvc_filter.c ---- */

enum drdynvc_state {
    DRDYNVC_FREE,
    DRDYNVC_ASKED,         /* the target's Create Request was passed on */
    DRDYNVC_OPEN,          /* the client agreed                         */
    DRDYNVC_CLIENT_CLOSED, /* data of the target may still be under way */
    DRDYNVC_TARGET_CLOSED, /* the client's own Close may still come     */
};

struct drdynvc_channel {
    uint32_t id;
    uint8_t state;     /* enum drdynvc_state */
    uint8_t kind;      /* enum drdynvc_kind  */
    uint32_t rest[2];  /* by direction: what DATA_FIRST announced and has not come yet */
    uint64_t bytes[2]; /* by direction: data so far */
    char name[DRDYNVC_SHOWN_SIZE];
};

/* The filter's state; all zero but devices is its start. */
struct drdynvc_filter {
    uint32_t devices;       /* IPC_DEVICE_* */
    size_t used;            /* INVARIANT: <= DRDYNVC_OPEN_MAX; places behind it were never used */
    size_t latest;          /* where the last data went: most often the next goes there too     */
    bool is_cut[2];         /* by direction: a message of several chunks is under way, …        */
    bool is_cut_dropped[2]; /* … and this was its verdict                                 */
    int64_t layout_since_ms;
    unsigned layouts; /* since then */
    struct drdynvc_channel channels[DRDYNVC_OPEN_MAX];
};

enum drdynvc_verdict {
    DRDYNVC_VERDICT_PASS, /* in place; the version of a Capabilities PDU may have been lowered */
    DRDYNVC_VERDICT_DROP,
    DRDYNVC_VERDICT_REFUSE, /* a violation; detail in report.fail */
};

enum drdynvc_event {
    DRDYNVC_EVENT_NONE,
    DRDYNVC_EVENT_OPENED,
    DRDYNVC_EVENT_CLOSED,
    DRDYNVC_EVENT_DENIED, /* a name that the policy refuses */
    DRDYNVC_EVENT_LAYOUT, /* a display layout was dropped   */
};

/* What came of one chunk beside the verdict. */
struct drdynvc_report {
    enum drdynvc_event event;
    char name[DRDYNVC_SHOWN_SIZE];       /* of the channel that the event is about */
    uint64_t to_client, to_target;       /* CLOSED: bytes of data                  */
    size_t answer_size;                  /* 0 = none                               */
    uint8_t answer[DRDYNVC_ANSWER_SIZE]; /* one PDU for the sender of the chunk */
    struct sp_fail fail;
};

/*
 * Judge one chunk of the static channel drdynvc.
 * Spec:    MS-RDPEDYC 3.1.5
 * header   of the chunk; the caller has checked it with channel_stream_step in this direction
 * chunk    size bytes without that header; may be edited in place
 * now_ms   any monotonic clock
 * report   always written
 */
enum drdynvc_verdict drdynvc_filter_step(struct drdynvc_filter *d, enum channel_direction direction,
                                         const struct channel_header *header, uint8_t *chunk,
                                         size_t size, int64_t now_ms,
                                         struct drdynvc_report *report);

/*
 * The next channel that is still open, for the events at a session's end.
 * at       0 at first; stepped on
 * Returns  false at the end
 */
bool drdynvc_filter_next_open(const struct drdynvc_filter *d, size_t *at,
                              const struct drdynvc_channel **out);

#endif
