# SPDX-License-Identifier: Apache-2.0
"""Kerberos NLA against a real Samba domain, with a real Kerberos library as the client."""
import json
import os
import subprocess

import pytest

import ad
import gate as gate_module
from lab import Rdesktop, wait_for, word
from rdpmini import Closed, Refused
from rdpmini.kerberos import CONF, INTEG, KerberosClient

INSIDE = ad.INSIDE in os.environ
inside = pytest.mark.skipif(not INSIDE, reason='runs in a network of its own')


@pytest.mark.skipif(INSIDE or ad.possible() is not None, reason=str(ad.possible()))
def test_in_a_network_of_its_own():
    done = ad.own_network(__file__)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-1000:]


@pytest.fixture(scope='module', name='domain')
def _domain(tmp_path_factory):
    folder = tmp_path_factory.mktemp('domain')
    gate_module.let_others_pass(folder)
    ad.prepare_network(folder)
    domain = ad.Domain(folder)
    domain.passwords = {name: domain.person(name) for name in ('alice', 'mallory', 'carol')}
    domain.service('gatesvc', f'TERMSRV/{ad.HOST}', folder / 'gate.keytab')
    domain.service('other', 'TERMSRV/other.example.test', folder / 'other.keytab')
    domain.start()
    yield domain
    domain.stop()


@pytest.fixture(name='kerberos_gate')
def _kerberos_gate(domain, make_gate, scripted):
    def make(certificate=None, target=None, **more):
        target = target or scripted()
        settings = {}
        if certificate:
            settings['certificate'] = dict(zip(('cert', 'key'), map(str, certificate)))
        kerberos = {'keytab': str(domain.folder / 'gate.keytab'), 'realm': ad.REALM,
                    'users': 'strip-realm', **more}
        if os.geteuid() == 0:
            os.chmod(domain.folder / 'gate.keytab', 0o600)
        service = make_gate(gate_module.target_entry('desk', target), users=('alice', 'bob'),
                            directory={'kerberos': kerberos}, **settings)
        service.env = domain.ticket('alice', domain.passwords['alice'])
        return service
    return make


def connect(service, env=None, host=ad.HOST, **options):
    return KerberosClient(service.port, env or service.env, host, user='alice', password='unused',
                          source=gate_module.new_source(), **options)


def denied(service, reason, env=None, nt_status=None, **options):
    service.mark()
    with connect(service, env, **options) as client, pytest.raises((Refused, Closed)) as caught:
        client.run('nla')
    if nt_status is not None:
        assert caught.value.code == nt_status
    event = service.one_failure('auth_failed')
    assert reason in event['reason'], event
    assert event['method'] == 'kerberos'


@inside
@pytest.mark.parametrize('mech', ['krb5', 'spnego'])
def test_a_ticket_is_enough(kerberos_gate, mech):
    service = kerberos_gate()
    service.mark()
    with connect(service, mech=mech) as client:
        client.run()
        event = service.wait_event('auth_succeeded', method='kerberos')
        assert event['principal'] == f'alice@{ad.REALM}'
        assert service.wait_event('access_granted')['user'] == 'alice'
    # NTLM stays as it was, and so it does for a client that prefers Kerberos but has no ticket.
    with service.mini('alice') as client:
        client.run('nla')


@inside
def test_who_is_refused(kerberos_gate, domain):
    service = kerberos_gate()
    other = domain.ticket('mallory', domain.passwords['mallory'])
    denied(service, 'no user here', env=other, nt_status=0xC000006D)
    denied(service, 'Kerberos:', host='other.example.test', nt_status=0xC000006D)  # wrong SPN
    denied(service, 'no mutual authentication', flags=CONF | INTEG)
    denied(service, 'older than credssp_min', credssp_version=2, nt_status=0xC00000BB)
    with connect(service) as client:
        client.run('nla')
        token = client.sent
    denied(service, 'replay', token=token)


