# SPDX-License-Identifier: Apache-2.0
"""What scanners learn: CredSSP is offered alone, and no name from inside is told."""
import re
import shutil
import socket
import subprocess

import pytest

pytestmark = pytest.mark.skipif(not shutil.which('nmap'), reason='needs nmap')


def scan(gate, script):
    """What a script says; the + runs it though the port is not RDP's own."""
    return subprocess.run(['nmap', '-Pn', '-n', '-sT', '-p', str(gate.port), '--script', '+' + script,
                           '127.0.0.1'], capture_output=True, text=True, check=True, timeout=120).stdout


def test_only_credssp_is_offered(gate):
    shown = scan(gate, 'rdp-enum-encryption')
    answers = dict(re.findall(r'\|\s+(.+?): (SUCCESS|FAILED[^\n]*)', shown))
    good = {name for name, answer in answers.items() if answer == 'SUCCESS'}
    assert good and good <= {'CredSSP (NLA)', 'CredSSP with Early User Auth'}, shown
    assert 'RC4' not in shown


def test_no_inner_names(gate):
    shown = scan(gate, 'rdp-ntlm-info')
    told = dict(re.findall(r'\|[ _]+(\w+): (.*)', shown))
    assert told.pop('System_Time'), shown
    assert told.pop('Product_Version'), shown
    assert {value.lower() for value in told.values()} == {'sallyport'}
    assert socket.gethostname().lower() not in shown.lower().split('nmap done')[0]
