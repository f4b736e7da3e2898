/* SPDX-License-Identifier: Apache-2.0
 * The GCC conference create PDUs and the settings blocks that client and server exchange in them.
 */
#ifndef SP_RDP_GCC_H
#define SP_RDP_GCC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"

#define GCC_CHANNEL_COUNT_MAX  31
#define GCC_MONITOR_COUNT_MAX  16
#define GCC_CLIENT_BLOCKS_MAX  4096 /* with EXTENDED_CLIENT_DATA_SUPPORTED    */
#define GCC_CLIENT_BLOCKS_OLD  1024 /* without                                */
#define GCC_CHANNEL_NAME_SIZE  8
#define GCC_CLIENT_NAME_SIZE   32
#define GCC_IME_FILE_NAME_SIZE 64
#define GCC_PRODUCT_ID_SIZE    64
#define RDP_VERSION_5          0x00080004u
#define RDP_VERSION_10_12      0x00080011u /* the newest we know */

/* CS_CORE.earlyCapabilityFlags, MS-RDPBCGR 2.2.1.3.2 */
#define RNS_UD_CS_SUPPORT_ERRINFO_PDU        0x0001
#define RNS_UD_CS_WANT_32BPP_SESSION         0x0002
#define RNS_UD_CS_SUPPORT_STATUSINFO_PDU     0x0004
#define RNS_UD_CS_STRONG_ASYMMETRIC_KEYS     0x0008
#define RNS_UD_CS_RELATIVE_MOUSE_INPUT       0x0010
#define RNS_UD_CS_VALID_CONNECTION_TYPE      0x0020
#define RNS_UD_CS_SUPPORT_MONITOR_LAYOUT_PDU 0x0040
#define RNS_UD_CS_SUPPORT_NETCHAR_AUTODETECT 0x0080
#define RNS_UD_CS_SUPPORT_DYNVC_GFX_PROTOCOL 0x0100
#define RNS_UD_CS_SUPPORT_DYNAMIC_TIME_ZONE  0x0200
#define RNS_UD_CS_SUPPORT_HEARTBEAT_PDU      0x0400
#define RNS_UD_CS_SUPPORT_SKIP_CHANNELJOIN   0x0800

/* SC_CORE.earlyCapabilityFlags, MS-RDPBCGR 2.2.1.4.2 */
#define RNS_UD_SC_EDGE_ACTIONS_SUPPORTED_V1  0x00000001u
#define RNS_UD_SC_DYNAMIC_DST_SUPPORTED      0x00000002u
#define RNS_UD_SC_EDGE_ACTIONS_SUPPORTED_V2  0x00000004u
#define RNS_UD_SC_SKIP_CHANNELJOIN_SUPPORTED 0x00000008u

/* CHANNEL_DEF.options, MS-RDPBCGR 2.2.1.3.4.1 */
#define CHANNEL_OPTION_INITIALIZED               0x80000000u
#define CHANNEL_OPTION_ENCRYPT_RDP               0x40000000u
#define CHANNEL_OPTION_ENCRYPT_SC                0x20000000u
#define CHANNEL_OPTION_ENCRYPT_CS                0x10000000u
#define CHANNEL_OPTION_PRI_HIGH                  0x08000000u
#define CHANNEL_OPTION_PRI_MED                   0x04000000u
#define CHANNEL_OPTION_PRI_LOW                   0x02000000u
#define CHANNEL_OPTION_COMPRESS_RDP              0x00800000u
#define CHANNEL_OPTION_COMPRESS                  0x00400000u
#define CHANNEL_OPTION_SHOW_PROTOCOL             0x00200000u
#define CHANNEL_OPTION_REMOTE_CONTROL_PERSISTENT 0x00100000u

/* CS_CLUSTER.Flags, MS-RDPBCGR 2.2.1.3.5 */
#define REDIRECTION_SUPPORTED                   0x00000001u
#define REDIRECTED_SESSIONID_FIELD_VALID        0x00000002u
#define SERVER_SESSION_REDIRECTION_VERSION_MASK 0x0000003cu
#define REDIRECTED_SMARTCARD                    0x00000040u

