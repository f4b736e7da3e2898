/* SPDX-License-Identifier: Apache-2.0
 * The static channels of a splice: which filter looks at which, and what the filters say
 * themselves.
 *
 *   cliprdr   rdp/cliprdr.h   clipboard by direction and kind
 *   rdpdr     rdp/rdpdr.h     drives, printers, smart cards, ports
 *   drdynvc   rdp/drdynvc.h   dynamic channels by name
 *   others    rdpsnd, rail…   pass as they are: the policy decides if they exist at all
 */
#ifndef SP_SESSION_SPLICE_CHANNELS_H
#define SP_SESSION_SPLICE_CHANNELS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/ipc_msg.h"
#include "rdp/cliprdr.h"
#include "rdp/drdynvc.h"
#include "rdp/gcc.h"
#include "rdp/rdpdr.h"
#include "rdp/svc.h"

enum splice_filter {
    SPLICE_FILTER_CLIPRDR,
    SPLICE_FILTER_RDPDR,
    SPLICE_FILTER_DRDYNVC,
    SPLICE_FILTER_COUNT,
    SPLICE_FILTER_NONE = SPLICE_FILTER_COUNT
};

/* Large, for the most part never touched: it lives in static memory. */
struct splice_channels {
    bool is_used;                             /* some filter has seen something      */
    uint8_t filter_of[GCC_CHANNEL_COUNT_MAX]; /* client's place → enum splice_filter */
    uint8_t place_of[SPLICE_FILTER_COUNT];    /* filter → client's place             */
    struct channel_stream dynamic_to_client;  /* chunks of drdynvc from the target   */
    struct svc_out out[SPLICE_FILTER_COUNT];
    struct drdynvc_filter drdynvc;
    struct rdpdr_filter rdpdr;
    struct cliprdr_filter cliprdr;
};

#endif
