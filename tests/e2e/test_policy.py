# SPDX-License-Identifier: Apache-2.0
"""Conditions of rules on real connections, and sessions that end when their rule holds no more."""
import json
import subprocess
import time

import pytest

from gate import BINARY, target_entry
from lab import ROOT, wait_for
from rdpmini import Closed, Refused
from test_kill import answers, echo
from test_reload import reload, rewrite

MONDAY_10 = 1795428000  # 2026-11-23 10:00 UTC
NOT_ENTITLED, BY_ADMIN, TIME_OVER = 9, 1, 4


@pytest.fixture
def clock(tmp_path, monkeypatch):
    """A wall clock that policy goes by and that a test moves: clock(seconds since 1970)."""
    file = tmp_path / 'clock'
    monkeypatch.setenv('SALLYPORT_TEST_CLOCK', str(file))

    def set_to(second):
        new = file.with_suffix('.new')
        new.write_text(str(int(second - time.time())))
        new.rename(file)
    tmp_path.chmod(0o711)
    set_to(MONDAY_10)
    return set_to


@pytest.fixture
def gate(make_gate, scripted):
    def make(*rules, **settings):
        whole = [{'name': f'r{i}', 'users': ['demo'], 'targets': ['desk'], **rule}
                 for i, rule in enumerate(rules)]
        return make_gate(target_entry('desk', scripted(on_active=echo)), rules=whole, **settings)
    return make


def works(service, **options):
    with service.mini(**options) as client:
        client.run()
        return answers(client)


def denied(service, **options):
    """A connection that policy refuses; its event."""
    service.mark()
    with service.mini(**options) as client, pytest.raises((Refused, Closed)):
        client.run()
    return service.one_failure('access_denied')


def at_work(service, **options):
    client = service.mini(**options)
    client.run()
    assert answers(client)
    return client


def ended(client):
    """What the client is told at the end, and how long that took."""
    start = time.monotonic()
    with pytest.raises(Refused) as said:
        while True:
            client._next_share()
    client.line.close()
    return said.value.code, time.monotonic() - start


def test_source(gate):
    service = gate({'sources': ['127.1.2.0/24']})
    assert works(service, source='127.1.2.7')
    event = denied(service, source='127.1.3.7')
    assert event['reason'] == 'no rule gives user demo any target'
    assert event['rules'] == 'r0 no, source no'


def test_deny_wins(gate):
    service = gate({}, {'effect': 'deny', 'sources': ['127.1.3.0/24']})
    assert works(service, source='127.1.2.7')
    event = denied(service, user='demo#desk', source='127.1.3.7')
    assert event['reason'] == 'rule r1 denies target desk'
    assert works(service, source='127.1.2.7')


def test_nla(gate):
    service = gate({'nla': ['kerberos', 'ticket']})
    assert denied(service)['rules'] == 'r0 no, nla no'
    rewrite(service, rules=[{**service.config['rules'][0], 'nla': ['ntlm']}])
    assert reload(service).returncode == 0
    assert works(service)


def test_client_name(gate):
    """Only known after the decision: the target is dialled, but its socket is never given."""
    service = gate({'clients': {'names': ['mini*']}})
    assert works(service)
    rewrite(service, rules=[{**service.config['rules'][0], 'clients': {'names': ['other*']}}])
    assert reload(service).returncode == 0
    event = denied(service)
    assert event['reason'] == 'rule r0 does not hold for target desk: client'


def test_concurrent(gate):
    service = gate({'concurrent': {'user': 1}})
    client = at_work(service)
    service.mark(live=1)
    with service.mini() as second, pytest.raises((Refused, Closed)):
        second.run()
    assert service.wait_event('access_denied')['rules'] == 'r0 no, sessions no'
    assert answers(client)
    client.line.close()
    service.mark()
    assert works(service)


def test_hours(gate, clock):
    """In hours, warned, out of hours, and a clock set back lengthens nothing."""
    service = gate({'when': {'days': ['mon'], 'hours': '08:00-18:00'}})
    client = at_work(service)
    clock(MONDAY_10 + 8 * 3600 - 250)
    assert 240 <= service.wait_event('session_ends_soon')['left_s'] <= 250
    clock(MONDAY_10 + 8 * 3600 - 50)
    service.wait_event('session_ends_soon', count=2)
    assert answers(client)
    clock(MONDAY_10 + 8 * 3600)
    code, seconds = ended(client)
    assert code == TIME_OVER
    assert seconds <= 2
    event = service.wait_event('access_ended')
    assert event['reason'] == 'rule r0 does not hold for target desk: when'
    assert denied(service)['rules'] == 'r0 no, when no'
    clock(MONDAY_10)
    client = at_work(service)
    clock(MONDAY_10 - 3600)
    assert answers(client)
    client.line.close()