#define TS_MONITOR_PRIMARY 0x00000001u

/* How many of CS_CORE's optional fields are there: each only if all before it are. */
enum gcc_core_field {
    GCC_CORE_POST_BETA2_COLOR_DEPTH = 1,
    GCC_CORE_CLIENT_PRODUCT_ID,
    GCC_CORE_SERIAL_NUMBER,
    GCC_CORE_HIGH_COLOR_DEPTH,
    GCC_CORE_SUPPORTED_COLOR_DEPTHS,
    GCC_CORE_EARLY_CAPABILITY_FLAGS,
    GCC_CORE_CLIENT_DIG_PRODUCT_ID,
    GCC_CORE_CONNECTION_TYPE,
    GCC_CORE_PAD1OCTET,
    GCC_CORE_SERVER_SELECTED_PROTOCOL,
    GCC_CORE_DESKTOP_PHYSICAL_WIDTH,
    GCC_CORE_DESKTOP_PHYSICAL_HEIGHT,
    GCC_CORE_DESKTOP_ORIENTATION,
    GCC_CORE_DESKTOP_SCALE_FACTOR,
    GCC_CORE_DEVICE_SCALE_FACTOR,
    GCC_CORE_FIELD_COUNT = GCC_CORE_DEVICE_SCALE_FACTOR
};

/* TS_UD_CS_CORE, MS-RDPBCGR 2.2.1.3.2; a field that is not there is 0. */
struct gcc_client_core {
    uint32_t version;
    uint16_t desktop_width;  /* pixels, not 0 */
    uint16_t desktop_height; /* pixels, not 0 */
    uint16_t color_depth;
    uint16_t sas_sequence;
    uint32_t keyboard_layout;
    uint32_t client_build;
    uint8_t client_name[GCC_CLIENT_NAME_SIZE]; /* UTF-16LE, last unit forced to NUL */
    uint32_t keyboard_type;
    uint32_t keyboard_sub_type;
    uint32_t keyboard_function_key;
    uint8_t ime_file_name[GCC_IME_FILE_NAME_SIZE]; /* UTF-16LE, last unit forced to NUL */
    unsigned field_count; /* present optional fields: field_count >= GCC_CORE_X means X is there */
    uint16_t post_beta2_color_depth;
    uint16_t client_product_id;
    uint32_t serial_number;
    uint16_t high_color_depth;
    uint16_t supported_color_depths;
    uint16_t early_capability_flags; /* RNS_UD_CS_* */
    uint8_t client_dig_product_id[GCC_PRODUCT_ID_SIZE];
    uint8_t connection_type;
    uint32_t
        server_selected_protocol;     /* 0 when absent, which then matches no PROTOCOL_* we chose */
    uint32_t desktop_physical_width;  /* mm */
    uint32_t desktop_physical_height; /* mm */
    uint16_t desktop_orientation;     /* degrees: 0, 90, 180, 270 */
    uint32_t desktop_scale_factor;    /* percent */
    uint32_t device_scale_factor;     /* percent */
};

/* CHANNEL_DEF, MS-RDPBCGR 2.2.1.3.4.1 */
struct gcc_channel {
    char name[GCC_CHANNEL_NAME_SIZE]; /* printable ASCII, NUL-terminated and NUL-padded */
    uint32_t options;                 /* CHANNEL_OPTION_* */
};

/* TS_MONITOR_DEF, MS-RDPBCGR 2.2.1.3.6.1; pixels, right and bottom inclusive */
struct gcc_monitor {
    int32_t left, top, right, bottom;
    uint32_t flags; /* TS_MONITOR_PRIMARY */
};

/* TS_MONITOR_ATTRIBUTES, MS-RDPBCGR 2.2.1.3.9.1 */
struct gcc_monitor_ex {
    uint32_t physical_width;  /* mm */
    uint32_t physical_height; /* mm */
    uint32_t orientation;     /* degrees */
    uint32_t desktop_scale_factor;
    uint32_t device_scale_factor;
};

