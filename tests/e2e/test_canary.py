# SPDX-License-Identifier: Apache-2.0
"""Canary secrets (SEC-05): used in every way they can be, and then looked for wherever words end up.

Each secret is one of a kind, so that a hit is a leak and never chance. The programs' memory is the
business of test_memory.py; this is about what they write, show and are started with.
"""
import base64
import os
import pathlib

import pytest

from gate import command_line, running, target_entry
from lab import word
from rdpmini import Closed, Refused, Stalled, ntlm


def forms(secret):
    """The ways in which a word may lie in a file."""
    wide = secret.encode('utf-16-le')
    return {'plain': secret.encode(), 'UTF-16': wide, 'hex': secret.encode().hex().encode(),
            'hex of UTF-16': wide.hex().encode(), 'base64': base64.b64encode(secret.encode())[:-4],
            'hash': ntlm.nt_hash(secret), 'hex of hash': ntlm.nt_hash(secret).hex().encode()}


def found(data, secrets, but=()):
    return [f'{name} ({form})' for name, secret in secrets.items()
            for form, value in forms(secret).items() if value in data and form not in but]


def everything_written(folder, but):
    for file in pathlib.Path(folder).rglob('*'):
        if file.is_file() and file not in but:
            yield file, file.read_bytes()


@pytest.fixture(params=['NLA', 'TLS'])
def stage(request, make_gate, scripted):
    """A service, a target, and what is secret between them."""
    password = 'Canary' + word()
    target = scripted(password=password, **({} if request.param == 'NLA' else {'selected': 1}))
    entry = target_entry('desk', target, verify='tofu', nla='required' if request.param == 'NLA' else 'off')
    hidden = make_gate(entry).folder / 'target-password'
    hidden.touch(mode=0o600)
    hidden.write_text(password)
    entry['login']['inject']['password'] = f'file:{hidden}'
    service = make_gate(entry, users=('demo', 'other'), rules=[{'name': 'one', 'users': ['demo'],
                                                                'targets': ['desk']}])
    secrets = {'user': service.passwords['demo'], 'other': service.passwords['other'], 'target': password,
               'wrong': 'Canary' + word()}
    return service, target, secrets, hidden


def use_them_all(service, secrets):
    """Right, wrong, denied, cut off, in the user's place, and while each process is looked at."""
    with service.mini() as client:
        client.run()
        client.send_keys(0x1E)
        yield 'at work'
    for options in ({'password': secrets['wrong']}, {'user': 'other', 'password': secrets['other']},
                    {'user': secrets['wrong'] + '#desk', 'password': secrets['user']},
                    {'alter': {'credentials': lambda data: data[:-3] + b'xyz'}},
                    {'alter': {'info': lambda data: data[:-9]}}, {'alter': {'secret': lambda d: d[:-1]}}):
        with service.mini(**options) as client, pytest.raises((Refused, Closed, Stalled)):
            client.run()
        yield str(sorted(options))
    victim = service.mini()
    victim.run('nla')
    for pid in service.session_pids():
        os.kill(pid, 11)  # a crash, with whatever it holds at that moment
    victim.line.close()
    yield 'after a crash'


def test_no_secret_is_written_or_shown(stage, tmp_path):
    service, target, secrets, hidden = stage
    for when in use_them_all(service, secrets):
        for pid in service.all_pids():
            if running(pid):
                shown = command_line(pid).encode() + pathlib.Path(f'/proc/{pid}/environ').read_bytes()
                assert not found(shown, secrets), f'{when}: in the arguments or environment of {pid}'
    service.wait_event('session_end', count=7)
    assert any(c.facts.get('info', {}).get('user') == 'worker' for c in target.connections)
    service.stop()
    files = list(everything_written(service.folder, (hidden, service.file)))
    assert any(file.name == 'events.jsonl' and data for file, data in files)
    # A person may type the password where the name belongs; that name is logged, as it must be.
    typed = secrets.pop('wrong')
    for file, data in files:
        assert not found(data, secrets), f'{file}: {found(data, secrets)}'
        leaks = [hit for hit in found(data, {'wrong': typed}) if 'plain' not in hit]
        assert not leaks, f'{file}: {leaks}'
    cores = [f for f in (*tmp_path.rglob('core*'), *pathlib.Path.cwd().glob('core*')) if f.is_file()]
    assert not cores, 'a process that holds secrets left a core'
