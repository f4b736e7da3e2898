# SPDX-License-Identifier: Apache-2.0
"""Sallyport itself as a program under test: its configuration, processes and events."""
import itertools
import json
import os
import pathlib
import signal
import subprocess
import tempfile

from lab import BUILD, Process, bound_tcp, free_port, wait_for, word
from rdpmini import Client, ntlm

BINARY = pathlib.Path(os.environ.get('SALLYPORT_BIN', BUILD / 'src/cli/sallyport'))
ROLES = ('door', 'spawner', 'dialer', 'directory', 'courier')

# Each connection that fails leaves exactly one of these.
FAILURES = {
    'auth_failed', 'access_denied', 'target_unreachable', 'target_certificate_refused',
    'target_certificate_changed', 'target_login_failed', 'session_failed', 'session_violation',
    'exploit_attempt', 'target_redirect_refused'}

_sources = itertools.count(1)


def new_source():
    """A loopback address that no other connection of this run has: limits are per source."""
    n = next(_sources)
    return f'127.{10 + n // 62500}.{n // 250 % 250}.{1 + n % 250}'


def target_entry(name, target, verify='none', nla='required', password=None, **more):
    """A target of the configuration whose account is injected."""
    return {'name': name, 'address': f'127.0.0.1:{target.port}',
            'login': {'inject': {'user': target.user, 'password': password or target.password}},
            'tls': {'verify': verify}, 'nla': nla, **more}


class Gate:
    """`sallyport serve` on a free loopback port.

    targets      entries as target_entry makes them
    users        names; passwords are made up and lie in self.passwords
    rules        None = every user may reach every target
    """

    def __init__(self, folder, targets, users=('demo',), rules=None, **settings):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        let_others_pass(self.folder)
        self.state = self.folder / 'state'
        self.passwords = {user: word(6) for user in users}
        self.port = free_port()
        if rules is None:
            rules = [{'name': 'all', 'users': list(users), 'targets': [t['name'] for t in targets]}]
        self.config = {
            'listeners': [f'127.0.0.1:{self.port}'],
            'state_dir': str(self.state),
            'users': [{'name': user, 'nt_hash': ntlm.nt_hash(password).hex()}
                      for user, password in self.passwords.items()],
            'targets': targets, 'rules': rules, **settings}
        # Most tests fail on purpose and often; those of the guard bring penalties of their own.
        self.config.setdefault('guard', {'account_tries': 0})
        self.config['limits'] = {'penalties': {'exempt': ['127.0.0.0/8']}, **settings.get('limits', {})}
        self.file = self.folder / 'sallyport.yaml'
        self.process = None
        self._marks = 0
        self.start()

    def start(self):
        self.state.mkdir(mode=0o700, exist_ok=True)
        self.file.touch(mode=0o600)
        self.file.write_text(json.dumps(self.config, indent=1))  # JSON is YAML
        self.process = Process([BINARY, 'serve', '-c', self.file], self.folder / 'serve.log')

        def ready():
            if not self.process.alive():
                raise AssertionError('sallyport serve ended: ' + self.process.text()[-2000:])
            return 'sallyport: ready' in self.process.text()
        wait_for(ready, what='sallyport serve')

    def stop(self, timeout=15):
        return self.process.stop(timeout)

    def command(self, *argv, **options):
        """Run a `sallyport` command for this service."""
        return subprocess.run([BINARY, *argv], capture_output=True, text=True, check=False,
                              timeout=30, **options)

    # --- clients ------------------------------------------------------------------------------

    def mini(self, user='demo', password=None, **options):
        """Our own client, connected and not yet talking, from an address of its own."""
        if password is None:
            password = self.passwords.get(user.split('#')[0], 'wrong')
        options.setdefault('source', new_source())
        return Client(self.port, user, password, **options)

    # --- events -------------------------------------------------------------------------------

    def events(self, name=None, **match):
        """Events in order, as far as they are whole lines."""
        file = self.state / 'events.jsonl'
        lines = file.read_text().split('\n')[:-1] if file.exists() else []
        found = [json.loads(line) for line in lines]
        return [e for e in found if name in (None, e['event'])
                and all(e.get(k) == v for k, v in match.items())]

    def wait_event(self, name, count=1, timeout=15, **match):
        """Wait for count events of that name and fields since mark(); the last of them."""
        def there():
            found = [e for e in self.new_events() if e['event'] == name
                     and all(e.get(k) == v for k, v in match.items())]
            return found[-1] if len(found) >= count else None
        return wait_for(there, timeout, f'event {name} {match}')

    def mark(self, live=0):
        """From here on new_events() counts; sessions before it have ended but for those live."""
        wait_for(lambda: len(self.events('session_start')) - len(self.events('session_end')) == live,
                 what='the end of earlier sessions')
        self._marks = len(self.events())

    def new_events(self):
        return self.events()[self._marks:]

    def failures(self):
        return [e for e in self.new_events() if e['event'] in FAILURES]

    def one_failure(self, name, timeout=15):
        """Wait for the session's end; assert that exactly one failure is logged, and which."""
        self.wait_event(name, timeout=timeout)
        self.wait_event('session_end', timeout=timeout)
        assert [e['event'] for e in self.failures()] == [name]
        return self.failures()[0]

    # --- processes ----------------------------------------------------------------------------

    def roles(self):
        """pid of keeper, door, spawner and dialer, as far as they are there."""
        found = {'keeper': self.process.pid}
        for pid in children(self.process.pid):
            for role in ROLES:
                if f'--role={role}' in command_line(pid):
                    found[role] = pid
        return found

    def session_pids(self):
        spawner = self.roles().get('spawner')
        return children(spawner) if spawner else []

    def all_pids(self):
        return descendants(self.process.pid)

    def kill(self, pid):
        os.kill(pid, signal.SIGKILL)

    def wait_roles(self, timeout=5):
        """Wait until all four are there and the door listens."""
        wait_for(lambda: len(self.roles()) >= 4 and bound_tcp(self.port), timeout, 'all four processes')
        return self.roles()


def let_others_pass(folder):
    """As root the service drops to another user, who must be able to walk into our folders."""
    if os.geteuid() != 0:
        return
    top = pathlib.Path(tempfile.gettempdir())
    for part in (folder, *folder.parents):
        if part == top or top not in part.parents:
            return
        part.chmod(0o711)


def stat(pid):
    """The fields of /proc/PID/stat after the name; state is 0, the parent is 1."""
    try:
        return pathlib.Path(f'/proc/{pid}/stat').read_text().rsplit(')', 1)[1].split()
    except OSError:
        return None


def running(pid):
    fields = stat(pid)
    return fields is not None and fields[0] not in 'ZX'


def children(pid):
    found = []
    for name in os.listdir('/proc'):
        if name.isdigit():
            fields = stat(name)
            if fields and int(fields[1]) == pid and fields[0] not in 'ZX':
                found.append(int(name))
    return sorted(found)


def descendants(pid):
    found = [pid]
    for child in children(pid):
        found += descendants(child)
    return found


def command_line(pid):
    try:
        return pathlib.Path(f'/proc/{pid}/cmdline').read_text().replace('\0', ' ')
    except OSError:
        return ''


def cpu_seconds(pid):
    fields = stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')


def pss_kib(pid):
    for line in pathlib.Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines():
        if line.startswith('Pss:'):
            return int(line.split()[1])
    raise RuntimeError('no Pss')
