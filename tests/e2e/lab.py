# SPDX-License-Identifier: Apache-2.0
"""Real programs on loopback: X displays, desktops served by freerdp-shadow and xrdp, xfreerdp.

Everything started here has a process group of its own and is ended by its own number.
"""
import os
import pathlib
import secrets
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time

from rdpmini import ntlm

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get('SALLYPORT_BUILD', ROOT / 'build'))
FRAMES = BUILD / 'tests/tools/frames'
SIZE = (1024, 768)


def wait_for(question, timeout=10, what='condition'):
    """Ask until the answer is true and return it; a TimeoutError names what never came."""
    end = time.monotonic() + timeout
    while True:
        answer = question()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f'{what} did not come within {timeout} s')
        time.sleep(0.02)


def free_port(host='127.0.0.1'):
    with socket.socket() as probe:
        probe.bind((host, 0))
        return probe.getsockname()[1]


def listening(port, host='127.0.0.1'):
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def word(size=12):
    """A random password that needs no quoting."""
    return 'Aa1' + secrets.token_hex(size)


def bound_tcp(port, root='/proc/net/tcp'):
    """Is something bound to the port? Read from the kernel, so that the server sees no contact."""
    with open(root, encoding='ascii') as table:
        rows = [line.split() for line in table][1:]
    return any(row[1].endswith(f':{port:04X}') and row[3] == '0A' for row in rows)


def is_accepted(peer_port, port, root='/proc/net/tcp'):
    """Has the server on port accepted the connection from peer_port? Before it has no inode."""
    with open(root, encoding='ascii') as table:
        rows = [line.split() for line in table][1:]
    return any(row[1].endswith(f':{port:04X}') and row[2].endswith(f':{peer_port:04X}')
               and row[9] != '0' for row in rows)


class Process:
    """A program with its output in a file and a process group of its own."""

    def __init__(self, argv, log, env=None, **options):
        self.log = pathlib.Path(log)
        with open(self.log, 'ab') as out:
            self.popen = subprocess.Popen([str(a) for a in argv], stdin=subprocess.DEVNULL, stdout=out,
                                          stderr=subprocess.STDOUT, start_new_session=True,
                                          env=env, **options)
        self.pid = self.popen.pid

    def alive(self):
        return self.popen.poll() is None

    def text(self):
        return self.log.read_text(errors='replace')

    def wait(self, timeout=30):
        return self.popen.wait(timeout)

    def stop(self, timeout=5):
        """TERM, then KILL to the group, then reap."""
        if self.alive():
            self.popen.terminate()
            try:
                self.popen.wait(timeout)
            except subprocess.TimeoutExpired:
                pass
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.popen.wait(timeout)


class Display:
    """An Xvfb on a free display, its framebuffer in a file that can be read while it runs."""

    def __init__(self, folder, size=SIZE):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        reader, writer = os.pipe()
        self.process = Process(
            ['Xvfb', '-displayfd', writer, '-screen', '0', f'{size[0]}x{size[1]}x24', '-nolisten', 'tcp',
             '-noreset', '-fbdir', self.folder], self.folder / 'xvfb.log', pass_fds=(writer,))
        os.close(writer)
        with os.fdopen(reader) as answer:
            number = answer.readline().strip()
        if not number:
            raise RuntimeError('Xvfb did not start: ' + self.process.text()[-300:])
        self.name = ':' + number
        self.framebuffer = self.folder / 'Xvfb_screen0'

    def env(self, **more):
        home = self.folder / 'home'
        home.mkdir(mode=0o700, exist_ok=True)
        return dict(os.environ, DISPLAY=self.name, HOME=str(home), XDG_CONFIG_HOME=str(home), **more)

    def run(self, *argv):
        return subprocess.run([str(a) for a in argv], env=self.env(), capture_output=True, text=True,
                              check=False, timeout=20).stdout

    def stop(self):
        self.process.stop()


class Desktop:
    """A window manager and a terminal whose typed lines end in a file."""

    def __init__(self, display, colour='#305070'):
        self.display = display
        self.typed = display.folder / 'typed'
        self.typed.touch()
        self.processes = [Process(['openbox'], display.folder / 'openbox.log', display.env())]
        wait_for(lambda: 'window id' in display.run('xprop', '-root', '_NET_SUPPORTING_WM_CHECK'),
                 what='the window manager')
        display.run('xsetroot', '-solid', colour)
        self.processes.append(Process(
            ['xterm', '-geometry', '80x24+40+40', '-e', 'sh', '-c',
             f'echo behind the gate; exec cat >>{self.typed}'],
            display.folder / 'xterm.log', display.env()))
        wait_for(lambda: display.run('xdotool', 'getactivewindow').strip(), what='the terminal')

    def pointer(self):
        found = dict(line.split('=') for line in
                     self.display.run('xdotool', 'getmouselocation', '--shell').split())
        return int(found['X']), int(found['Y'])

    def stop(self):
        for process in reversed(self.processes):
            process.stop()


