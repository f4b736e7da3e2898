# SPDX-License-Identifier: Apache-2.0
"""What Sallyport sends on both legs is well-formed in the eyes of another implementation: tshark.

The keys of TLS come from the peers, which are ours too: the product has no way to write them.
"""
import collections
import itertools
import os
import shutil
import ssl
import subprocess

import pytest

import rdpmini.client
from gate import BINARY, target_entry
from lab import Process, wait_for
from rdpmini import Closed, Refused, Stalled

pytestmark = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which('dumpcap'),
                                reason='capturing needs root and dumpcap')

COUNT = 100
CHANNELS = (), ('cliprdr', 'rdpsnd'), ('rdpdr', 'drdynvc', 'cliprdr', 'rdpsnd'), ('unknown', 'cliprdr')
VERSIONS = ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2
ENDS = None, {'password': 'wrong'}, {'requested': 1}, {'user': 'demo#nowhere'}


def plans():
    """One connection after the other, no two alike; every fourth is one that fails."""
    sizes = itertools.cycle(((1024, 768), (800, 600), (1920, 1200), (8192, 8192), (200, 200)))
    forms = itertools.product(VERSIONS, (3, 11), (None, 'ntlm', 'kerberos'), CHANNELS, (False, True))
    for number, (version, requested, spnego, channels, message_channel) in enumerate(forms):
        options = {'tls_version': version, 'requested': requested, 'spnego': spnego,
                   'channels': [(name, 0xC0000000) for name in channels],
                   'message_channel': message_channel, 'size': next(sizes)}
        yield {**options, **((ENDS[1 + number // 4 % 3]) if number % 4 == 3 else {})}


class Capture:
    """dumpcap on loopback, for some ports."""

    def __init__(self, folder, ports):
        self.file, self.ports = folder / 'all.pcapng', ports
        wanted = ' or '.join(f'tcp port {port}' for port in ports)
        self.process = Process(['dumpcap', '-q', '-i', 'lo', '-f', wanted, '-w', self.file],
                               folder / 'dumpcap.log')
        wait_for(lambda: self.file.exists() and self.file.stat().st_size > 0, what='dumpcap')

    def stop(self):
        last = -1
        while last != self.file.stat().st_size:  # it writes late
            last = self.file.stat().st_size
            subprocess.run(['sleep', '0.7'], check=True)
        self.process.stop()

    def dissect(self, keys, shown, fields, how=('tcp.port=={},tls', 'tls.port=={},tpkt')):
        """One line of fields for each frame that the display filter shows.

        how  which dissector has the ports: TLS hides the first two messages, TPKT all others
        """
        argv = ['tshark', '-r', self.file, '-o', f'tls.keylog_file:{keys}', '-Y', shown, '-T', 'fields']
        for port in self.ports:
            argv += [part for form in how for part in ('-d', form.format(port))]
        for field in fields:
            argv += ['-e', field]
        done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, check=True, timeout=300,
                              env=dict(os.environ, HOME=str(self.file.parent)))
        return [line.split('\t') for line in done.stdout.splitlines()]


def work(client):
    """To the desktop and a little further, or to the refusal."""
    with client:
        try:
            client.run()
            client.send_keys(0x1E, 0x1F)
            client.send_share(0x1C, b'\1\0\0\0' + b'\0\0\0\0\4\0\0\0\x1e\0\0\0')
            client.line.pdu()
        except (Refused, Closed, Stalled):
            pass


def test_every_frame_is_well_formed(make_gate, scripted, tmp_path, monkeypatch):
    keys = tmp_path / 'keys'
    keys.touch()
    plain = rdpmini.client.client_context

    def with_keys(version=None):
        context = plain(version)
        context.keylog_filename = keys
        return context
    monkeypatch.setattr(rdpmini.client, 'client_context', with_keys)

    def echo(connection):
        connection.send_fast(b'\x03\0\0')
        connection.serve()
    target = scripted(on_active=echo, message_channel=True)
    target.context.keylog_filename = keys
    service = make_gate(target_entry('desk', target))
    capture = Capture(tmp_path, (service.port, target.port))
    for options in itertools.islice(itertools.cycle(plans()), COUNT):
        work(service.mini(**options))
    wait_for(lambda: not service.session_pids(), what='the end of all sessions')
    capture.stop()

    ask = (keys, '_ws.malformed or _ws.expert.severity >= 0x00800000',
           ('frame.number', 'tcp.srcport', 'tcp.dstport', '_ws.col.Protocol', '_ws.expert.message'))
    bad = capture.dissect(*ask) + capture.dissect(*ask, how=('tcp.port=={},tpkt',))
    ours = [row for row in bad if int(row[1]) == service.port or int(row[2]) == target.port]
    assert not ours, ours[:5]
    # It did see through TLS: what is only inside it is there, on both legs.
    seen = collections.Counter()
    for port, protocols in capture.dissect(keys, 'tls', ('tcp.srcport', 'frame.protocols')):
        for name in ('credssp', 'ntlmssp', 't125', 'rdp'):
            seen[name, int(port) == service.port] += name in protocols.split(':')
    for name in ('credssp', 't125', 'rdp'):
        assert seen[name, True] >= COUNT / 2 and seen[name, False] >= COUNT / 2, seen


def test_the_product_cannot_write_keys():
    """No name of a key log is in the binaries, and nothing of OpenSSL that makes one."""
    for name in ('sallyport', 'sallyport-net'):
        binary = BINARY.with_name(name).read_bytes()
        for word in (b'SSLKEYLOGFILE', b'CLIENT_RANDOM', b'CLIENT_HANDSHAKE_TRAFFIC_SECRET', b'keylog'):
            assert word not in binary, name
