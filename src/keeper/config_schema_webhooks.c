/* SPDX-License-Identifier: Apache-2.0
 * The libcyaml schema of webhooks.
 */
#include "keeper/config_fields.h"
#include "keeper/config_priv.h"

static const cyaml_schema_value_t event_entry = {
    CYAML_VALUE_STRING(CYAML_FLAG_POINTER, char, 0, CYAML_UNLIMITED),
};

static const cyaml_schema_field_t webhook_fields[] = {
    FIELD_TEXT(config_raw_webhook, url, TEXT),
    FIELD_TEXT(config_raw_webhook, secret, TEXT),
    FIELD_LIST(config_raw_webhook, events, TEXT, &event_entry, WEBHOOK_EVENTS_MAX),
    CYAML_FIELD_END,
};

const cyaml_schema_value_t config_webhook_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_webhook, webhook_fields),
};
