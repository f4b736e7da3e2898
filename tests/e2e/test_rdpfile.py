# SPDX-License-Identifier: Apache-2.0
"""Signed .rdp files: openssl accepts the signature over the bytes that we write down here, and no other."""
import base64
import os
import subprocess

import pytest

from gate import Gate, target_entry
from lab import Display, Process

# What rdpsign covers of what we write, in its order: the key in the file and its name in signscope.
COVERED = [
    ('full address:s:', 'Full Address'), ('alternate full address:s:', 'Alternate Full Address'),
    ('negotiate security layer:i:', 'Negotiate Security Layer'),
    ('enablecredsspsupport:i:', 'EnableCredSspSupport'),
    ('disableconnectionsharing:i:', 'DisableConnectionSharing'),
    ('autoreconnection enabled:i:', 'AutoReconnection Enabled'),
    ('gatewayusagemethod:i:', 'GatewayUsageMethod'), ('promptcredentialonce:i:', 'PromptCredentialOnce'),
    ('prompt for credentials:i:', 'Prompt For Credentials'),
    ('authentication level:i:', 'Authentication Level'), ('audiomode:i:', 'AudioMode'),
    ('redirectdrives:i:', 'RedirectDrives'), ('redirectprinters:i:', 'RedirectPrinters'),
    ('redirectcomports:i:', 'RedirectCOMPorts'), ('redirectsmartcards:i:', 'RedirectSmartCards'),
    ('redirectposdevices:i:', 'RedirectPOSDevices'), ('redirectclipboard:i:', 'RedirectClipboard'),
    ('devicestoredirect:s:', 'DevicesToRedirect'), ('drivestoredirect:s:', 'DrivesToRedirect')]


class Nowhere:
    """A target that nobody connects to."""
    port, user, password = 9, 'nobody', 'nothing'


@pytest.fixture(name='gate', scope='module')
def _gate(tmp_path_factory):
    gate = Gate(tmp_path_factory.mktemp('rdpfile'), [target_entry('web01', Nowhere)],
                users=('demo', 'idle'), names=['gate.example'],
                rules=[{'name': 'all', 'users': ['demo'], 'targets': ['web01']}])
    yield gate
    gate.stop()


def rdp(gate, path, *argv):
    return gate.command('rdp', 'web01', '-o', str(path), '-c', gate.file, *argv)


def lines_of(path):
    raw = path.read_bytes()
    assert raw.startswith(b'\xff\xfe')
    return raw.decode('utf-16').split('\r\n')[:-1]


def verifies(lines, cert, folder):
    """What a client does, with openssl: rebuild the covered bytes and check the signature over them."""
    fields = {line.split(':s:')[0]: line.split(':s:', 1)[1] for line in lines if ':s:' in line}
    raw = base64.b64decode(fields['signature'], validate=True)
    assert raw[:8] == bytes([1, 0, 1, 0, 1, 0, 0, 0])
    assert int.from_bytes(raw[8:12], 'little') == len(raw) - 12
    names = fields['signscope'].split(',')
    keys = {name: key for key, name in COVERED}
    covered = [next(line for line in lines if line.startswith(keys[name])) for name in names]
    text = '\r\n'.join(covered) + '\r\nsignscope:s:' + fields['signscope'] + '\r\n\0'
    (folder / 'message').write_bytes(text.encode('utf-16-le'))
    (folder / 'signature').write_bytes(raw[12:])
    return subprocess.run(
        ['openssl', 'cms', '-verify', '-binary', '-inform', 'DER', '-in', folder / 'signature', '-content',
         folder / 'message', '-CAfile', cert, '-purpose', 'any', '-out', os.devnull],
        capture_output=True, check=False).returncode == 0


def test_signed_as_rdpsign_signs(gate, tmp_path):
    file = tmp_path / 'web01.rdp'
    done = rdp(gate, file, '--user', 'demo')
    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    lines = lines_of(file)
    assert f'full address:s:gate.example:{gate.port}' in lines
    assert 'username:s:demo#web01' in lines
    scope = next(line for line in lines if line.startswith('signscope:s:'))
    assert scope == 'signscope:s:' + ','.join(name for _, name in COVERED)
    cert = gate.state / 'certificate.pem'
    assert verifies(lines, cert, tmp_path)
    for n, line in enumerate(lines):
        if line.startswith(tuple(key for key, _ in COVERED)):
            bent = lines[:n] + [line + '1'] + lines[n + 1:]
            assert not verifies(bent, cert, tmp_path), line
    fewer = [scope.replace(',AudioMode', '') if line == scope else line for line in lines]
    assert not verifies(fewer, cert, tmp_path)


def test_another_gateways_key_does_not_verify(gate, tmp_path):
    other = tmp_path / 'other.pem'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
                    '-keyout', tmp_path / 'key.pem', '-out', other, '-subj', '/CN=gate.example'],
                   check=True, capture_output=True)
    file = tmp_path / 'web01.rdp'
    assert rdp(gate, file, '--user', 'demo').returncode == 0
    assert not verifies(lines_of(file), other, tmp_path)


def test_address_and_refusals(gate, tmp_path):
    file = tmp_path / 'web01.rdp'
    assert rdp(gate, file, '--user', 'demo', '--address', '[2001:db8::1]:443').returncode == 0
    assert 'full address:s:[2001:db8::1]:443' in lines_of(file)
    for argv, word in [(['--user', 'nobody'], 'no such user'), (['--user', 'idle'], 'no rule'),
                       (['--user', 'demo', '--address', 'a:70000'], 'port'),
                       (['--user', 'demo', '--address', 'a:b'], '--address'),
                       (['--user', 'demo', '--for', '5m'], '--ticket'),
                       (['--user', 'demo', '--colour'], 'unknown option')]:
        done = rdp(gate, tmp_path / 'not.rdp', *argv)
        assert done.returncode in (1, 2) and word in done.stderr, (argv, done.stderr)
        assert not (tmp_path / 'not.rdp').exists()


def test_a_client_reads_it(gate, tmp_path):
    """FreeRDP takes address and user from the file: keeper hears the name that stands in it."""
    file = tmp_path / 'web01.rdp'
    assert rdp(gate, file, '--user', 'demo', '--address', f'127.0.0.1:{gate.port}').returncode == 0
    gate.mark()
    display = Display(tmp_path)
    client = Process(['xfreerdp', file, '/p:' + gate.passwords['demo'], '/cert:ignore'],
                     tmp_path / 'xfreerdp.log', display.env())
    try:
        assert gate.wait_event('auth_succeeded')['user'] == 'demo#web01'
    finally:
        client.stop()
        display.stop()
