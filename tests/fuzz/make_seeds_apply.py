#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write the seeds of apply_policy: the sections of a policy as the command line sends them."""
import json

from make_seeds_session import write

HASH = "8846f7eaee8fb117ad06bdd830b7586c"
USER = {"name": "alice", "nt_hash": HASH}
TARGET = {"name": "web", "address": "web.example:3389",
          "login": {"inject": {"user": "worker", "password": "p"}}, "tls": {"verify": "tofu"}}
RULE = {"name": "all", "users": ["alice"], "targets": ["web"]}
GOOD = {"users": [USER], "groups": [{"name": "ops", "members": ["alice"]}], "targets": [TARGET],
        "rules": [RULE]}


def seeds():
    policies = {
        "good": GOOD,
        "empty": {},
        "empty_sections": {key: [] for key in GOOD},
        "two_rules": {"rules": [RULE, {**RULE, "name": "second"}]},
        "same_twice": {"users": [USER, USER]},
        "folded_twice": {"users": [USER, {**USER, "name": "ALICE"}]},
        "umlaut": {"users": [{**USER, "name": "\u00c4nne"}]},
        "no_name": {"users": [{"nt_hash": HASH}]},
        "empty_name": {"users": [{**USER, "name": ""}]},
        "long_name": {"users": [{**USER, "name": "n" * 300}]},
        "number_name": {"users": [{**USER, "name": 7}]},
        "newline_name": {"rules": [{**RULE, "name": "a\nb"}]},
        "unknown_section": {"listeners": []},
        "singular": {"user": [USER]},
        "no_list": {"users": USER},
        "no_mapping": {"users": ["alice"]},
        "keep_new": {"users": [{**USER, "nt_hash": "stored:keep"}]},
        "keep_password": {"targets": [{**TARGET, "login": {"inject": {
            "user": "worker", "password": "stored:keep"}}}]},
        "secret_number": {"users": [{**USER, "nt_hash": 5}]},
        "secret_long": {"users": [{**USER, "nt_hash": "a" * 2000}]},
        "secret_file": {"users": [{**USER, "nt_hash": "file:/etc/shadow"}]},
        "inject_text": {"targets": [{**TARGET, "login": "delegate"}]},
        "inject_null": {"targets": [{**TARGET, "login": {"inject": None}}]},
        "tls_missing": {"targets": [{"name": "x", "address": "x"}]},
        "deep": {"rules": [{**RULE, "when": [[[[[[[[[[1]]]]]]]]]]}]},
    }
    for name, policy in policies.items():
        text = json.dumps(policy, ensure_ascii=False).encode()
        yield name, b"0" + text
        if name in ("good", "empty", "two_rules"):
            yield name + "_prune", b"1" + text


if __name__ == "__main__":
    write("apply_policy", seeds())
