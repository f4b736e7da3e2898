/* SPDX-License-Identifier: Apache-2.0
 * Messages about the configuration: one table of fields says what is expected and what to do.
 */
#include "keeper/config_priv.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

struct field {
    const char *path; /* with [] for every index */
    const char *expected;
    const char *remedy; /* NULL: the expectation says it all */
};

#define LABEL  "1 to 64 letters, digits, '.', '_' or '-'"
#define WAIT   "a time such as 500ms, 5s, 10m or 2h"
#define SWITCH "true or false"

static const struct field fields[] = {
    {"listeners", "a list of 1 to 16 ADDRESS:PORT", NULL},
    {"listeners[]", "an IP address and port, such as 0.0.0.0:3389 or [::]:3389",
     "names are not taken; write the address to listen on"},
    {"listeners[].address", "an IP address and port, such as 0.0.0.0:3389 or [::]:3389",
     "names are not taken; write the address to listen on"},
    {"listeners[].proxy_protocol", SWITCH, NULL},
    {"listeners[].jit_port", SWITCH, "not together with proxy_protocol: true"},
    {"listeners[].limit", "a number from 1 to 100000", NULL},
    {"listeners[].trusted", "a list of 1 to 16 addresses or networks of proxies", NULL},
    {"listeners[].trusted[]", "an address or network, such as 10.0.0.7 or 10.0.0.0/24", NULL},
    {"certificate", "a mapping {cert: FILE, key: FILE}",
     "leave the whole key out for a generated certificate"},
    {"certificate.cert", "the path of a PEM certificate chain", NULL},
    {"certificate.key", "the path of a PEM private key", NULL},
    {"state_dir", "the path of a folder", NULL},
    {"event_log", "the path of a file", NULL},
    {"control_socket", "a path of at most 107 bytes", "shorten it"},
    {"user", "the name of an existing account other than root",
     "create it: adduser --system --group sallyport"},
    {"tls_min", "\"1.2\" or \"1.3\"", NULL},
    {"names", "a list of at most 32 host names or addresses", NULL},
    {"names[]", "a host name or address without a port", NULL},
    {"ca_file", "the path of a PEM bundle", "Debian's is /etc/ssl/certs/ca-certificates.crt"},
    {"geoip", "the path of a MaxMind DB file of countries", NULL},
    {"webhooks", "a list of at most 16 {url: URL, secret: SECRET, events: [NAME]}", NULL},
    {"webhooks[]", "a mapping {url: URL, secret: SECRET, events: [NAME]}", NULL},
    {"webhooks[].url", "https://HOST/PATH of at most 1023 bytes, without name, password and #",
     NULL},
    {"webhooks[].secret", "16 to 256 bytes, file:PATH or env:NAME",
     "make one: openssl rand -hex 32"},
    {"webhooks[].events", "a list of 1 to 64 names of events", NULL},
    {"webhooks[].events[]", "the name of an event, webhook_… excepted",
     "docs/events.md lists them"},
    {"directory", "a mapping with kerberos, ldap or both", NULL},
    {"directory.kerberos", "a mapping {keytab: FILE, realm: REALM, users: strip-realm}", NULL},
    {"directory.kerberos.keytab", "the path of a keytab with TERMSRV/HOST", NULL},
    {"directory.kerberos.realm", "a realm, such as EXAMPLE.COM", NULL},
    {"directory.kerberos.users", "strip-realm", NULL},
    {"directory.kerberos.credssp_min", "a number from 2 to 6", "5 unless old clients need less"},
    {"directory.kerberos.principals", "a list of {principal: NAME@REALM, user: NAME}", NULL},
    {"directory.kerberos.principals[]", "{principal: NAME@REALM, user: NAME}", NULL},
    {"directory.kerberos.principals[].principal", "NAME@REALM of at most 255 bytes", NULL},
    {"directory.kerberos.principals[].user", "the name of a user", NULL},
    {"directory.ldap", "a mapping of uri, ca_file, base, bind_dn, bind_password, user_filter",
     NULL},
    {"directory.ldap.uri", "ldaps://HOST or ldap://HOST, which is StartTLS then", NULL},
    {"directory.ldap.ca_file", "the path of a PEM bundle that the server is verified with", NULL},
    {"directory.ldap.base", "a distinguished name of at most 511 bytes", NULL},
    {"directory.ldap.bind_dn", "a distinguished name of at most 511 bytes", NULL},
    {"directory.ldap.bind_password", "a password, file:PATH or env:NAME", NULL},
    {"directory.ldap.user_filter", "a filter with {user}, such as (uid={user})", NULL},
    {"directory.ldap.group_attribute", "an attribute's name, such as memberOf", NULL},
    {"directory.ldap.groups", "a list of at most 64 {dn: DN, group: NAME}", NULL},
    {"directory.ldap.groups[]", "{dn: DN, group: NAME}", NULL},
    {"directory.ldap.groups[].dn", "a distinguished name of at most 511 bytes", NULL},
    {"directory.ldap.groups[].group", LABEL, NULL},
    {"master_key", "one of {file: PATH}, {credential: true}, {passphrase_file: PATH}",
     "leave the whole key out for a file in the state folder"},
    {"master_key.file", "the path of a file", NULL},
    {"master_key.credential", "true", "it is called sallyport.master in the unit"},
    {"master_key.passphrase_file", "the path of a file", NULL},
    {"api", "a mapping {admins: […], approvers: […], auditors: […]}", NULL},
    {"api.admins", "a list of at most 32 accounts", NULL},
    {"api.admins[]", "an account of this machine, or @ and one of its groups", NULL},
    {"api.approvers", "a list of at most 32 accounts", NULL},
    {"api.approvers[]", "an account of this machine, or @ and one of its groups", NULL},
    {"api.auditors", "a list of at most 32 accounts", NULL},
    {"api.auditors[]", "an account of this machine, or @ and one of its groups", NULL},
    {"break_glass", "a mapping {group: NAME}", NULL},
    {"break_glass.group", LABEL, "of the file or the store; its members may"},
    {"limits", "a mapping of limits", NULL},
    {"limits.unauthenticated", "a number from 1 to 100000", NULL},
    {"limits.per_source", "a number from 1 to 100000", NULL},
    {"limits.early_drop", "START:PERCENT, such as 64:30",
     "START is at most limits.unauthenticated, PERCENT is 1 to 100"},
    {"limits.first_byte", WAIT, "from 100ms to 5m"},
    {"limits.authenticate", WAIT, "from 1s to 10m"},
    {"limits.connect_timeout", WAIT, "from 100ms to 5m"},
    {"limits.idle", WAIT " or 0 for no limit", "from 1s to 7d"},
    {"limits.drain", WAIT " or 0", "at most 1h"},
    {"limits.drain_upgrade", WAIT " or 0", "from 1s to 7d; 0 lets sessions finish"},
    {"limits.dials", "a number from 1 to 10000", NULL},
    {"limits.sessions", "a number from 1 to 100000", NULL},
    {"limits.penalties", "a mapping of times", NULL},
    {"limits.penalties.no_auth", WAIT " or 0", "at most 1d"},
    {"limits.penalties.auth_failure", WAIT " or 0", "at most 1d"},
    {"limits.penalties.violation", WAIT " or 0", "at most 1d"},
    {"limits.penalties.crash", WAIT " or 0", "at most 1d"},
    {"limits.penalties.exploit", WAIT " or 0", "at most 1d"},
    {"limits.penalties.factor_failure", WAIT " or 0", "at most 1d"},
    {"limits.penalties.min", WAIT " or 0", "at most 1d"},
    {"limits.penalties.max", WAIT ", or 0 for no penalties at all", "at most 1d"},
    {"limits.penalties.exempt", "a list of at most 64 networks", NULL},
    {"limits.penalties.exempt[]", "an address or a network, such as 192.0.2.7 or 10.0.0.0/8",
     "no bit may be set behind the prefix"},
    {"lobby", "a mapping {enabled: …, idle: …, contrast: …}", NULL},
    {"lobby.enabled", "true or false", NULL},
    {"lobby.contrast", "true or false", NULL},
    {"lobby.idle", WAIT, "at least 10s, at most 1h"},
    {"guard", "a mapping {account_tries: …, decoys: […], allow: […], block: […]}", NULL},
    {"guard.account_tries", "a number from 1 to 16, or 0 for no limits per account", NULL},
    {"guard.account_consecutive", "a number from 5 to 1000", NULL},
    {"guard.decoys", "a list of at most 64 names that nobody has", NULL},
    {"guard.decoys[]", "a name without a domain, such as administrator", NULL},
    {"guard.decoy_ban", WAIT, "at most 7d"},
    {"guard.allow", "a list of at most 256 networks", NULL},
    {"guard.allow[]", "an address or a network, such as 192.0.2.7 or 10.0.0.0/8",
     "no bit may be set behind the prefix"},
    {"guard.block", "a list of at most 1024 networks", NULL},
    {"guard.block[]", "an address or a network, such as 192.0.2.7 or 10.0.0.0/8",
     "no bit may be set behind the prefix"},
    {"guard.tarpit", WAIT ", or 0 to close refused connections at once", "at most 10m"},
    {"guard.tarpit_max", "a number from 1 to 4096", NULL},
    {"guard.nftables", "a mapping {table: NAME}", NULL},
    {"guard.nftables.table", "at most 31 of a-z, 0-9 and _, a letter first", NULL},
    {"users", "a list of {name, nt_hash}", NULL},
    {"users[]", "a mapping {name: NAME, nt_hash: HASH}", NULL},
    {"users[].name",
     "1 to 64 bytes of UTF-8 without # \\ @ / : and control characters, no blank at an end", NULL},
    {"users[].nt_hash", "32 hexadecimal digits, file:PATH or env:NAME",
     "make one with: sallyport passwd NAME"},
    {"users[].disabled", "true or false", NULL},
    {"groups", "a list of {name, members}", NULL},
    {"groups[]", "a mapping {name: NAME, members: [USER]}", NULL},
    {"groups[].name", LABEL, NULL},
    {"groups[].members", "a list of user names", NULL},
    {"groups[].members[]", "the name of a user of this file", "add the user or remove the name"},
    {"targets", "a list of {name, address, login}", NULL},
    {"targets[]", "a mapping {name: NAME, address: HOST, login: …}", NULL},
    {"targets[].name", LABEL, NULL},
    {"targets[].address", "HOST or HOST:PORT", "an IPv6 address stands in brackets: [2001:db8::1]"},
    {"targets[].tags", "a list of at most 32 tags", NULL},
    {"targets[].tags[]", LABEL, NULL},
    {"targets[].login", "delegate, ask or {inject: {user: USER, password: SECRET}}", NULL},
    {"targets[].login.inject", "a mapping {user: USER, password: SECRET}", NULL},
    {"targets[].login.delegate", "login: delegate", NULL},
    {"targets[].login.ask", "login: ask", NULL},
    {"targets[].login.inject.user", "USER, DOMAIN\\USER or USER@DOMAIN, at most 256 bytes", NULL},
    {"targets[].login.inject.domain", "a domain of at most 256 bytes", NULL},
    {"targets[].login.inject.password", "a password of 1 to 255 characters, file:PATH or env:NAME",
     NULL},
    {"targets[].tls", "a mapping {verify: …, pin: …, min: …}", NULL},
    {"targets[].tls.verify", "ca, pin, tofu or none", NULL},
    {"targets[].tls.pin", "sha256: and the key's hash in 64 hexadecimal digits or base64",
     "the events target_certificate_* show it as key_sha256"},
    {"targets[].tls.min", "\"1.0\", \"1.1\", \"1.2\" or \"1.3\"", NULL},
    {"targets[].nla", "required, allowed or off", "quote it: nla: \"off\""},
    {"targets[].restricted_admin", SWITCH, NULL},
    {"targets[].credssp_min", "a number from 2 to 6", NULL},
    {"targets[].redirects", "a list of at most 32 hosts", NULL},
    {"targets[].redirects[]", "HOST or HOST:PORT, HOST of at most 60 bytes",
     "an IPv6 address stands in brackets: [2001:db8::1]"},
    {"rules", "a list of {name, users, groups, targets, tags}", NULL},
    {"rules[]", "a mapping {name: NAME, users: [USER], targets: [TARGET]}", NULL},
    {"rules[].name", LABEL, NULL},
    {"rules[].users", "a list of user names", NULL},
    {"rules[].users[]", "the name of a user of this file", "add the user or remove the name"},
    {"rules[].groups", "a list of group names", NULL},
    {"rules[].groups[]", "the name of a group of this file", "add the group or remove the name"},
    {"rules[].targets", "a list of target names", NULL},
    {"rules[].targets[]", "the name of a target of this file", "add the target or remove the name"},
    {"rules[].tags", "a list of tags", NULL},
    {"rules[].tags[]", "a tag that some target has", "tag a target or remove the name"},
    {"rules[].effect", "allow or deny", NULL},
    {"rules[].sources", "a list of at most 256 networks", NULL},
    {"rules[].sources[]", "an address or a network, such as 192.0.2.7 or 10.0.0.0/8",
     "no bit may be set behind the prefix"},
    {"rules[].countries", "a list of country codes", NULL},
    {"rules[].countries[]", "a country's two letters, such as DE", NULL},
    {"rules[].when", "a mapping {days: [DAY], hours: \"FROM-TO\", zone: ZONE}", NULL},
    {"rules[].when.days", "a list of days", NULL},
    {"rules[].when.days[]", "a day or days, such as sat or mon-fri",
     "the days are mon, tue, wed, thu, fri, sat, sun"},
    {"rules[].when.hours", "FROM-TO, such as \"08:00-18:00\"",
     "from 00:00 to 24:00; a FROM behind TO goes over midnight"},
    {"rules[].when.zone", "a time zone of /usr/share/zoneinfo, such as Europe/Berlin",
     "the package tzdata has them"},
    {"rules[].mfa", "any, totp or webauthn", NULL},
    {"rules[].fresh", WAIT, "from 1s to 7d, and mfa beside it"},
    {"rules[].nla", "a list of ntlm, kerberos, ticket", NULL},
    {"rules[].nla[]", "ntlm, kerberos or ticket", NULL},
    {"rules[].clients", "a mapping {names: [PATTERN], builds: \"LEAST-MOST\"}", NULL},
    {"rules[].clients.names", "a list of at most 64 patterns", NULL},
    {"rules[].clients.names[]", "1 to 64 characters, with * and ?", NULL},
    {"rules[].clients.builds", "LEAST-MOST, such as \"19041-26100\"", NULL},
    {"rules[].require", "a mapping {approval: …}", NULL},
    {"rules[].require.approval", "a mapping {by: GROUP, longest: 4h, reason: required}", NULL},
    {"rules[].require.approval.by", "the name of a group", "add the group or correct the name"},
    {"rules[].require.approval.longest", WAIT, "from 1m to 30d"},
    {"rules[].require.approval.reason", "required or optional", NULL},
    {"rules[].require.approval.ticket", "a POSIX extended regular expression of 1 to 128 bytes",
     NULL},
    {"rules[].consent", "a text of 1 to 1024 bytes", NULL},
    {"rules[].concurrent", "a mapping {user: NUMBER, target: NUMBER}", NULL},
    {"rules[].concurrent.user", "a number from 1 to 100000", NULL},
    {"rules[].concurrent.target", "a number from 1 to 100000", NULL},
    {"rules[].recording", "off, since there is no recording yet", NULL},
    {"rules[].watermark", "nothing, since there is no watermark yet", "remove the key"},
    {"rules[].four_eyes", "nothing, since there is no four-eyes session yet", "remove the key"},
    {"rules[].idle", WAIT " or 0 for no limit", "from 1s to 7d"},
    {"rules[].total", WAIT " or 0 for no limit", "from 1s to 7d"},
    {"rules[].channels", "a mapping {clipboard: …, drives: …, …}", NULL},
    {"rules[].channels.clipboard", "both, to-target, to-client or off", NULL},
    {"rules[].channels.clipboard_kinds", "a list of text, images, files", NULL},
    {"rules[].channels.clipboard_kinds[]", "text, images or files", NULL},
    {"rules[].channels.drives", "off, read, write or both", NULL},
    {"rules[].channels.printers", SWITCH, NULL},
    {"rules[].channels.smartcards", SWITCH, NULL},
    {"rules[].channels.ports", SWITCH, NULL},
    {"rules[].channels.usb", SWITCH, NULL},
    {"rules[].channels.camera", SWITCH, NULL},
    {"rules[].channels.microphone", SWITCH, NULL},
    {"rules[].channels.sound", SWITCH, NULL},
    {"rules[].channels.display_control", SWITCH, NULL},
    {"rules[].channels.remoteapp", SWITCH, NULL},
    {"rules[].channels.webauthn", SWITCH, NULL},
    {"rules[].channels.graphics", SWITCH, NULL},
};

