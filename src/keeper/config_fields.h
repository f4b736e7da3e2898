/* SPDX-License-Identifier: Apache-2.0
 * How the files of the schema write a field.
 */
#ifndef SP_KEEPER_CONFIG_FIELDS_H
#define SP_KEEPER_CONFIG_FIELDS_H

#include <cyaml/cyaml.h>

#define TEXT     CYAML_FLAG_POINTER
#define OPTIONAL (CYAML_FLAG_POINTER | CYAML_FLAG_OPTIONAL)

/* Lengths are checked where the meaning is; libcyaml would print the value. */
#define FIELD_TEXT(type, name, flags)                                                              \
    CYAML_FIELD_STRING_PTR(#name, flags, struct type, name, 0, CYAML_UNLIMITED)
#define FIELD_LIST(type, name, flags, entry, max)                                                  \
    CYAML_FIELD_SEQUENCE(#name, flags, struct type, name, entry, 0, max)
#define FIELD_MAP(type, name, flags, fields)                                                       \
    CYAML_FIELD_MAPPING_PTR(#name, flags, struct type, name, fields)

/* config_schema_directory.c */
extern const cyaml_schema_field_t config_directory_fields[];
/* config_schema_webhooks.c */
extern const cyaml_schema_value_t config_webhook_entry;

#endif
