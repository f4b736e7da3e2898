# SPDX-License-Identifier: Apache-2.0
"""Decisions with 10 000 rules and 10 000 targets, and 1 000 sessions decided on again."""
import json
import subprocess

from lab import BUILD


def measure(_folder, quick):
    done = subprocess.run([BUILD / 'bench/policy', '50' if quick else '500'], capture_output=True,
                          text=True, check=True, timeout=300)
    return json.loads(done.stdout)