#define FIELD_COUNT (sizeof(fields) / sizeof(fields[0]))

/* "targets[12].tls" → "targets[].tls" */
static void pattern_of(const char *path, char *out, size_t size)
{
    size_t used = 0;

    for (; *path != '\0' && used + 1 < size; path++)
        if (path[0] < '0' || path[0] > '9')
            out[used++] = *path;
    out[used] = '\0';
}

static const struct field *field_of(const char *path)
{
    char pattern[CONFIG_FIELD_SIZE];

    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (strcmp(fields[i].path, path) == 0)
            return &fields[i];
    pattern_of(path, pattern, sizeof(pattern));
    for (size_t i = 0; i < FIELD_COUNT; i++)
        if (strcmp(fields[i].path, pattern) == 0)
            return &fields[i];
    return NULL;
}

bool config_is_known(const char *path)
{
    return field_of(path) != NULL;
}

const char *config_expected(const char *path)
{
    const struct field *field = field_of(path);

    return field != NULL ? field->expected : "something else";
}

void config_known_keys(const char *path, char *out, size_t out_size)
{
    char pattern[CONFIG_FIELD_SIZE];
    size_t used = 0;

    pattern_of(path, pattern, sizeof(pattern));
    out[0] = '\0';
    size_t n = strlen(pattern);
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        const char *rest = fields[i].path + (n > 0 ? n + 1 : 0);

        if (n > 0 && (strncmp(fields[i].path, pattern, n) != 0 || fields[i].path[n] != '.'))
            continue;
        if (rest[0] == '\0' || strpbrk(rest, ".[") != NULL)
            continue;
        int more = snprintf(out + used, out_size - used, "%s%s", used > 0 ? ", " : "", rest);
        if (more < 0 || (size_t)more >= out_size - used)
            return;
        used += (size_t)more;
    }
}

