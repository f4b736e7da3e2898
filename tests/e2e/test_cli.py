# SPDX-License-Identifier: Apache-2.0
"""The command line, without network: every bad input gets a message and its exit status."""
import json
import os
import pathlib
import pty
import re
import socket
import subprocess
import threading
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('SALLYPORT_BUILD', ROOT / 'build'))
BINARY = os.environ.get('SALLYPORT_BIN', str(BUILD / 'src/cli/sallyport'))
HASH = '8846f7eaee8fb117ad06bdd830b7586c'  # of "password"
SECRETS = ('hunter2', HASH)
COMMANDS = ('serve', 'check', 'passwd', 'sessions', 'kill', 'reload', 'ban', 'explain', 'directory', 'version', 'help')
GOOD = f"""
state_dir: state
users:
  - {{name: alice, nt_hash: {HASH}}}
  - {{name: "j\u00fcrgen", nt_hash: {HASH}, disabled: true}}
targets:
  - {{name: web01, address: 127.0.0.1:3390, tags: [web], login: {{inject: {{user: u, password: hunter2}}}}}}
  - {{name: web02, address: "[::1]", login: delegate, tls: {{verify: none}}}}
rules:
  - {{name: web, users: [alice], tags: [web]}}
"""


def run(*arguments, stdin='', env=None):
    """Run the command; nothing that it prints may be a secret or a control character."""
    done = subprocess.run([BINARY, *arguments], input=stdin.encode(), capture_output=True,
                          timeout=20, check=False, env={**os.environ, **(env or {})})
    out, err = done.stdout.decode(), done.stderr.decode()
    assert not re.search(r'[\x00-\x09\x0b-\x1f\x7f]', out + err)
    if arguments[:1] != ('passwd',):
        assert not [s for s in SECRETS if s in out + err]
    return done.returncode, out, err


@pytest.fixture(name='write')
def _write(tmp_path):
    def write(text, mode=0o600, name='sallyport.yaml'):
        path = tmp_path / name
        path.write_text(text)
        path.chmod(mode)
        return str(path)
    return write


def test_help_teaches():
    status, out, err = run('--help')
    assert (status, err) == (0, '')
    for command in COMMANDS:
        assert re.search(rf'^  {command} +\w', out, re.M)
        page = run('help', command)
        assert page[0] == 0 and f'Usage: sallyport {command}' in page[1]
        assert run(command, '--help') == page
    assert run()[::2] == (2, out)
    assert run('-h') == (status, out, err)


def test_version():
    status, out, _ = run('version')
    assert status == 0 and re.fullmatch(r'sallyport \d+\.\d+\.\d+\n', out)
    assert run('--version')[1] == out
    assert json.loads(run('version', '--json')[1])['version'] == out.split()[1]


