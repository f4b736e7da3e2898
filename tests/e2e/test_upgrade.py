# SPDX-License-Identifier: Apache-2.0
"""Upgrade: another program takes over the sockets; no session ends and no connection is refused."""
import json
import os
import pathlib
import shutil
import signal
import socket
import threading
import time

import pytest

import gate as gate_module
from gate import command_line, descendants, new_source, running, target_entry
from lab import wait_for
from rdpmini import Closed, Refused
from test_kill import answers, echo
from test_reload import SESSIONS, Manager, connects, go_on, people, rewrite


@pytest.fixture
def desk(scripted):
    return target_entry('desk', scripted(on_active=echo))


class Installed:
    """A service whose program stands in a folder of its own, where another can take its place."""

    def __init__(self, make_gate, desk, folder, monkeypatch, **settings):
        self.file = folder / 'sallyport'
        self.built = gate_module.BINARY
        self.replace()
        monkeypatch.setattr(gate_module, 'BINARY', self.file)
        self.service = make_gate(desk, **settings)
        self.keeper = self.service.process.pid

    def replace(self, text=None):
        made = self.file.with_name('next')
        if text is None:
            shutil.copy(self.built, made)
            shutil.copy(self.built.with_name('sallyport-net'), self.file.with_name('next-net'))
            self.file.with_name('next-net').rename(self.file.with_name('sallyport-net'))
        else:
            made.write_text(text)
        made.chmod(0o755)
        made.rename(self.file)

    def runs_installed(self, pid):
        try:
            return os.stat(f'/proc/{pid}/exe').st_ino in (
                self.file.stat().st_ino, self.file.with_name('sallyport-net').stat().st_ino)
        except OSError:
            return False

    def socket(self, pid=None):
        return str(self.service.state / 'control.sock') + (f'.{pid}' if pid else '')

    def upgrade(self):
        return self.service.command('upgrade', '-s', self.socket(), '--json')

    def heirs(self):
        return [pid for pid in descendants(self.keeper) if '--role=heir' in command_line(pid)]

    def end(self):
        """Whatever runs our program or ran it, by its number."""
        for name in os.listdir('/proc'):
            if name.isdigit() and running(name):
                try:
                    if os.readlink(f'/proc/{name}/exe').startswith(str(self.file.parent)):
                        os.kill(int(name), signal.SIGKILL)
                except OSError:
                    pass

    def sessions(self, pid=None):
        answer = self.service.command('sessions', '-s', self.socket(pid), '--json')
        assert answer.returncode == 0, answer
        return json.loads(answer.stdout)


@pytest.fixture
def installed(make_gate, desk, tmp_path, monkeypatch):
    made = []

    def make(**settings):
        folder = tmp_path / 'bin'
        folder.mkdir()
        gate_module.let_others_pass(folder)
        made.append(Installed(make_gate, desk, folder, monkeypatch, **settings))
        return made[-1]
    yield make
    for one in made:  # an heir outlives the process that the gate knows
        one.end()


class Knocking:
    """So many TCP connections a second, each looked at: refused, or accepted."""

    def __init__(self, port, rate=200):
        self.port, self.rate = port, rate
        self.accepted, self.refused = 0, []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        due = time.monotonic()
        while not self.stop.is_set():
            due += 1 / self.rate
            try:
                socket.create_connection(('127.0.0.1', self.port), 5,
                                         source_address=(new_source(), 0)).close()
                self.accepted += 1
            except OSError as error:
                self.refused.append(error)
            time.sleep(max(0, due - time.monotonic()))

    def end(self):
        self.stop.set()
        self.thread.join()


def test_nobody_is_dropped_or_refused(installed):
    """UPG-01, UPG-02: 20 at work, 200 connects a second, the binary replaced in between."""
    one = installed(limits={'unauthenticated': 1000})
    service = one.service
    clients = people(service, SESSIONS)
    half_way = service.mini()
    half_way.run('tls')
    silent = service.mini()
    knocking = Knocking(service.port)
    time.sleep(0.5)
    one.replace()
    answer = one.upgrade()
    assert answer.returncode == 0, answer
    heir, = one.heirs()
    time.sleep(0.5)
    knocking.end()
    assert not knocking.refused and knocking.accepted > 100

    assert one.runs_installed(heir) and not one.runs_installed(one.keeper)
    assert all(answers(client) for client in clients)
    go_on(half_way, 'tls')
    silent.run()
    assert answers(half_way) and answers(silent)
    with service.mini() as client:
        client.run()
        assert answers(client)
        at_work = wait_for(lambda: [s for s in one.sessions()['sessions'] if s['state'] == 'active'])
        assert len(at_work) == 1
        assert one.runs_installed(at_work[0]['pid'])
    wait_for(lambda: one.sessions()['finishing'] == SESSIONS + 2, what='the count of the old one')
    old = one.sessions(one.keeper)['sessions']
    assert len(old) == SESSIONS + 2

    # The old one's sessions can still be ended, and it ends with its last.
    assert service.command('kill', old[0]['id'], '-s', one.socket(one.keeper)).returncode == 0
    wait_for(lambda: one.sessions()['finishing'] == SESSIONS + 1, what='one less')
    for client in [*clients, half_way, silent]:
        client.line.close()
    assert service.process.wait(20) == 0
    assert running(heir)
    assert one.sessions()['finishing'] == 0
    assert connects(service)
    assert not pathlib.Path(one.socket(one.keeper)).exists()
    os.kill(heir, signal.SIGTERM)
    wait_for(lambda: not running(heir), 20, 'the end of the heir')
    assert not pathlib.Path(one.socket()).exists()


