# SPDX-License-Identifier: Apache-2.0
"""Peers that mean harm: every connection ends in time, leaves one event, and reaches no target."""
import concurrent.futures
import os
import pathlib
import ssl
import threading
import time

import pytest

from gate import FAILURES, new_source, target_entry
from lab import wait_for
from lies import lies, tell
from rdpmini import Client, Closed, Refused, Stalled
from rdpmini.line import Fault, Line

FIRST_BYTE_S, AUTHENTICATED_S, SPARE_S = 5, 30, 2
LATE_S = 95  # behind authentication: activation has 60 s, a stalled side 60 s

GARBAGE = {
    'HTTP': b'GET / HTTP/1.1\r\nHost: x\r\n\r\n',
    'SSH': b'SSH-2.0-OpenSSH_9.2\r\n',
    'TLS at once': bytes.fromhex('160301020001000001fc0303') + bytes(500),
    'zeros': bytes(4096),
    'ones': b'\xff' * 4096,
    'preconnection': bytes.fromhex('120000000000000001000000000000000000'),
    'TPKT of no length': b'\x03\x00\x00\x00' + bytes(100),
    'TPKT of 6': b'\x03\x00\x00\x06\x02\xf0',
    'TPKT of 64 KiB': b'\x03\x00\xff\xff\xfe\xe0' + bytes(70000),
    'data before connection': b'\x03\x00\x00\x0c\x02\xf0\x80\x04\x01\x00\x01\x00',
    'fast-path': b'\x04\x04\x00\x1e',
    'PROXY': b'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n',
    'cookie without end': b'\x03\x00\x00\x40\x3b\xe0' + b'\0' * 5 + b'Cookie: mstshash=' + b'a' * 36,
}


@pytest.fixture
def guarded(make_gate, scripted):
    """A Sallyport whose target counts who comes."""
    target = scripted()
    service = make_gate(target_entry('desk', target))
    service.target = target
    return service


def events_by_source(service):
    found = {}
    for event in service.new_events():
        address = event.get('source', '').rsplit(':', 1)[0].strip('[]').removeprefix('::ffff:')
        found.setdefault(address, []).append(event['event'])
    return found


def nothing_left(service):
    wait_for(lambda: not service.session_pids(), 10, 'the end of all sessions')
    reasons = [e.get('reason', '') for e in service.new_events()]
    assert not [r for r in reasons if 'signal' in r], 'a session crashed'


@pytest.mark.parametrize('name', GARBAGE)
def test_garbage(guarded, name):
    line = Line.dial('127.0.0.1', guarded.port, new_source())
    try:
        line.push(GARBAGE[name])
        line.half_close()
    except (Closed, OSError):
        pass
    assert line.wait_closed(FIRST_BYTE_S) is not None
    line.close()
    assert guarded.one_failure('session_failed')['step'] == 'x224'
    assert guarded.target.contacts == 0


def test_garbage_inside_tls(guarded):
    for junk in (b'\0' * 100, b'\xff' * 20000, b'\x30\x84\xff\xff\xff\xff' + bytes(100), b'\x30\x82\xff\xff'):
        guarded.mark()
        with guarded.mini() as client:
            client.run('tls')
            try:
                client.line.send(junk)
                client.line.half_close()
            except (Closed, OSError):
                pass
            assert client.line.wait_closed(5) is not None
        guarded.one_failure('session_failed')
    assert guarded.target.contacts == 0


def test_a_byte_at_a_time(guarded):
    """Slow but honest: it must work."""
    with guarded.mini(fault=Fault(slow=True)) as client:
        client.run()
        client.send_keys(0x1E)
        assert guarded.target.wait(lambda t: b'\x1e' in t.connections[-1].facts.get('input', b''))


# (stage, what the client does, seconds until it must be closed, may the target have been reached)
SILENCES = {
    'tcp': ({'cut': {'x224': 0}}, FIRST_BYTE_S),
    'one byte': ({'cut': {'x224': 1}}, AUTHENTICATED_S),
    'after the request': ({'hold': 'tls'}, AUTHENTICATED_S),
    'inside ClientHello': ({'cut': {'tls': 100}}, AUTHENTICATED_S),
    'after TLS': ({'hold': 'negotiate'}, AUTHENTICATED_S),
    'inside a TSRequest': ({'cut': {'negotiate': 60}}, AUTHENTICATED_S),
    'after CHALLENGE': ({'hold': 'authenticate'}, AUTHENTICATED_S),
    'before credentials': ({'hold': 'credentials'}, AUTHENTICATED_S),
    'after NLA': ({'hold': 'mcs'}, LATE_S),
    'after MCS': ({'hold': 'domain'}, LATE_S),
    'before Client Info': ({'hold': 'info'}, LATE_S),
    'before Confirm Active': ({'hold': 'confirm'}, LATE_S),
}