@pytest.mark.parametrize('arguments, message', [
    (['bogus'], 'unknown command "bogus"; see sallyport --help'),
    (['\033[31m'], 'unknown command "\\x1b[31m"'),
    (['--bogus'], 'unknown option "--bogus"'),
    (['passwd', '--password=hunter2'], 'unknown option "--password"'),
    (['passwd', '-phunter2'], 'unknown option "-p"'),
    (['passwd', 'alice', 'hunter2'], 'one argument too many for command "passwd"'),
    (['passwd', 'a#b'], "a user's name is 1 to 64 bytes"),
    (['passwd', '-c', 'x'], 'option "--config" does not belong to this command'),
    (['check', 'sallyport.yaml'], 'takes no argument; name the configuration with -c FILE'),
    (['serve', 'sallyport.yaml'], 'takes no argument; name the configuration with -c FILE'),
    (['version', 'x'], 'takes no argument'),
    (['check', '-c'], 'option "--config" needs a value'),
    (['check', '--config='], 'option "--config" needs a value'),
    (['check', '-s', 'x'], 'belongs to commands that ask the running service'),
    (['sessions', '--reason', 'x'], 'belongs to the commands kill, ban, allow and port'),
    (['ban'], 'takes list, add or remove'),
    (['ban', '-s', 'x', 'drop'], 'ban takes list, add or remove'),
    (['allow', '-s', 'x', 'open'], 'allow takes list, add or remove'),
    (['port', '-s', 'x', 'add', '::1'], 'port takes list, open or close'),
    (['port', '-s', 'x'], 'takes list, open or close'),
    (['port', '-s', 'x', 'close', '::1', '--for', '1h'], '--for and --reason belong to port open'),
    (['guard', '-s', 'x', 'show'], 'guard takes explain or forgive'),
    (['guard', '-s', 'x', 'explain'], 'expected an address or an account'),
    (['ban', '-s', 'x', 'list', 'x'], 'ban list takes nothing'),
    (['ban', '-s', 'x', 'add'], 'expected an address or a network'),
    (['ban', '-s', 'x', 'add', '10.0.0.1/8'], 'expected an address or a network'),
    (['ban', '-s', 'x', 'add', '10.0.0.1', '--for', '1y'], '--for takes a time'),
    (['ban', '-s', 'x', 'remove', '10.0.0.1', '--for', '1d'], 'belong to ban add'),
    (['sessions', '--for', '1d'], 'belongs to the commands ban, allow and port'),
    (['kill'], "needs a session's ID; see: sallyport sessions"),
    (['kill', '-s', 'x', '../x'], "this is not a session's ID"),
    (['kill', '-s', 'x', 'a' * 65], "this is not a session's ID"),
    (['kill', '-s', 'x', 'a', '--reason', 'r' * 128], 'the reason is longer than 127 bytes'),
    (['help', 'bogus'], 'there is no such command'),
    (['--role=door', 'x'], ''),
    (['--role=bogus'], '--role is for the service itself'),
])
def test_wrong_usage(arguments, message):
    status, out, err = run(*arguments)
    assert status == 2 and message in err and out == ''


def test_complaints_as_json():
    status, out, err = run('check', '-c', '/nonexistent', '--json')
    answer = json.loads(out)
    assert status == 1 and answer['ok'] is False
    assert answer['error'].startswith('/nonexistent: cannot be read') and answer['error'] in err
    status, out, _ = run('bogus', '--json')
    assert status == 2 and json.loads(out)['ok'] is False


def test_check_shows_what_is_allowed(write, tmp_path):
    path = write(GOOD)
    status, out, err = run('check', '-c', path)
    assert status == 0 and f'{path} is good.' in out
    assert re.search(r'^web01 +127\.0\.0\.1:3390 +inject u +tofu +required +web$', out, re.M)
    assert re.search(r'^web02 +\[::1\]:3389 +delegate +none +required +-$', out, re.M)
    assert re.search(r'^alice +web01 \(web\)$', out, re.M)
    assert re.search(r'^j\u00fcrgen +disabled$', out, re.M)
    assert 'no rule lets anybody reach target web02' in err
    assert 'target web02 accepts any certificate' in err
    answer = json.loads(run('check', '-c', path, '--json')[1])
    assert answer['ok'] is True and answer['state_dir'] == str(tmp_path / 'state')
    assert answer['users'][0] == {'name': 'alice', 'disabled': False,
                                  'may_reach': [{'target': 'web01', 'rule': 'web'}]}
    assert not (tmp_path / 'state').exists()  # check changes nothing


@pytest.mark.parametrize('old, new, message', [
    ('users:', 'user:', ':3: field user: expected the name of an existing account'),
    ('127.0.0.1:3390', "''", ':7: field targets[0].address: expected HOST or HOST:PORT, found ""'),
    (': [alice]', ': [bob]', ':10: field rules[0].users[0]: expected the name of a user'),
    ('tags: [web]}', 'tags: [x]}', ':10: field rules[0].tags[0]: expected a tag'),
    ('verify: none', 'verify: no', ':8: field targets[1].tls.verify: expected ca, pin, tofu'),
    ('password: hunter2', 'password:hunter2', ':7: field targets[0].login.inject: expected one of'),
    (f'nt_hash: {HASH}}}', 'nt_hash: hunter2}', ':4: field users[0].nt_hash: expected 32 hex'),
    ('password: hunter2', 'password: env:SP_ABSENT', ':7: field targets[0].login.inject.password'),
    ('rules:', 'rules', ':10: this is not YAML'),
    ('state_dir', 'statedir', ':2: field statedir: expected one of listeners, certificate'),
])
@pytest.mark.parametrize('command', ['check', 'serve', 'sessions'])
def test_bad_file(write, tmp_path, command, old, new, message):
    assert old in GOOD
    path = write(GOOD.replace(old, new, 1))
    status, out, err = run(command, '-c', path)
    assert (status, out) == (1, '') and path + message in err
    assert not (tmp_path / 'state').exists()  # nothing half-applied