def test_disabled_under_way(gate):
    service = gate({})
    client = at_work(service)
    users = [{**u, 'disabled': True} for u in service.config['users']]
    rewrite(service, users=users)
    assert reload(service).returncode == 0
    code, seconds = ended(client)
    assert (code, seconds <= 2) == (BY_ADMIN, True)
    assert service.wait_event('access_ended')['verdict'] == 'user_disabled'


def test_rule_taken_away(gate):
    service = gate({}, {'name': 'other', 'sources': ['192.0.2.1']})
    client = at_work(service)
    rewrite(service, rules=service.config['rules'][1:])
    assert reload(service).returncode == 0
    code, seconds = ended(client)
    assert (code, seconds <= 2) == (NOT_ENTITLED, True)


def test_other_rule_takes_over(gate):
    """A session whose rule is gone stays if another one lets it."""
    service = gate({}, {})
    client = at_work(service)
    rewrite(service, rules=service.config['rules'][1:])
    assert reload(service).returncode == 0
    wait_for(lambda: service.events('reloaded'), what='the reload')
    assert answers(client)
    assert not service.events('access_ended')
    client.line.close()


def test_country(gate):
    """127.7.0.0/16 is in Austria there, 127.8.0.0/16 nowhere."""
    database = ROOT / 'tests/vectors/geoip/countries.mmdb'
    service = gate({'countries': ['AT']}, geoip=str(database))
    assert works(service, source='127.7.1.2')
    assert denied(service, source='127.8.1.2')['rules'] == 'r0 no, country no'
    said = service.command('explain', 'demo', '--from', '127.7.1.2', '-s',
                           service.state / 'control.sock', '--json')
    assert json.loads(said.stdout)['explain']['country'] == 'AT'


def test_explain(gate):
    """The running service and the file alone say the same, and why."""
    service = gate({'sources': ['127.1.2.0/24']}, {'mfa': 'totp', 'fresh': '15m'},
                   {'effect': 'deny', 'when': {'days': ['sun']}})
    socket = ['-s', service.state / 'control.sock']
    monday = ['--from', '127.1.2.7', '--at', '2026-11-23T10:00']
    for where in (socket, ['-c', service.file]):
        said = service.command('explain', 'demo', 'desk', *monday, *where)
        assert said.returncode == 0
        assert 'allowed: rule r0 allows target desk' in said.stdout
        assert 'source yes' in said.stdout and 'factor needed' in said.stdout
        said = service.command('explain', 'DEMO', '--from', '127.9.9.9', '--at', '2026-11-23T10:00',
                               '--factor', 'totp@2026-11-23T09:50:00Z', '--json', *where)
        explain = json.loads(said.stdout)['explain']
        assert explain['verdict'] == 'allowed'
        assert [r['result'] for r in explain['rules']] == ['no', 'allows', 'no']
        said = service.command('explain', 'demo', 'desk', '--at', '2026-11-22T12:00+01:00', *where)
        assert 'rule_denies: rule r2 denies target desk' in said.stdout
        said = service.command('explain', 'demo', '--nla', 'basic', *where)
        assert said.returncode == 1
        assert 'must be none, ntlm, kerberos or ticket' in said.stderr
    assert service.command('explain', *socket).returncode == 2
    assert service.command('explain', 'demo', '--at', 'noon', *socket).returncode == 2
    assert service.command('sessions', '--from', '1.2.3.4', *socket).returncode == 2


def test_example():
    """The example is good and says what its comments say."""
    example = ROOT / 'contrib/policy.example.yaml'

    def explain(*words):
        done = subprocess.run([BINARY, 'explain', *words, '-c', example], capture_output=True,
                              text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()[-1]
    checked = subprocess.run([BINARY, 'check', '-c', example], capture_output=True, text=True,
                             check=False, timeout=30)
    assert (checked.returncode, checked.stderr) == (0, '')
    monday = ['--at', '2026-11-23T10:00']
    assert explain('bob', 'web01', '--from', '10.1.2.3', *monday).startswith('allowed: ')
    assert 'a second factor' in explain('bob', 'web01', '--from', '192.0.2.1', *monday)
    assert explain('bob', 'web01', '--from', '10.66.2.3', *monday).startswith('rule_denies: ')
    assert 'a second factor, an approval and consent' in explain('alice', 'db01', *monday)
    assert explain('dave', 'web02', '--client', 'partner-7').startswith('allowed: ')
    assert explain('dave', 'web02', '--client', 'HOME').startswith('conditions: ')
    assert explain('carol', 'web01').startswith('user_disabled: ')