def test_silence_at_each_stage(guarded):
    """Half-open at twelve places at once; each is closed at its own deadline."""
    ended = {}

    def stay_silent(name, options):
        with guarded.mini(timeout=LATE_S + 10, **options) as client:
            began = time.monotonic()
            with pytest.raises(Stalled):
                client.run()
            client.line.wait_closed(LATE_S + 5)
            ended[name] = time.monotonic() - began

    threads = [threading.Thread(target=stay_silent, args=(name, options))
               for name, (options, _) in SILENCES.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LATE_S + 10)
    late = {name: round(ended.get(name, 999), 1) for name, (_, limit) in SILENCES.items()
            if ended.get(name, 999) > limit + SPARE_S}
    assert not late
    nothing_left(guarded)
    pre = sum(1 for _, limit in SILENCES.values() if limit < LATE_S)
    assert guarded.target.contacts <= len(SILENCES) - pre


def test_slow_progress_does_not_extend_the_deadline(guarded):
    """One byte every second of a valid request: the 30 s count from the beginning."""
    began = time.monotonic()
    with guarded.mini(timeout=40) as client:
        request = b'\x03\x00\x00\xff\xfa\xe0' + bytes(5) + b'Cookie: mstshash=' + b'a' * 200
        with pytest.raises((Closed, BrokenPipeError, ConnectionResetError)):
            for byte in request:
                client.line.push(bytes([byte]))
                if client.line.wait_closed(1) is not None:
                    raise Closed('in time')
    assert time.monotonic() - began < AUTHENTICATED_S + SPARE_S
    guarded.one_failure('session_failed')


def _cut_many(port, password, jobs):
    """Runs in a process of its own: those cuts after which the server did not close in time."""
    bad = []
    for offset, ending, source in jobs:
        try:
            client = Client(port, 'demo', password, source=source, timeout=10,
                            fault=Fault(limit=offset, ending=ending))
        except OSError as error:
            bad.append((offset, str(error)))
            continue
        try:
            client.run()
            bad.append((offset, 'came through'))
        except Stalled:
            if ending == 'fin' and client.line.wait_closed(5) is None:
                bad.append((offset, 'still open'))
        except (Closed, Refused, TimeoutError, ValueError) as error:
            bad.append((offset, repr(error)))
        client.line.close()
    return bad


def _in_parallel(work, service, jobs, workers=3):
    parts = [jobs[i::workers] for i in range(workers)]
    with concurrent.futures.ProcessPoolExecutor(workers) as pool:
        runs = [pool.submit(work, service.port, service.passwords['demo'], part) for part in parts]
        return [bad for run in runs for bad in run.result()]


@pytest.mark.parametrize('ending', ['fin', 'rst'])
def test_truncation_at_every_offset(guarded, ending):
    with guarded.mini() as client:
        client.run()
        total, authenticated = client.line.sent, client.offsets['mcs']
    guarded.wait_event('session_end')
    guarded.mark()
    contacts = guarded.target.contacts
    fds = {role: open_files(pid) for role, pid in guarded.roles().items()}

    before = [(n, ending, new_source()) for n in range(1, authenticated)]
    assert _in_parallel(_cut_many, guarded, before) == []
    assert guarded.target.contacts == contacts, 'the target was contacted before authorisation'
    after = [(n, ending, new_source()) for n in range(authenticated, total)]
    assert _in_parallel(_cut_many, guarded, after) == []

    nothing_left(guarded)
    told = events_by_source(guarded)
    twice = {s: told.get(s) for _, _, s in before
             if sum(name in FAILURES for name in told.get(s, [])) != 1}
    assert not twice, list(twice.items())[:5]
    wait_for(lambda: {role: open_files(pid) for role, pid in guarded.roles().items()} == fds, 10,
             'the same number of descriptors as before')


def open_files(pid):
    return len(os.listdir(f'/proc/{pid}/fd'))


def _lie_many(port, password, jobs):
    bad = []
    for step, lie, source in jobs:
        client = Client(port, 'demo', password, source=source, timeout=10,
                        alter={step: lambda data, lie=lie: tell(data, lie)})
        try:
            client.run()
            bad.append((step, lie, 'came through'))
        except Stalled:
            if client.line.wait_closed(5) is None:
                bad.append((step, lie, 'still open'))
        except (Closed, Refused):
            pass
        client.line.close()
    return bad