@pytest.mark.parametrize('command', ['check', 'serve'])
def test_open_files_are_refused(write, command):
    path = write(GOOD, mode=0o644)
    status, _, err = run(command, '-c', path)
    assert status == 1 and f'(mode 0644); run: chmod 0600 {path}' in err
    secret = write('hunter2\n', mode=0o604, name='secret')
    path = write(GOOD.replace('password: hunter2', 'password: file:secret'))
    status, _, err = run(command, '-c', path)
    assert status == 1 and f'(mode 0604); run: chmod 0600 {secret}' in err


def test_secret_sources(write):
    write('hunter2\n', name='secret')
    path = write(GOOD.replace('password: hunter2', 'password: file:secret')
                 .replace(HASH, 'env:SP_HASH'), mode=0o644)
    assert run('check', '-c', path, env={'SP_HASH': HASH})[0] == 0
    status, _, err = run('check', '-c', path)
    assert status == 1 and 'environment variable SP_HASH is not set' in err


@pytest.mark.parametrize('path', ['/nonexistent/x.yaml', '/', '/dev/zero'])
def test_unreadable(path):
    status, _, err = run('check', '-c', path)
    assert status == 1 and path in err and '-c FILE' in err


def test_passwd_from_standard_input(write):
    assert run('passwd', stdin='password\n')[:2] == (0, f'nt_hash: {HASH}\n')
    assert run('passwd', stdin='password')[:2] == (0, f'nt_hash: {HASH}\n')
    assert run('passwd', stdin='password\r\nmore\n')[:2] == (0, f'nt_hash: {HASH}\n')
    status, out, _ = run('passwd', 'j\u00fcrgen "x"', stdin='password\n')
    assert status == 0
    path = write(f'users:\n{out}targets: []\nrules: []\n')
    answer = json.loads(run('check', '-c', path, '--json')[1])
    assert answer['users'][0]['name'] == 'j\u00fcrgen "x"'
    assert json.loads(run('passwd', 'bob', '--json', stdin='password\n')[1])['nt_hash'] == HASH


@pytest.mark.parametrize('typed, message', [
    ('', 'the password is empty'), ('\n', 'the password is empty'),
    ('a' * 256 + '\n', 'too long'), ('a' * 5000 + '\n', 'too long'), ('a\0b\n', 'NUL character'),
])
def test_passwd_refuses(typed, message):
    status, out, err = run('passwd', stdin=typed)
    assert (status, out) == (1, '') and message in err


