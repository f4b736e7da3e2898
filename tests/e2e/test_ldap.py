# SPDX-License-Identifier: Apache-2.0
"""Logins at a real slapd over verified TLS, by `sallyport directory test`."""
import json
import os
import subprocess

import pytest

import gate as gate_module
from lab import Process, free_port, have, listening, make_certificate, wait_for, word

BASE = 'dc=example,dc=test'
pytestmark = pytest.mark.skipif(not have('slapadd') or not os.path.exists('/usr/sbin/slapd'),
                                reason='slapd is missing')


class Slapd:
    """slapd with two people and a group; ldaps and, for StartTLS, plain ldap."""

    def __init__(self, folder):
        self.folder = folder
        folder.chmod(0o711)
        self.cert, key = folder / 'ldap.pem', folder / 'ldap.key'
        subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2',
                        '-subj', '/CN=ldap', '-addext', 'subjectAltName=IP:127.0.0.1', '-out',
                        self.cert, '-keyout', key], check=True, capture_output=True)
        self.cert.chmod(0o644)
        self.other, _ = make_certificate(folder, 'elsewhere')
        self.other.chmod(0o644)
        self.tls, self.plain = free_port(), free_port()
        self.passwords = {name: word() for name in ('service', 'alice', 'eve')}
        (folder / 'db').mkdir()
        schema = '\n'.join(f'include /etc/ldap/schema/{name}.schema'
                           for name in ('core', 'cosine', 'inetorgperson'))
        conf = folder / 'slapd.conf'
        conf.write_text(f"""{schema}
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCertificateFile {self.cert}
TLSCertificateKeyFile {key}
database mdb
suffix {BASE}
directory {folder}/db
access to attrs=userPassword by anonymous auth by * none
access to * by users read by * none
""")
        people = ''.join(f"""
dn: cn={name},{BASE}
objectClass: inetOrgPerson
cn: {name}
sn: {name}
uid: {name}
userPassword: {password}
{'manager: cn=Staff,' + BASE if name == 'alice' else ''}
""".rstrip() + '\n' for name, password in self.passwords.items())
        ldif = folder / 'all.ldif'
        ldif.write_text(f'dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\n'
                        f'dc: example\no: example\n{people}')
        subprocess.run(['slapadd', '-f', conf, '-l', ldif], check=True, capture_output=True)
        self.process = Process(['/usr/sbin/slapd', '-d', '0', '-f', conf, '-h',
                                f'ldaps://127.0.0.1:{self.tls} ldap://127.0.0.1:{self.plain}'],
                               folder / 'slapd.log')
        wait_for(lambda: listening(self.tls) and listening(self.plain), what='slapd')

    def settings(self, folder, **more):
        file = folder / f'bind-{word(4)}'
        file.touch(mode=0o600)
        file.write_text(self.passwords['service'])
        return {'uri': f'ldaps://127.0.0.1:{self.tls}', 'ca_file': str(self.cert), 'base': BASE,
                'bind_dn': f'cn=service,{BASE}', 'bind_password': f'file:{file}',
                'user_filter': '(&(objectClass=inetOrgPerson)(uid={user}))',
                'group_attribute': 'manager',  # slapd has no memberOf without an overlay
                'groups': [{'dn': f'CN=staff, {BASE}', 'group': 'staff'}], **more}


@pytest.fixture(scope='module', name='slapd')
def _slapd(tmp_path_factory):
    folder = tmp_path_factory.mktemp('slapd')
    gate_module.let_others_pass(folder)
    made = Slapd(folder)
    yield made
    made.process.stop()


@pytest.fixture(name='login')
def _login(make_gate, scripted, tmp_path):
    def start(settings):
        service = make_gate(gate_module.target_entry('desk', scripted()),
                            directory={'ldap': settings})

        def ask(user, password):
            done = service.command('directory', 'test', user, '--json', '-c', service.file,
                                   input=password + '\n')
            assert password not in done.stdout + done.stderr or len(password) < 3
            return json.loads(done.stdout)
        return ask, service
    return start


def test_who_gets_in_and_who_does_not(slapd, login, tmp_path):
    ask, service = login(slapd.settings(tmp_path))
    assert ask('alice', slapd.passwords['alice']) == {'ok': True, 'groups': ['staff']}
    assert ask('ALICE', slapd.passwords['alice'])['groups'] == ['staff']
    assert ask('eve', slapd.passwords['eve']) == {'ok': True, 'groups': []}
    for user, password, why in (('alice', 'guess-1', 'wrong password'),
                                ('alice', slapd.passwords['eve'], 'wrong password'),
                                ('alice', '', 'no password'),
                                ('nobody', 'x' * 9, 'unknown user'),
                                ('*', slapd.passwords['alice'], 'unknown user'),
                                ('alice)(uid=*', slapd.passwords['alice'], 'unknown user')):
        answer = ask(user, password)
        assert not answer['ok'] and why in answer['error'], answer
    text = (service.state / 'events.jsonl').read_text() + service.process.text()
    assert not [p for p in slapd.passwords.values() if p in text]
    assert service.events('directory_accepted') and service.events('directory_refused')
    pid = service.roles()['directory']
    service.kill(pid)
    wait_for(lambda: service.roles().get('directory') not in (None, pid), what='directory')
    wait_for(lambda: ask('alice', slapd.passwords['alice'])['ok'], what='a login after a restart')


def test_tls_is_required_and_verified(slapd, login, tmp_path):
    start_tls = slapd.settings(tmp_path, uri=f'ldap://127.0.0.1:{slapd.plain}')
    ask, _ = login(start_tls)
    assert ask('alice', slapd.passwords['alice'])['ok']
    for settings in (slapd.settings(tmp_path, ca_file=str(slapd.other)),
                     slapd.settings(tmp_path, uri=f'ldap://127.0.0.1:{slapd.plain}',
                                    ca_file=str(slapd.other)),
                     slapd.settings(tmp_path, uri=f'ldaps://localhost:{slapd.tls}'),
                     slapd.settings(tmp_path, uri=f'ldaps://127.0.0.1:{free_port()}')):
        ask, _ = login(settings)
        answer = ask('alice', slapd.passwords['alice'])
        assert not answer['ok'] and 'no verified connection' in answer['error'], answer


def test_a_wrong_service_password_is_no_persons_fault(slapd, login, tmp_path):
    settings = slapd.settings(tmp_path)
    settings['bind_password'] = 'surely-wrong'
    ask, _ = login(settings)
    assert 'bind_dn is refused' in ask('alice', slapd.passwords['alice'])['error']