def test_again_and_again(installed):
    one = installed()
    client = people(one.service, 1)[0]
    first = one.keeper
    seen = {first}
    for _ in range(3):
        assert one.upgrade().returncode == 0
        heir, = [p for p in one.heirs() if p not in seen]
        seen.add(heir)
        assert connects(one.service) and answers(client)
    wait_for(lambda: one.sessions()['finishing'] == 1, what='the count through all of them')
    client.line.close()
    assert one.service.process.wait(20) == 0
    wait_for(lambda: [p for p in seen if running(p)] == [heir], 20, 'the last one alone')
    assert connects(one.service)
    os.kill(heir, signal.SIGTERM)
    wait_for(lambda: not running(heir), 20, 'the end of the heir')


@pytest.mark.parametrize('kind', ['no program', 'a program that fails', 'bad configuration'])
def test_what_fails_changes_nothing(installed, kind):
    one = installed()
    service = one.service
    client = people(service, 1)[0]
    roles = service.roles()
    good = service.file.read_text()
    if kind == 'no program':
        one.file.unlink()
    elif kind == 'a program that fails':
        one.replace('#!/bin/false\n')
    else:
        service.file.write_text(good.replace('"rules"', '"rulez"'))
    service.mark(live=1)
    assert 'does not start' in ask(one, 'upgrade')
    assert service.wait_event('upgrade_failed')
    assert service.roles() == roles
    assert answers(client) and connects(service)
    if kind == 'bad configuration':
        assert 'rulez' in service.process.text()
    service.file.write_text(good)
    one.replace()
    assert one.upgrade().returncode == 0
    heir, = one.heirs()
    assert answers(client) and connects(service)
    client.line.close()
    assert service.process.wait(20) == 0
    os.kill(heir, signal.SIGTERM)
    wait_for(lambda: not running(heir), 20, 'the end of the heir')


def ask(one, command):
    """The control socket without a program to ask it."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(20)
        sock.connect(one.socket())
        sock.sendall(json.dumps({'cmd': command}).encode() + b'\n')
        return sock.recv(4096).decode()


def test_a_new_configuration_comes_with_it(installed):
    """Also what a reload cannot change."""
    one = installed()
    service = one.service
    client = people(service, 1)[0]
    rewrite(service, control_socket=str(service.state / 'other.sock'))
    assert one.upgrade().returncode == 0
    heir, = one.heirs()
    answer = service.command('sessions', '-s', service.state / 'other.sock', '--json')
    assert answer.returncode == 0
    assert answers(client) and connects(service)
    os.kill(heir, signal.SIGTERM)  # stopping the service ends the sessions of both
    with pytest.raises(Closed):
        while True:
            client.line.pdu()
    assert service.process.wait(30) == 0
    wait_for(lambda: not running(heir), 20, 'the end of the heir')


def test_the_old_one_ends_in_time(installed):
    one = installed(limits={'drain_upgrade': '1s', 'drain': '1s'})
    client = people(one.service, 1)[0]
    assert one.upgrade().returncode == 0
    heir, = one.heirs()
    with pytest.raises(Closed):
        while True:
            client.line.pdu()
    assert one.service.process.wait(20) == 0
    assert connects(one.service)
    os.kill(heir, signal.SIGTERM)
    wait_for(lambda: not running(heir), 20, 'the end of the heir')


def test_service_manager_is_told(make_gate, desk, tmp_path, monkeypatch, installed):
    tmp_path.chmod(0o711)
    manager = Manager(tmp_path)
    monkeypatch.setenv('NOTIFY_SOCKET', str(manager.path))
    one = installed()
    assert manager.hears() == 'READY=1'
    assert one.upgrade().returncode == 0
    heir = int(manager.hears().split('\n')[0].removeprefix('MAINPID='))
    assert running(heir) and one.service.process.wait(20) == 0
    os.kill(heir, signal.SIGTERM)
    assert manager.hears() == 'STOPPING=1'
    wait_for(lambda: not running(heir), 20, 'the end of the heir')


def test_grants_reach_the_old_one(installed):
    """Sessions that finish in the old process: one whose grant is revoked in the new one ends, one goes on."""
    rule = {'name': 'jit', 'users': ['alice', 'bob'], 'targets': ['desk'],
            'require': {'approval': {'by': 'leads', 'reason': 'optional'}}}
    one = installed(users=('alice', 'bob', 'carol'), rules=[rule],
                    groups=[{'name': 'leads', 'members': ['carol']}])

    def ask(who, *argv):
        done = one.service.command(*argv, '--as', who, '--json', '-s', one.socket())
        assert done.returncode == 0, done
        return json.loads(done.stdout)
    grants, clients = [], []
    for who, time_ in (('alice', '1h'), ('bob', '8s')):
        wish = ask(who, 'request', 'add', 'desk')['request']['id']
        grants.append(ask('carol', 'grant', 'approve', wish, '--for', time_)['grant']['id'])
        clients.append(one.service.mini(who))
        clients[-1].run()
    end = time.monotonic() + 8
    assert one.upgrade().returncode == 0
    assert len(ask('carol', 'grant', 'list')['grants']) == 2
    ask('carol', 'grant', 'extend', grants[1], '--for', '1h')
    assert all(answers(client) for client in clients)
    start = time.monotonic()
    ask('carol', 'grant', 'revoke', grants[0])
    with pytest.raises((Refused, Closed)):
        while True:
            clients[0]._next_share()
    assert time.monotonic() - start <= 2
    wait_for(lambda: time.monotonic() > end + 1, what='the end before it was extended')
    assert answers(clients[1])
    for client in clients:
        client.line.close()