enum sp_err config_refuse_text(struct config_load_state *s, enum sp_err code, uint32_t line,
                               const char *format, ...)
{
    char shown[CONFIG_PATH_SIZE], number[16] = "";
    va_list arguments;

    if (s->err != SP_OK)
        return s->err;
    s->err = code;
    text_escape(s->path, shown, sizeof(shown));
    if (line > 0)
        snprintf(number, sizeof(number), ":%u", line);
    int n = snprintf(s->error, s->error_size, "%s%s: ", shown, number);
    if (n < 0 || (size_t)n >= s->error_size)
        return code;
    va_start(arguments, format);
    vsnprintf(s->error + n, s->error_size - (size_t)n, format, arguments);
    va_end(arguments);
    return code;
}

enum sp_err config_refuse(struct config_load_state *s, enum sp_err code, const char *path,
                          const char *expected, const char *found, const char *remedy)
{
    const struct field *field = field_of(path);
    char shown[CONFIG_FIELD_SIZE], place[CONFIG_FIELD_SIZE];

    if (expected == NULL)
        expected = config_expected(path);
    if (remedy == NULL && field != NULL)
        remedy = field->remedy;
    text_escape(found != NULL ? found : "", shown, sizeof(shown));
    text_escape(path, place, sizeof(place));
    return config_refuse_text(s, code, config_map_line(&s->map, path),
                              "field %s: expected %s%s%s%s%s%s", place, expected,
                              found != NULL ? ", found \"" : "", shown, found != NULL ? "\"" : "",
                              remedy != NULL ? "; " : "", remedy != NULL ? remedy : "");
}