def test_each_length_field_lied_about(guarded):
    messages = {}

    def keep(step):
        def change(data):
            messages[step] = data
            raise Stalled(step)
        return change

    steps = ('x224', 'negotiate', 'authenticate', 'secret', 'credentials', 'mcs', 'domain', 'info')
    for step in steps:
        with guarded.mini(alter={step: keep(step)}) as client, pytest.raises(Stalled):
            client.run()
    wait_for(lambda: not guarded.session_pids(), what='the end of all sessions')
    guarded.mark()
    contacts = guarded.target.contacts
    jobs = [(step, lie, new_source()) for step in steps for lie in lies(step, messages[step])]
    early = [job for job in jobs if job[0] in ('x224', 'negotiate', 'authenticate', 'credentials', 'secret')]
    assert _in_parallel(_lie_many, guarded, early) == []
    assert guarded.target.contacts == contacts, 'the target was contacted before authorisation'
    assert _in_parallel(_lie_many, guarded, [job for job in jobs if job not in early]) == []
    nothing_left(guarded)
    told = events_by_source(guarded)
    for step, lie, source in early:
        failures = [name for name in told.get(source, []) if name in FAILURES]
        assert len(failures) == 1, (step, lie, told.get(source))


def test_ms_t120_is_an_exploit_attempt(guarded):
    for name in (b'MS_T120\0', b'ms_t120\0'):
        guarded.mark()
        with guarded.mini(channels=[('rdpdr', 0x80000000), (name, 0)]) as client:
            with pytest.raises((Closed, Refused, ValueError)):
                client.run()
        guarded.one_failure('exploit_attempt')


@pytest.mark.parametrize('channels', [
    [('rdpdr', 0)] * 2, [(b'noNUL678', 0)], [(f'c{i}', 0) for i in range(32)], [(b'\x01\x02\0\0\0\0\0\0', 0)]],
    ids=['twice', 'no NUL', '32', 'unprintable'])
def test_channel_lists(guarded, channels):
    with guarded.mini(channels=channels) as client:
        with pytest.raises((Closed, Refused, ValueError)):
            client.run()
    guarded.wait_event('session_end')
    assert len(guarded.failures()) == 1


def peak_kib(pid):
    """The most that a process ever held, as far as it is still there to be asked."""
    try:
        text = pathlib.Path(f'/proc/{pid}/status').read_text()
        return int(text.split('VmHWM:')[1].split()[0])
    except (OSError, IndexError):
        return 0


def test_memory_is_bounded_before_authentication(guarded):
    """A peer that sends without end is ended soon, and costs nothing until then."""
    with guarded.mini() as client:
        client.run('tls')
        pid, = guarded.session_pids()
        before = after = peak_kib(pid)
        end = time.monotonic() + 3
        with pytest.raises((Closed, OSError)):
            while time.monotonic() < end:
                client.line.send(b'\x30\x82\x3f\xff' + bytes(16383))
                after = max(after, peak_kib(pid))
    assert after - before < 1024
    nothing_left(guarded)


def test_a_crowd_that_says_little_leaves_nothing(make_gate, scripted):
    """gnome-remote-desktop CVE-2025-5024, 2026-18358, 2026-96541: 0, 1 or 10 bytes, and they stay."""
    target = scripted()
    service = make_gate(target_entry('desk', target), limits={
        'unauthenticated': 100, 'first_byte': '1s', 'authenticate': '2s'})
    fds = {role: open_files(pid) for role, pid in service.roles().items()}
    for said in (b'', b'\x03', b'\x03\0\0\x13\x0e\xe0\0\0\0\0'):
        crowd = []
        for _ in range(700):
            try:
                line = Line.dial('127.0.0.1', service.port, new_source())
                crowd.append(line)
                line.push(said)
            except (Closed, OSError):
                pass  # beyond the limit they are reset at once
        assert len(service.session_pids()) <= 100 <= len(crowd)
        for line in crowd:
            assert line.wait_closed(10) is not None
            line.close()
    with service.mini() as client:
        client.run()
    assert target.contacts == 1
    wait_for(lambda: not service.session_pids(), 10, 'the end of all sessions')
    wait_for(lambda: {role: open_files(pid) for role, pid in service.roles().items()} == fds, 10,
             'the same number of descriptors as before')


def test_tls_renegotiation_and_tickets_are_off(guarded):
    with guarded.mini(tls_version=ssl.TLSVersion.TLSv1_2) as client:
        client.run('tls')
        assert client.line.tls.session is None or not client.line.tls.session.has_ticket


def test_no_core_and_no_file_is_left(guarded):
    with guarded.mini() as client:
        client.run('tls')
        pid = guarded.session_pids()[0]
        limits = pathlib.Path(f'/proc/{pid}/limits').read_text()
        assert any(line.split()[4:5] == ['0'] for line in limits.splitlines()
                   if line.startswith('Max core file size'))
