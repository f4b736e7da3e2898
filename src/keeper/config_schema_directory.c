/* SPDX-License-Identifier: Apache-2.0
 * The libcyaml schema of directory.
 */
#include "keeper/config_fields.h"
#include "keeper/config_priv.h"

static const cyaml_schema_field_t principal_fields[] = {
    FIELD_TEXT(config_raw_principal, principal, TEXT), FIELD_TEXT(config_raw_principal, user, TEXT),
    CYAML_FIELD_END};
static const cyaml_schema_value_t principal_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_principal, principal_fields),
};

static const cyaml_schema_field_t kerberos_fields[] = {
    FIELD_TEXT(config_raw_kerberos, keytab, TEXT),
    FIELD_TEXT(config_raw_kerberos, realm, OPTIONAL),
    FIELD_TEXT(config_raw_kerberos, users, OPTIONAL),
    FIELD_TEXT(config_raw_kerberos, credssp_min, OPTIONAL),
    FIELD_LIST(config_raw_kerberos, principals, OPTIONAL, &principal_entry, CONFIG_PRINCIPALS_MAX),
    CYAML_FIELD_END,
};

static const cyaml_schema_field_t ldap_group_fields[] = {
    FIELD_TEXT(config_raw_ldap_group, dn, TEXT),
    FIELD_TEXT(config_raw_ldap_group, group, TEXT),
    CYAML_FIELD_END,
};
static const cyaml_schema_value_t ldap_group_entry = {
    CYAML_VALUE_MAPPING(CYAML_FLAG_DEFAULT, struct config_raw_ldap_group, ldap_group_fields),
};

static const cyaml_schema_field_t ldap_fields[] = {
    FIELD_TEXT(config_raw_ldap, uri, TEXT),
    FIELD_TEXT(config_raw_ldap, ca_file, TEXT),
    FIELD_TEXT(config_raw_ldap, base, TEXT),
    FIELD_TEXT(config_raw_ldap, bind_dn, TEXT),
    FIELD_TEXT(config_raw_ldap, bind_password, TEXT),
    FIELD_TEXT(config_raw_ldap, user_filter, TEXT),
    FIELD_TEXT(config_raw_ldap, group_attribute, OPTIONAL),
    FIELD_LIST(config_raw_ldap, groups, OPTIONAL, &ldap_group_entry, BOOT_DIRECTORY_GROUPS),
    CYAML_FIELD_END,
};

const cyaml_schema_field_t config_directory_fields[] = {
    FIELD_MAP(config_raw_directory, kerberos, OPTIONAL, kerberos_fields),
    FIELD_MAP(config_raw_directory, ldap, OPTIONAL, ldap_fields),
    CYAML_FIELD_END,
};
