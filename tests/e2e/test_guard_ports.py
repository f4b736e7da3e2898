# SPDX-License-Identifier: Apache-2.0
"""Ports that are closed to strangers, the tarpit, and bans in the kernel of a namespace of its own."""
import json
import socket
import subprocess
import time

import pytest

from gate import new_source, target_entry
from lab import BUILD
from test_guard import ban, login, reach, restart
from test_guard_accounts import command

FIREWALL = BUILD / 'src/cli/sallyport-firewall'


def test_a_closed_port_is_opened_for_a_while(make_gate, scripted):
    service = make_gate(target_entry('desk', scripted()), guard={})
    service.config['listeners'] = [{'address': f'127.0.0.1:{service.port}', 'jit_port': 'true'}]
    restart(service)
    source, other = new_source(), new_source()
    assert not reach(service, source)
    assert service.wait_event('connection_refused')['reason'] == 'the port is closed to this source'
    assert command(service, 'port', 'open', source, '--for', '2s') == (0, {'ok': True})
    assert login(service, source) == 'in' and not reach(service, other)
    service.wait_event('port_closed', network=source, reason='its time is over')
    assert not reach(service, source)


def test_the_tarpit_holds_a_few(make_gate, scripted):
    service = make_gate(target_entry('desk', scripted()), guard={'tarpit': '1s', 'tarpit_max': '2'})
    source = new_source()
    assert ban(service, 'add', source)[0] == 0

    def knock():
        s = socket.create_connection(('127.0.0.1', service.port), 5, (source, 0))
        s.settimeout(0.4)
        return s

    held = [knock(), knock()]
    began = time.monotonic()
    for s in held:
        with pytest.raises(TimeoutError):
            s.recv(1)
    with pytest.raises(ConnectionResetError), knock() as third:  # it may come before connect returns
        third.recv(1)
    held[0].settimeout(5)
    with pytest.raises(ConnectionResetError):
        held[0].recv(1)
    assert time.monotonic() - began < 3
    assert len(service.session_pids()) == 0, 'no process was spent on them'


INSIDE = r'''
import socket, struct, subprocess, sys, os, time
subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
ours.settimeout(10)
helper = subprocess.Popen([sys.argv[1], '65534', '65534'], pass_fds=(3,), preexec_fn=lambda: os.dup2(theirs.fileno(), 3))
theirs.close()
listener = socket.create_server(('0.0.0.0', 0)); port = listener.getsockname()[1]
strange = socket.create_server(('0.0.0.0', 0))
def begin():
    assert ours.recv(4096)[:4] == struct.pack('<I', 0x46570001), 'HELLO'
    ours.send(struct.pack('<III', 0x46570002, 108, 1) + struct.pack('<HH', port, 1) + bytes(60) + b'sp_test'.ljust(32, b'\0'))
    assert struct.unpack_from('<IIII', ours.recv(4096))[2] == 1, 'the table stands'
def change(which, added, a, seconds=0):
    ours.send(struct.pack('<IIIIII', 0x46570003, 40, which, added, 128, seconds) + bytes(10) + b'\xff\xff' + socket.inet_aton(a))
def reach(a, to=port):
    try:
        socket.create_connection(('127.0.0.1', to), 0.3, (a, 0)).close()
        return True
    except TimeoutError:
        return False
def soon(wanted, a):
    for _ in range(40):
        if reach(a) == wanted:
            return
        time.sleep(0.05)
    raise AssertionError((wanted, a))
begin()
assert not reach('127.0.0.2') and reach('127.0.0.2', strange.getsockname()[1])
change(2, 1, '127.0.0.2'); change(2, 1, '127.0.0.3', 2)
soon(True, '127.0.0.2'); soon(True, '127.0.0.3'); assert not reach('127.0.0.4')
change(1, 1, '127.0.0.2'); soon(False, '127.0.0.2')
change(0, 1, '127.0.0.2'); soon(True, '127.0.0.2')
change(0, 0, '127.0.0.2'); soon(False, '127.0.0.2')
change(1, 0, '127.0.0.2'); soon(True, '127.0.0.2')
soon(False, '127.0.0.3')  # the kernel's own clock
status = open(f'/proc/{helper.pid}/status').read()
assert 'CapEff:\t0000000000001000' in status and 'Uid:\t65534' in status, status
worker = subprocess.check_output(['pgrep', '-P', str(helper.pid)], text=True).split()[0]
os.kill(int(worker), 9)
begin()  # another one
assert not reach('127.0.0.2')
change(2, 1, '127.0.0.2'); soon(True, '127.0.0.2')
ours.send(b'\3\0WF\x28\0\0\0' + bytes(20) + b'x')  # nonsense ends a worker, not the helper
begin()
ours.close(); assert helper.wait(10) == 0
print('all of it')
'''


def test_the_kernel_drops_whom_the_guard_bans():
    if subprocess.run(['unshare', '-n', 'true'], check=False).returncode != 0:
        pytest.skip('a network namespace needs root')
    run = subprocess.run(['unshare', '-n', '/usr/bin/python3', '-c', INSIDE, FIREWALL], timeout=60,
                         capture_output=True, text=True, check=False)
    assert run.stdout == 'all of it\n', run.stdout + run.stderr


def test_a_table_has_a_plain_name(make_gate, scripted):
    """It goes into commands for the kernel."""
    service = make_gate(target_entry('desk', scripted()), guard={})
    service.stop()
    service.config['guard'] = {'nftables': {'table': 'bad-name'}}
    service.file.write_text(json.dumps(service.config))
    result = service.command('check', '-c', service.file)
    assert result.returncode == 1 and 'guard.nftables.table' in result.stderr
