# SPDX-License-Identifier: Apache-2.0
"""./run as a stranger meets it, and the README that sent them there."""
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess

import pytest

from gate import BINARY, descendants, let_others_pass, running, target_entry
from lab import FRAMES, ROOT, Display, Process, free_port, make_certificate, wait_for
from rdpmini import Client, Target


@pytest.fixture
def demo(tmp_path):
    """./run in its own group, as a terminal starts it."""
    process = Process([ROOT / 'run', '--port', free_port()], tmp_path / 'run.log')

    def printed():
        assert process.alive(), process.text()
        return re.search(r'^xfreerdp .*\n', process.text(), re.M)
    wait_for(printed, 240, 'the client command')
    yield process
    if process.alive():
        os.killpg(process.pid, signal.SIGINT)
        process.wait(30)


class DemoScreen:
    """The demo desktop's root window, found through the environment of its terminal."""

    def __init__(self, run_pid, folder):
        self.file = pathlib.Path(folder) / 'demo.xwd'
        for pid in descendants(run_pid):
            if pathlib.Path(f'/proc/{pid}/comm').read_text().strip() == 'xterm':
                pairs = pathlib.Path(f'/proc/{pid}/environ').read_text().split('\0')
                self.env = dict(pair.split('=', 1) for pair in pairs if '=' in pair)

    def screen(self):
        subprocess.run(['xwd', '-root', '-silent', '-out', self.file], env=self.env, check=True)
        return self.file


def distance(one, two):
    shown = subprocess.run([FRAMES, 'compare', one, two], capture_output=True, text=True, check=False)
    return float(shown.stdout) if shown.returncode == 0 else 255.0


def test_printed_command_works_and_ctrl_c_leaves_nothing(demo, tmp_path):
    lines = demo.text().splitlines()
    assert lines[-1].startswith('xfreerdp ')
    audit = next(line for line in lines if line.startswith('Audit: ')).removeprefix('Audit: ')

    display = Display(tmp_path / 'client')
    client = Process(shlex.split(lines[-1]), tmp_path / 'client.log', display.env())
    try:
        screen = DemoScreen(demo.pid, tmp_path)
        wait_for(lambda: distance(display.framebuffer, screen.screen()) < 6, 30, 'the demo desktop')
        events = [json.loads(line)['event'] for line in pathlib.Path(audit).read_text().splitlines()]
        assert 'session_active' in events

        everyone = descendants(demo.pid)
        state = pathlib.Path(audit).parent.parent
        os.killpg(demo.pid, signal.SIGINT)
        demo.wait(30)
        assert not [pid for pid in everyone if running(pid)]
        assert not state.exists()
        assert display.process.alive()  # not ours to stop, and it was not
    finally:
        client.stop()
        display.stop()


def test_no_secret_on_a_command_line(demo):
    """The target's password and its hash are in no argument and in no environment."""
    audit = re.search(r'^Audit: (.*)$', demo.text(), re.M).group(1)
    state = pathlib.Path(audit).parent.parent
    secret = (state / 'target-password').read_bytes()
    hashed = (state / 'sam').read_bytes().split(b':')[3]
    for pid in descendants(demo.pid):
        for name in ('cmdline', 'environ'):
            seen = pathlib.Path(f'/proc/{pid}/{name}').read_bytes()
            assert secret not in seen and hashed not in seen
    assert secret.decode() not in demo.text()


@pytest.mark.parametrize('arguments', [['--port', '0'], ['--port', 'x'], ['--port'], ['--bogus']])
def test_bad_options_say_what_to_do(arguments):
    said = subprocess.run([ROOT / 'run', *arguments], capture_output=True, text=True, check=False)
    assert said.returncode != 0 and len(said.stderr.splitlines()) == 1


def test_readme_names_the_two_commands():
    text = (ROOT / 'README.md').read_text()
    for command in ('./run', './test'):
        assert command in text
        assert subprocess.run([ROOT / command, '--help'], capture_output=True, check=False).returncode == 0


def test_serve_works_without_privileges(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip('this run is unprivileged anyway')
    folder = tmp_path_factory.mktemp('plain')
    let_others_pass(folder)
    with Target(*make_certificate(folder), 'worker', 'behind-the-gate') as target:
        home, port = folder / 'nobody', free_port()
        home.mkdir()
        file = home / 'sallyport.yaml'
        file.write_text(json.dumps({
            'listeners': [f'127.0.0.1:{port}'], 'state_dir': str(home / 'state'),
            'users': [{'name': 'demo', 'nt_hash': '8846f7eaee8fb117ad06bdd830b7586c'}],
            'targets': [target_entry('desk', target)],
            'rules': [{'name': 'all', 'users': ['demo'], 'targets': ['desk']}]}))
        file.chmod(0o600)
        (home / 'state').mkdir(mode=0o700)
        for path in (home, file, home / 'state'):
            os.chown(path, 65534, 65534)
        service = Process([BINARY, 'serve', '-c', file], folder / 'serve.log', user=65534, group=65534,
                          extra_groups=[])
        try:
            wait_for(lambda: 'sallyport: ready' in service.text() or not service.alive(), what='serve')
            with Client(port, 'demo', 'password') as client:
                client.run()
        finally:
            service.stop()
