# SPDX-License-Identifier: Apache-2.0
"""Where the secrets are: the memory of every process is read, before, during and after sessions.

The private key, NT hashes and the targets' passwords are in keeper alone. Of the person's own
password, which CredSSP delivers to the front, nothing stays anywhere.
"""
import base64
import os
import queue
import re
import subprocess
import threading

import pytest

from gate import new_source, running, target_entry
from lab import wait_for, word
from rdpmini import Refused, mcs, ntlm
from rdpmini.client import STAGES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason='memory of a cage is readable for root only')

CHUNK = 1 << 24


def memory(pid):
    """Every readable byte of a process, region by region."""
    with open(f'/proc/{pid}/maps', encoding='utf-8') as maps, open(f'/proc/{pid}/mem', 'rb', 0) as mem:
        for line in maps:
            span, flags, *rest = line.split()
            if 'r' not in flags or rest[-1] in ('[vvar]', '[vsyscall]', '[vvar_vclock]'):
                continue
            start, end = (int(x, 16) for x in span.split('-'))
            for at in range(start, end, CHUNK):
                try:
                    mem.seek(at)
                    yield mem.read(min(CHUNK, end - at))
                except OSError:
                    break


def found_in(pid, needles):
    """Names of the needles that the process holds."""
    found = set()
    for region in memory(pid):
        found |= {name for name, value in needles.items() if value in region}
    return found


def openssl(*argv):
    return subprocess.run(['openssl', *argv], check=True, capture_output=True).stdout


def key_forms(file):
    """The private key as it may lie about: PEM, DER, and the number in either byte order."""
    text = openssl('pkey', '-in', file, '-noout', '-text').decode()
    number = bytes.fromhex(re.sub(r'[\s:]', '', re.search(r'priv:([\s0-9a-f:]+)', text).group(1)))
    number = number.lstrip(b'\0')
    body = re.sub(r'-----.*?-----|\s', '', file.read_text())
    der = base64.b64decode(body)
    return {'key number': number, 'key number reversed': number[::-1],
            'key DER': der[:60], 'key PEM': body[:60].encode(),
            'key traditional DER': openssl('pkey', '-in', file, '-traditional', '-outform', 'DER')[:39]}


def password_forms(name, password):
    return {f'{name} UTF-8': password.encode(), f'{name} UTF-16': password.encode('utf-16-le'),
            **hash_forms(f'{name} hash', ntlm.nt_hash(password))}


def hash_forms(name, value):
    return {f'{name} raw': value, f'{name} hex': value.hex().encode(),
            f'{name} HEX': value.hex().upper().encode()}


def private_key(folder):
    for file in folder.rglob('*'):
        if file.is_file() and b'PRIVATE KEY-----' in file.read_bytes():
            return file
    raise AssertionError('no private key in the state folder')


class Secrets:
    def __init__(self, service, target):
        self.service = service
        user = service.passwords['demo']
        self.keepers = {**key_forms(private_key(service.state)),
                        **hash_forms('user hash', ntlm.nt_hash(user)),
                        **password_forms('target password', target.password)}
        self.nobodys = {'user password UTF-8': user.encode(),
                        'user password UTF-16': user.encode('utf-16-le')}

    def check(self, when):
        """Every process but keeper is clean."""
        pids = self.service.all_pids()
        keeper = self.service.process.pid
        assert len(pids) >= 4
        for pid in pids:
            if pid != keeper and running(pid):
                leaked = found_in(pid, {**self.keepers, **self.nobodys})
                assert not leaked, f'{when}: {leaked} in {pid} {self.service.roles()}'
        return pids

    def check_keeper(self):
        """The scan sees what is there: each kind of secret in keeper, and no password of a person."""
        found = found_in(self.service.process.pid, {**self.keepers, **self.nobodys})
        for kind in ('key number', 'user hash', 'target password UTF'):
            assert any(name.startswith(kind) for name in found), f'{kind} not found in keeper'
        assert not found & set(self.nobodys)


@pytest.fixture(params=['NLA', 'TLS'])
def service(request, make_gate, scripted):
    """A target whose account is sealed by keeper, and one that gets it in Client Info."""
    password = word()
    if request.param == 'NLA':
        target = scripted(password=password)
        entry = target_entry('desk', target, verify='tofu')
    else:
        target = scripted(password=password, selected=mcs.PROTOCOL_SSL)
        entry = target_entry('desk', target, verify='tofu', nla='off')
    gate = make_gate(entry)
    gate.secrets = Secrets(gate, target)
    return gate


def test_secrets_stay_in_keeper(service):
    secrets = service.secrets
    secrets.check('before any session')
    clients = [service.mini(source=new_source()) for _ in range(3)]
    for client, stage in zip(clients, ('tls', 'nla', 'active')):
        client.run(stage)
    wait_for(lambda: len(service.session_pids()) == 3, what='three sessions')
    assert len(secrets.check('during sessions')) == 7
    secrets.check_keeper()

    clients[2].send_keys(0x1E)
    for stage in STAGES[STAGES.index('nla') + 1:]:  # on from where it was
        getattr(clients[1], 'stage_' + stage)()
    secrets.check('while people work')
    for client in clients:
        client.line.close()
    wait_for(lambda: not service.session_pids(), what='the end of all sessions')
    secrets.check('after all sessions')
    secrets.check_keeper()


def test_the_key_of_the_targets_login_stays_in_keeper(make_gate, scripted):
    """Whoever has it opens authInfo. The target works it out, and waits while all memory is read."""
    seen, go_on = queue.Queue(), threading.Event()

    def before_echo(_, acceptor):
        seen.put(acceptor.seal.keys())
        go_on.wait(60)

    service = make_gate(target_entry('desk', scripted(password=word(), before_echo=before_echo),
                                     verify='tofu'))
    failures = []

    def talk():
        try:
            client.run()
        except (OSError, Refused) as error:
            failures.append(error)

    with service.mini() as client:
        talker = threading.Thread(target=talk)
        talker.start()
        keys = seen.get(timeout=15)
        try:
            session, = service.session_pids()
            assert found_in(service.process.pid, keys) >= {'exported'}, 'keeper has it, until SEAL'
            assert not found_in(session, keys)
        finally:
            go_on.set()
        talker.join(30)
        assert not failures and not talker.is_alive()
        for pid in service.all_pids():
            assert not found_in(pid, keys), f'after the login in {pid} {service.roles()}'


def test_secrets_stay_in_keeper_when_logins_fail(service):
    """A wrong password is somebody's password, too: it may be right elsewhere."""
    secrets = service.secrets
    secrets.nobodys.update(password_forms('wrong password', wrong := word()))
    client = service.mini(password=wrong)
    with client:
        with pytest.raises(Refused):
            client.run('nla')
        secrets.check('after a wrong password')
    secrets.check_keeper()