def on_terminal(arguments, typed):
    """Run on a terminal and type each line once its prompt stands there."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(BINARY, [BINARY, *arguments])
    seen = b''
    for prompt, line in typed:
        while prompt not in seen:
            seen += os.read(terminal, 4096)
        time.sleep(0.05)
        os.write(terminal, line)
    try:
        while piece := os.read(terminal, 4096):
            seen += piece
    except OSError:
        pass  # the terminal is gone with its process
    status = os.waitpid(child, 0)[1]
    os.close(terminal)
    return status, seen.decode()


def test_passwd_on_a_terminal():
    status, seen = on_terminal(['passwd', 'bob'], [(b'Password: ', b'password\n'),
                                                   (b'again: ', b'password\n')])
    assert os.waitstatus_to_exitcode(status) == 0 and HASH in seen
    assert 'password\r' not in seen  # not echoed
    status, seen = on_terminal(['passwd'], [(b'Password: ', b'hunter2\n'), (b'again: ', b'other\n')])
    assert os.waitstatus_to_exitcode(status) == 1 and 'the two passwords differ' in seen
    assert 'hunter2' not in seen
    status, seen = on_terminal(['passwd'], [(b'Password: ', b'hunt\x03')])
    assert os.waitstatus_to_exitcode(status) == -2 and 'hunt' not in seen


def test_colour_on_a_terminal_only(write, monkeypatch):
    monkeypatch.setenv('TERM', 'xterm')
    monkeypatch.delenv('NO_COLOR', raising=False)
    path = write(GOOD)
    assert '\033[1mTARGET' in on_terminal(['check', '-c', path], [])[1]
    monkeypatch.setenv('NO_COLOR', '1')
    assert '\033' not in on_terminal(['check', '-c', path], [])[1]


class Service:
    """The other end of a control socket: answers one question with fixed bytes."""

    def __init__(self, path, answer):
        self.path, self.answer, self.asked = str(path), answer, b''
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(1)
        self.listener.settimeout(10)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        peer = self.listener.accept()[0]
        while not self.asked.endswith(b'\n'):
            self.asked += peer.recv(4096)
        try:
            peer.sendall(self.answer)
        except OSError:
            pass  # the client has seen enough
        peer.close()
        self.listener.close()

    def finish(self):
        self.thread.join(10)
        return json.loads(self.asked)


def test_sessions(tmp_path):
    session = {'id': '7f3a', 'user': 'alice', 'target': 'web01', 'source': '192.0.2.7:50000',
               'state': 'active', 'started': '2026-11-22T03:00:00.000000Z', 'pid': 7}
    answer = json.dumps({'ok': True, 'sessions': [session, {'id': 'b\u001b[31m'}]}).encode() + b'\n'
    service = Service(tmp_path / 's', answer)
    status, out, _ = run('sessions', '-s', service.path)
    assert status == 0 and service.finish() == {'cmd': 'sessions'}
    assert re.search(r'^7f3a +alice +web01 +192\.0\.2\.7:50000 +active +2026', out, re.M)
    assert 'b?[31m' in out
    service = Service(tmp_path / 't', answer)
    assert json.loads(run('sessions', '--json', '-s', service.path)[1])['sessions'][0] == session
    service = Service(tmp_path / 'u', b'{"ok":true,"sessions":[]}\n')
    assert run('sessions', '-s', service.path)[1] == 'There are no sessions.\n'


def test_kill(tmp_path):
    service = Service(tmp_path / 's', b'{"ok":true}\n')
    status, out, _ = run('kill', '7f3a', '--reason', 'work "here"', '-s', service.path)
    assert (status, out) == (0, 'Session 7f3a is ended.\n')
    assert service.finish() == {'cmd': 'kill', 'id': '7f3a', 'reason': 'work "here"'}
    service = Service(tmp_path / 't', b'{"ok":false,"error":"no such\\u001b session"}\n')
    status, out, err = run('kill', '7f3a', '-s', service.path)
    assert (status, out) == (1, '') and 'the service refused: no such\\x1b session' in err


@pytest.mark.parametrize('answer, message', [
    (b'', 'no answer from the service'),
    (b'{"ok":true', 'no answer from the service'),
    (b'hello\n', "the answer is not Sallyport's"),
    (b'[]\n', "the answer is not Sallyport's"),
    (b'{"ok":1}\n', "the answer is not Sallyport's"),
    (b'[' * 100000 + b'\n', "the answer is not Sallyport's"),
    (b'x' * (9 << 20), 'no answer from the service'),
], ids=['nothing', 'cut', 'text', 'list', 'number', 'deep', 'endless'])
def test_bad_answers(tmp_path, answer, message):
    service = Service(tmp_path / 's', answer)
    status, out, err = run('sessions', '-s', service.path)
    assert (status, out) == (1, '') and message in err
    service.thread.join(10)


def test_no_service(tmp_path, write):
    status, _, err = run('sessions', '-s', str(tmp_path / 'none'))
    assert status == 1 and 'the service is not running' in err
    status, _, err = run('sessions', '-c', write(GOOD))
    assert status == 1 and str(tmp_path / 'state/control.sock') in err
    status, _, err = run('sessions', '-s', 'x' * 108)
    assert status == 1 and 'longer than 107 bytes' in err
    status, _, err = run('kill', 'a', '-c', '/nonexistent')
    assert status == 1 and "name the service's socket with -s" in err


def test_full_disk():
    with open('/dev/full', 'wb') as full:
        done = subprocess.run([BINARY, 'version'], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 1 and b'cannot write to standard output' in done.stderr