class ShadowTarget:
    """freerdp-shadow-cli with NLA in front of a desktop of its own."""

    def __init__(self, folder, user='worker', flags=()):
        self.folder = pathlib.Path(folder)
        self.user, self.password = user, word()
        self.display = Display(self.folder / 'display')
        self.desktop = Desktop(self.display)
        sam = self.folder / 'sam'
        sam.touch(mode=0o600)
        sam.write_text(f'{user}:::{ntlm.nt_hash(self.password).hex()}:::\n')
        self.port = free_port()
        self.flags = list(flags)
        self.process = None
        self.start()

    def start(self):
        """Start the server; with a new folder it has a new certificate."""
        home = self.folder / 'home'
        home.mkdir(mode=0o700, exist_ok=True)
        env = dict(self.display.env(), HOME=str(home), XDG_CONFIG_HOME=str(home))
        self.process = Process(
            ['freerdp-shadow-cli', f'/port:{self.port}', '/bind-address:127.0.0.1', '/sec:nla', '+auth',
             f'/sam-file:{self.folder}/sam', *self.flags], self.folder / 'shadow.log', env, umask=0o077)
        wait_for(lambda: bound_tcp(self.port), what='freerdp-shadow')

    def change_certificate(self):
        self.process.stop()
        shutil.rmtree(self.folder / 'home')
        self.start()

    def typed(self):
        return self.desktop.typed.read_text()

    def screen(self):
        return self.display.framebuffer

    def stop(self):
        self.process.stop()
        self.desktop.stop()
        self.display.stop()


class XrdpTarget:
    """xrdp with the Xorg backend for a user made for the test. Needs root."""

    STARTWM = '''#!/bin/sh
xsetroot -solid "#703050"
openbox &
i=0
while [ $i -lt 100 ] && ! xprop -root _NET_SUPPORTING_WM_CHECK 2>/dev/null | grep -q "window id"; do
    sleep 0.1; i=$((i+1))
done
echo "$DISPLAY" >"$HOME/display"
exec xterm -geometry 80x24+40+40 -e sh -c 'echo behind the gate; exec cat >>"$HOME/typed"'
'''

    def __init__(self, folder, backend='Xorg'):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.user, self.password = 'sp' + secrets.token_hex(4), word()
        subprocess.run(['useradd', '-m', '-s', '/bin/sh', self.user], check=True)
        self.processes = []
        try:
            self._start(backend)
        except BaseException:
            self.stop()
            raise

    def _start(self, backend):
        subprocess.run(['chpasswd'], input=f'{self.user}:{self.password}\n', text=True, check=True)
        self.home = pathlib.Path(f'/home/{self.user}')
        startwm = self.home / 'startwm.sh'
        startwm.write_text(self.STARTWM)
        startwm.chmod(0o755)
        shutil.chown(startwm, self.user, self.user)
        self.certificate, self.key = make_certificate(self.folder, 'xrdp.test')
        self.port = free_port()
        if not bound_tcp(3350) and not bound_tcp(3350, '/proc/net/tcp6'):
            self._ini('sesman.ini', {'LogFile': self.folder / 'sesman.log'})
            self._daemon('xrdp-sesman', 'sesman.ini')
            wait_for(lambda: bound_tcp(3350) or bound_tcp(3350, '/proc/net/tcp6'), what='xrdp-sesman')
        self._ini('xrdp.ini', {'port': f'tcp://127.0.0.1:{self.port}', 'certificate': self.certificate,
                               'key_file': self.key, 'LogFile': self.folder / 'xrdp.log',
                               'autorun': backend})
        self._daemon('xrdp', 'xrdp.ini')
        wait_for(lambda: bound_tcp(self.port), what='xrdp')

    def _ini(self, name, changes):
        """The packaged file with each setting's first line changed."""
        left, lines = dict(changes), []
        for line in pathlib.Path('/etc/xrdp', name).read_text().splitlines():
            setting = line.split('=')[0]
            lines.append(f'{setting}={left.pop(setting)}' if '=' in line and setting in left else line)
        (self.folder / name).write_text('\n'.join(lines) + '\n')

    def _daemon(self, program, ini):
        self.processes.append(Process([program, '-n', '-c', self.folder / ini],
                                      self.folder / f'{program}.out'))

    def typed(self):
        file = self.home / 'typed'
        return file.read_text() if file.exists() else ''

    def x_env(self):
        """DISPLAY and XAUTHORITY of the session, once its terminal takes what is typed."""
        file = self.home / 'display'
        wait_for(lambda: file.exists() and file.read_text().strip(), 30, 'the xrdp session')
        env = dict(os.environ, DISPLAY=file.read_text().strip(), XAUTHORITY=str(self.home / '.Xauthority'))
        wait_for(lambda: subprocess.run(['xdotool', 'getactivewindow'], env=env, capture_output=True,
                                        check=False, timeout=20).stdout.strip(), what='the terminal')
        return env

    def screen(self):
        """The session's root window, as a file in the form of a framebuffer."""
        shot = self.folder / 'screen.xwd'
        argv, env = ['xwd', '-root', '-silent', '-out', shot], self.x_env()
        # xwd fails if a window vanishes while it lists them, as at the start of a session.
        wait_for(lambda: subprocess.run(argv, env=env, capture_output=True, check=False,
                                        timeout=20).returncode == 0, what='a picture of the session')
        return shot

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        for pid in pids_of_user(self.user):
            os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not pids_of_user(self.user), what='the end of the xrdp session')
        subprocess.run(['userdel', '-r', self.user], check=False, capture_output=True)


