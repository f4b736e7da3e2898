# SPDX-License-Identifier: Apache-2.0
"""An attacker runs in the session, in the product's real cage: what can it reach?

sallyport-evil is the product with tests/evil in place of the session room. Each probe of
tests/evil/expected.txt gets a connection of its own.
"""
import os
import pathlib
import shutil
import signal
import socket
import struct
import types

import pytest

import gate as gate_module
from lab import BUILD, wait_for
from rdpmini import ntlm

EVIL = pathlib.Path(os.environ.get('SALLYPORT_EVIL_BIN', BUILD / 'tests/evil/sallyport-evil'))
TABLES = pathlib.Path(__file__).resolve().parent.parent / 'evil'
ALLOWED_MAX = 10
PROBES_MIN = 80


def rows(name):
    lines = (TABLES / name).read_text().splitlines()
    return [line.split() for line in lines if line.strip() and not line.startswith('#')]


EXPECTED = rows('expected.txt')
ALLOWED = {row[0] for row in rows('allowed.txt')}


@pytest.fixture(scope='module')
def evil(tmp_path_factory):
    listening = socket.create_server(('127.0.0.1', 0))
    target = types.SimpleNamespace(port=listening.getsockname()[1], user='worker',
                                   password='behind-the-gate')
    folder = tmp_path_factory.mktemp('evil')
    gate_module.let_others_pass(folder)
    honest = gate_module.BINARY
    gate_module.BINARY = shutil.copy(honest, folder)
    shutil.copy(EVIL, folder / 'sallyport-net')
    service = gate_module.Gate(folder, [gate_module.target_entry('desk', target)])
    gate_module.BINARY = honest
    yield service
    service.stop()
    listening.close()


def ask(service, line):
    """Say one line to a fresh evil session; (what it answered, its address in the events)."""
    source = gate_module.new_source()
    with socket.create_connection(('127.0.0.1', service.port), 10, (source, 0)) as s:
        s.settimeout(20)
        address = '%s:%d' % s.getsockname()
        s.sendall(line.encode() + b'\n')
        answer = b''
        try:
            while chunk := s.recv(4096):
                answer += chunk
        except ConnectionResetError:
            pass
    return answer.decode().strip(), address


def argument(service, kind):
    pids = service.roles()
    return {
        '': '',
        'config': str(service.file),
        'events': str(service.state / 'events.jsonl'),
        'key': str(next(service.state.glob('*key*'), service.state)),
        'control': str(service.state),
        'keeper_pid': str(pids['keeper']),
        'keeper_mem': f"/proc/{pids['keeper']}/mem",
        'spawner_mem': f"/proc/{pids.get('spawner', 1)}/mem",
        'password': service.passwords['demo'],
    }[kind]


def ending(service, address):
    """The session_end event of the connection from that address, and whether it was a violation."""
    def there():
        found = service.events('session_end', source=address)
        return found[-1] if found else None
    end = wait_for(there, 15, f'end of the session from {address}')
    return end, bool(service.events('session_violation', source=address))


@pytest.mark.parametrize('row', EXPECTED, ids='-'.join)
def test_probe(evil, row):
    name, want, kind = (*row, '')[:3]
    keeper = evil.process.pid
    answer, address = ask(evil, f'probe {name} {argument(evil, kind)}'.rstrip())
    end, violated = ending(evil, address)
    sig = os.WTERMSIG(end.get('status', 0)) if end.get('status') else 0

    if want == 'killed':
        assert (answer, sig) == ('', signal.SIGSYS)
    elif want == 'died':
        assert answer == '' and sig not in (0, signal.SIGSYS)
    elif want == 'denied':
        assert answer.startswith('denied ') and not violated
    elif want == 'refused':
        assert answer.split()[-1] == 'refused' and not violated
    elif want == 'ended':
        assert answer in ('', 'ended') and violated
    else:
        assert want == 'ok' and answer == 'ok' and not violated
    assert evil.process.alive() and evil.process.pid == keeper


def test_tables(evil):
    names = [row[0] for row in EXPECTED]
    assert set(ask(evil, 'list')[0].split()) == set(names), 'expected.txt names every probe'
    assert {row[0] for row in EXPECTED if row[1] == 'ok'} == ALLOWED
    assert len(ALLOWED) <= ALLOWED_MAX
    assert sum(row[1] in ('killed', 'denied', 'ended') for row in EXPECTED) >= PROBES_MIN


def test_no_key_is_in_the_answer_to_bind(evil):
    """An attacker who signed in reads all that keeper gives it, and knows no key to open authInfo."""
    answer, _ = ask(evil, f"probe seal_own_binding {evil.passwords['demo']}")
    said, verdict = answer.splitlines()
    answer = bytes.fromhex(said.removeprefix('bind '))
    assert verdict == 'refused'
    target = ntlm.Acceptor('worker', 'behind-the-gate')
    target.negotiate_bytes, target.challenge_bytes = b'', b''
    target.server_challenge = bytes(8)
    size, = struct.unpack_from('<I', answer, 8)
    assert target.accept(answer[48:48 + size]), 'what the target knows is enough to find its key'
    assert not [name for name, key in target.seal.keys().items() if key in answer]
    at = 48 + 6144
    assert len(target.seal.unseal(answer[at:at + 48])) == 32, 'they are the right ones'


def text_base(pid):
    for line in pathlib.Path(f'/proc/{pid}/maps').read_text().splitlines():
        if 'sallyport' in line:
            return line.split('-')[0]
    return None


@pytest.mark.skipif(os.geteuid() != 0, reason="a cage's memory map is readable for root only")
def test_new_address_layout_after_a_kill(evil):
    pids = evil.wait_roles()
    before = text_base(pids['spawner'])
    assert before is not None
    assert ask(evil, 'probe own_memory')[0] == 'ok'
    assert text_base(pids['spawner']) == before, 'an orderly end changes nothing'
    assert ask(evil, 'probe fork')[0] == ''
    wait_for(lambda: text_base(pids['spawner']) not in (None, before), 10, 'a new layout')
    assert evil.roles() == pids, 'the same processes, newly laid out'
    assert ask(evil, 'probe own_memory')[0] == 'ok'


def fields(pid):
    lines = pathlib.Path(f'/proc/{pid}/status').read_text().splitlines()
    return dict(line.split(':\t', 1) for line in lines if ':\t' in line)


def test_every_cage_is_closed(evil):
    """ISO-01: no new privileges, seccomp on, no capabilities, in each process but keeper."""
    pids = evil.wait_roles()
    with socket.create_connection(('127.0.0.1', evil.port), 10, (gate_module.new_source(), 0)) as s:
        s.sendall(b'p')  # a session that waits for the rest of its line
        wait_for(evil.session_pids, 10, 'a session')
        pids['session'] = evil.session_pids()[0]
        for role in ('door', 'spawner', 'dialer', 'session'):
            seen = fields(pids[role])
            assert seen['NoNewPrivs'] == '1', role
            assert seen['Seccomp'] == '2', role
            for name in ('CapInh', 'CapPrm', 'CapEff', 'CapAmb'):
                assert int(seen[name], 16) == 0, (role, name)
        assert int(fields(pids['session'])['Seccomp_filters']) == 2
        assert int(fields(pids['spawner'])['Seccomp_filters']) == 1, 'exec adds no second one'