/* All the settings that a client sends in Connect Initial. */
struct gcc_client {
    struct gcc_client_core core;
    bool has_security;
    uint32_t encryption_methods;
    uint32_t ext_encryption_methods;
    bool has_net;
    struct gcc_channel channels[GCC_CHANNEL_COUNT_MAX];
    size_t channel_count;
    bool has_cluster;
    uint32_t cluster_flags;
    uint32_t redirected_session_id;
    struct gcc_monitor monitors[GCC_MONITOR_COUNT_MAX]; /* CS_MONITOR is there iff the count > 0 */
    size_t monitor_count;
    bool has_monitor_ex; /* then monitor_ex has monitor_count entries too */
    struct gcc_monitor_ex monitor_ex[GCC_MONITOR_COUNT_MAX];
    bool has_message_channel;
    bool has_multitransport;
    uint32_t multitransport_flags;
};

/* All the settings that a server sends in Connect Response. */
struct gcc_server {
    uint32_t version;
    bool has_requested_protocols; /* absent only from very old servers                        */
    uint32_t requested_protocols; /* clientRequestedProtocols: must equal what was sent in CR */
    uint32_t early_flags;         /* RNS_UD_SC_*; 0 when absent                               */
    uint32_t encryption_method;   /* 0 under TLS                                              */
    uint32_t encryption_level;    /* 0 under TLS                                              */
    uint16_t io_channel;
    uint16_t channel_ids[GCC_CHANNEL_COUNT_MAX]; /* in the order of CS_NET */
    size_t channel_count;
    uint16_t message_channel; /* 0 = none */
};

/*
 * True if the channel's name is this one, ASCII case-insensitively.
 * name     NUL-terminated
 */
bool gcc_channel_is(const struct gcc_channel *c, const char *name);

/*
 * Read a ConferenceCreateRequest with all client blocks.
 * Spec:     MS-RDPBCGR 2.2.1.3, 2.2.1.3.2-2.2.1.3.10, 3.3.5.3.3; T.124 8.7
 * user_data the whole of mcs_connect_initial.user_data; consumed
 * extended  the Connection Confirm had EXTENDED_CLIENT_DATA_SUPPORTED
 * out       CS_CORE and CS_SECURITY were there; channel names are checked and distinct
 * Errors:   SP_ESHORT; SP_ETRAIL; SP_ELIMIT a count or size above its bound;
 *           SP_EVALUE a bad or missing block, name, desktop or monitor; SP_ESTATE a block twice, or
 *           one that needs extended; SP_EDENIED "CS_NET.MS_T120": an attack, worth an event
 * Owner:    out keeps no pointer into user_data
 */
SP_MUST_USE enum sp_err gcc_client_read(struct rd *user_data, bool extended,
                                        struct gcc_client *out);

/*
 * Append a ConferenceCreateRequest; CS_CORE has field_count optional fields, other blocks as the
 * has_ flags and counts say.
 * Spec:    MS-RDPBCGR 2.2.1.3
 * Errors:  SP_ESPACE; SP_ELIMIT a count above its bound
 */
SP_MUST_USE enum sp_err gcc_client_write(struct wr *w, const struct gcc_client *in);

/*
 * Read a ConferenceCreateResponse with all server blocks.
 * Spec:     MS-RDPBCGR 2.2.1.4, 2.2.1.4.2-2.2.1.4.6; T.124 8.7
 * user_data the whole of mcs_connect_response.user_data; consumed
 * out       SC_CORE, SC_SECURITY and SC_NET were there; ids are distinct and at least 1001.
 *           Comparing with what was asked (protocols, encryption, channel_count) is the caller's
 * Errors:   SP_ESHORT; SP_ETRAIL; SP_ELIMIT; SP_EVALUE; SP_ESTATE a block twice
 * Owner:    out keeps no pointer into user_data
 */
SP_MUST_USE enum sp_err gcc_server_read(struct rd *user_data, struct gcc_server *out);

/*
 * Append a ConferenceCreateResponse; SC_MCS_MSGCHANNEL only if message_channel is not 0.
 * Spec:    MS-RDPBCGR 2.2.1.4
 * Errors:  SP_ESPACE; SP_ELIMIT a count above its bound
 */
SP_MUST_USE enum sp_err gcc_server_write(struct wr *w, const struct gcc_server *in);

#endif