def pids_of_user(user):
    shown = subprocess.run(['ps', '-o', 'pid=', '-u', user], capture_output=True, text=True, check=False)
    return [int(pid) for pid in shown.stdout.split()]


class Client:
    """A client program on a display of its own."""

    def __init__(self, folder, argv, display=None, env=None):
        self.display = display or Display(folder)
        self.own_display = display is None
        self.process = Process(argv, pathlib.Path(folder) / 'client.log',
                               {**self.display.env(), **(env or {})})

    def distance(self, screen):
        """Mean difference of a colour channel (0…255) from a target's screen; 255 if there is none."""
        shown = subprocess.run([FRAMES, 'compare', self.display.framebuffer, screen],
                               capture_output=True, text=True, check=False)
        return float(shown.stdout) if shown.returncode == 0 else 255.0

    def wait_painted(self, target, limit=6.0, timeout=30):
        """Wait until the client shows what the target's own screen shows."""
        def painted():
            if not self.process.alive():
                raise AssertionError('the client ended: ' + self.process.text()[-800:])
            return self.distance(target.screen()) < limit
        wait_for(painted, timeout, 'the target\'s picture at the client')

    def type(self, text):
        self.display.run('xdotool', 'mousemove', '300', '200', 'type', '--delay', '30', text)
        self.display.run('xdotool', 'key', 'Return')

    def move(self, x, y):
        self.display.run('xdotool', 'mousemove', x, y)

    def screenshot(self, file):
        self.display.run('import', '-window', 'root', file)

    def code(self, timeout=30):
        """Its exit code, once it has ended."""
        return self.process.wait(timeout)

    def stop(self):
        self.process.stop()
        if self.own_display:
            self.display.stop()


class FreeRdp(Client):
    """xfreerdp."""

    def __init__(self, folder, port, user, password, *flags, size=SIZE, display=None):
        super().__init__(folder, ['xfreerdp', f'/v:127.0.0.1:{port}', f'/u:{user}', f'/p:{password}',
                                  '/cert:ignore', f'/size:{size[0]}x{size[1]}', *flags], display)


class Rdesktop(Client):
    """rdesktop, which asks for a yes to the certificate of a host it has not met."""

    def __init__(self, folder, address, user, domain, env, size=SIZE):
        rdesktop = shlex.join(['rdesktop', '-u', user, '-d', domain, '-a', '32', '-D',
                               '-g', f'{size[0]}x{size[1]}', address])
        super().__init__(folder, ['sh', '-c', f'yes yes | {rdesktop}'], env=env)


def make_certificate(folder, name='target.test'):
    """A self-signed ECDSA P-256 certificate: (certificate, key) as PEM files."""
    certificate, key = pathlib.Path(folder) / f'{name}.pem', pathlib.Path(folder) / f'{name}.key'
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256',
                    '-nodes', '-keyout', key, '-out', certificate, '-days', '30', '-subj', f'/CN={name}'],
                   check=True, capture_output=True)
    return certificate, key


def have(*programs):
    missing = [p for p in programs if not shutil.which(p)]
    if missing:
        print('missing: ' + ' '.join(missing), file=sys.stderr)
    return not missing