@inside
def test_the_tls_key_is_bound(kerberos_gate):
    service = kerberos_gate()
    service.mark()
    with connect(service, binding=bytes(32)) as client, pytest.raises(Refused) as caught:
        client.run('nla')
    assert caught.value.code == 0xC000006D
    event = service.one_failure('exploit_attempt')
    assert (event['attack'], event['where']) == ('CVE-2018-0886', 'TSRequest.pubKeyAuth')
    service.mark()
    with connect(service, open_seal=True) as client, pytest.raises((Closed, Refused)):
        client.run('nla')
    assert 'not encrypted' in service.one_failure('auth_failed')['reason']
    service.mark()
    with connect(service, early_secret=True) as client, pytest.raises((Closed, Refused)):
        client.run('nla')
    assert service.one_failure('session_failed')['where'] == 'TSRequest'


@inside
def test_directory_dies(kerberos_gate):
    service = kerberos_gate()
    pid = service.roles()['directory']
    service.mark()
    service.kill(pid)
    service.wait_event('process_restarted', process='directory')
    wait_for(lambda: service.roles().get('directory') not in (None, pid), what='directory')

    def works():
        with connect(service) as client:
            try:
                client.run('nla')
                return True
            except (Refused, Closed):
                return False
    wait_for(works, 10, 'Kerberos after a restart of directory')


@inside
def test_ldap_login_at_the_domain(domain, make_gate, scripted):
    domain.tool('group', 'add', 'staff')
    domain.tool('group', 'addmembers', 'staff', 'alice')
    base = 'DC=example,DC=test'
    service = make_gate(gate_module.target_entry('desk', scripted()), directory={'ldap': {
        'uri': 'ldaps://dc1.example.test', 'ca_file': str(domain.folder / 'private/tls/ca.pem'),
        'base': base, 'bind_dn': f'CN=carol,CN=Users,{base}',
        'bind_password': domain.passwords['carol'], 'user_filter': '(sAMAccountName={user})',
        'groups': [{'dn': f'CN=staff,CN=Users,{base}', 'group': 'staff'}]}})

    def ask(user, password):
        done = service.command('directory', 'test', user, '--json', '-c', service.file,
                               input=password + '\n')
        return json.loads(done.stdout)
    assert ask('alice', domain.passwords['alice']) == {'ok': True, 'groups': ['staff']}
    assert ask('mallory', domain.passwords['mallory']) == {'ok': True, 'groups': []}
    assert 'wrong password' in ask('alice', domain.passwords['mallory'])['error']


@inside
def test_rdesktop(kerberos_gate, domain, shadow, tmp_path):
    """rdesktop speaks CredSSP 2 with Kerberos only: refused by default; where it is let in, it works."""
    rsa = tmp_path / 'rsa.pem', tmp_path / 'rsa.key'  # it takes no other key
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-subj',
                    f'/CN={ad.HOST}', '-days', '2', '-out', rsa[0], '-keyout', rsa[1]],
                   check=True, capture_output=True)

    def start(service):
        env = {name: service.env[name] for name in ('KRB5_CONFIG', 'KRB5CCNAME')}
        return Rdesktop(tmp_path / f'client{service.port}', f'{ad.HOST}:{service.port}', 'alice',
                        ad.REALM, env)
    service = kerberos_gate(rsa)
    client = start(service)
    try:
        event = service.wait_event('auth_failed', method='kerberos')
        assert 'older than credssp_min' in event['reason']
    finally:
        client.stop()

    service = kerberos_gate(rsa, target=shadow, credssp_min=2)
    client = start(service)
    try:
        service.wait_event('auth_succeeded', method='kerberos')
        client.wait_painted(shadow)
        said = 'k' + word(6)
        client.type(said)
        wait_for(lambda: said in shadow.typed(), what='the typed word on the target')
        assert not service.failures()
    finally:
        client.stop()
