#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the seeds of config and policy_name: a good file bent at one place each, typed names."""
import pathlib

HASH = "8846f7eaee8fb117ad06bdd830b7586c"
GOOD = f"""listeners: ["0.0.0.0:3389", "[::]:3389"]
state_dir: state
tls_min: "1.3"
names: [gw.example, 192.0.2.1]
limits: {{unauthenticated: 64, early_drop: "16:50", first_byte: 500ms, idle: 2h, drain: 0}}
users:
  - name: alice
    nt_hash: {HASH}
  - {{name: bob, nt_hash: {HASH}, disabled: true}}
groups:
  - {{name: ops, members: [Alice, bob]}}
targets:
  - name: web01
    address: web01.example:3390
    tags: [web, prod]
    login: delegate
    tls: {{verify: pin, pin: "sha256:{'00' * 32}"}}
  - name: web02
    address: "[2001:db8::1]:3389"
    login: {{inject: {{user: 'DOM\\u', password: p}}}}
    nla: "off"
rules:
  - {{name: r, users: [alice], groups: [ops], targets: [web01], tags: [prod]}}
"""


def bent(old, new):
    assert old in GOOD, old
    return GOOD.replace(old, new).encode()


config = {
    "good": GOOD.encode(),
    "small": b"users: []\ntargets: []\nrules: []\n",
    "empty": b"",
    "crlf": GOOD.replace("\n", "\r\n").encode(),
    "bom": b"\xef\xbb\xbf" + GOOD.encode(),
    "wide": "# \u00fc\u20ac\U0001f600\n".encode() + GOOD.encode(),
    "json": b'{"users": [], "targets": [], "rules": []}',
    "anchor": bent("users:", "users: &u"),
    "alias": bent("[Alice, bob]", "*u"),
    "tag": bent("tls_min: ", "tls_min: !!str "),
    "double": GOOD.encode() + b"users: []\n",
    "documents": GOOD.encode() + b"---\n",
    "unknown": bent("state_dir", "statedir"),
    "no_blank": bent("nt_hash: " + HASH + ", dis", "nt_hash:" + HASH + ", dis"),
    "missing": bent("    address: web01.example:3390\n", ""),
    "kind": bent("login: delegate", "login: [delegate]"),
    "login": bent("login: delegate", "login: injct"),
    "flow": bent("  - name: web01\n    address: web01.example:3390\n    tags: [web, prod]\n"
                 "    login: delegate\n    tls: ", "  - {name: web01, address: h, login: delegate, "
                 "tags: [web, prod], tls: ").replace(b"\"}\n  - name: web02", b"\"}}\n  - name: web02"),
    "quoted_delegate": bent("login: delegate", "login: 'delegate' # why"),
    "port": bent(":3390", ":99999"),
    "duration": bent("500ms", "5"),
    "drop": bent("16:50", "65:50"),
    "nla_none": bent('nla: "off"', 'nla: "off"\n    tls: {verify: none}'),
    "pin": bent("sha256:0000", "sha256:00"),
    "rule_user": bent("users: [alice]", "users: [carol]"),
    "conditions": bent("tags: [prod]}", "tags: [prod], sources: [10.0.0.0/8], countries: [DE], "
                       'when: {days: [mon-fri], hours: "22:00-06:00", zone: Europe/Berlin}, '
                       'nla: [ntlm], clients: {names: ["PC-*"], builds: "1-9"}}'),
    "demands": bent("tags: [prod]}", "tags: [prod], mfa: totp, fresh: 15m, consent: yes, "
                    "require: {approval: {by: ops, longest: 4h, reason: required, "
                    'ticket: "^C[0-9]+$"}}, concurrent: {user: 1, target: 2}, recording: "off"}'),
    "deny": bent("{name: r, ", "{name: r, effect: deny, "),
    "webhooks": GOOD.encode() + b"webhooks: [{url: 'http://127.0.0.1:8080/a?b', events: [auth_failed], "
                                b"secret: 0123456789abcdef}]\n",
    "webhook_url": GOOD.encode() + b"webhooks: [{url: 'https://u:p@h:1/#x', events: [a, webhook_b], "
                                   b"secret: 0123456789abcdef}]\n",
    "not_yet": bent("tags: [prod]}", "tags: [prod], watermark: true}"),
    "rule_tag": bent("tags: [prod]}", "tags: [none]}"),
    "secret_env": bent("password: p", "password: env:SP_NOT_SET"),
    "secret_file": bent("password: p", "password: file:nonexistent"),
    "deep": b"a: " + b"[" * 40 + b"]" * 40,
    "nul": b'users: ["\\0"]\n',
    "escape": b'names: ["\\e[31m\\n"]\nusers: []\ntargets: []\nrules: []\n',
}
names = ["alice", "bob", "a", "a#t", "bob#web01", "bob#t@d", "D\\a", "D\\bob#t", "bob@d#web01", "#t",
         "bob#", "", "\\", "@", "#", "A#T", "b\u00f6b", "\U0001f600#t", "a" * 70, "bob#" + "t" * 70,
         "D\\E\\a", "a#t#t", "BOB#WEB01@D@E"]


def write(target, seeds):
    folder = pathlib.Path(__file__).parent / "corpus" / target
    folder.mkdir(parents=True, exist_ok=True)
    for name, data in seeds.items():
        (folder / name).write_bytes(data)


write("config", config)
write("policy_name", {f"name{i:02}": text.encode("utf-16-le") for i, text in enumerate(names)})
