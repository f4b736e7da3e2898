# SPDX-License-Identifier: Apache-2.0
"""The lobby, as a person meets it: xfreerdp shows it, keys and mouse work in it, the desktop follows."""
import json
import os
import pathlib
import secrets
import subprocess
import time
import types

import pytest

from gate import target_entry
from lab import free_port, wait_for
from rdpmini import Refused
from test_factors import code_of

SHOTS = os.environ.get('SALLYPORT_SHOTS')


def shot(client, name):
    """Keep a picture for whoever wants to look: SALLYPORT_SHOTS=FOLDER."""
    if SHOTS:
        subprocess.run(['import', '-window', 'root', str(pathlib.Path(SHOTS) / f'{name}.png')],
                       env=client.display.env(), check=True, timeout=20)


def wait_lobby(client):
    """Its background is at the edge of the screen."""
    def shown():
        seen = subprocess.run(['import', '-window', 'root', '-crop', '1x1+5+5', '-depth', '8', 'rgb:-'],
                              env=client.display.env(), capture_output=True, check=False, timeout=20).stdout
        return len(seen) == 3 and all(abs(a - b) < 9 for a, b in zip(seen, (0x1B, 0x2A, 0x3A)))
    wait_for(shown, 20, 'the lobby')


def press(client, *keys):
    client.display.run('xdotool', 'mousemove', '5', '5', 'key', '--delay', '40', *keys)


def test_a_desktop_is_chosen(make_gate, shadow, scripted, freerdp):
    other = scripted()
    service = make_gate(target_entry('web01', other), target_entry('web02', other),
                        target_entry('shadow', shadow))
    client = freerdp(service, 'demo')
    service.wait_event('lobby_entered')
    wait_lobby(client)
    shot(client, 'choose')
    press(client, 's', 'h', 'a')
    shot(client, 'typed')
    press(client, 'Return')
    client.wait_painted(shadow)
    said = 'k' + secrets.token_hex(3)
    client.type(said)
    wait_for(lambda: said in shadow.typed(), what='the typed word on the target')
    client.wait_painted(shadow)
    assert other.contacts == 0
    assert [e['target'] for e in service.events('access_granted')] == ['shadow']


def opens(service, client, shadow):
    """The desktop takes over in place."""
    service.wait_event('session_active')
    client.wait_painted(shadow)


def ask(service, *argv):
    done = service.command(*argv, '--json', '-s', service.state / 'control.sock')
    answer = json.loads(done.stdout)
    assert answer['ok'], answer
    return answer


def test_a_target_that_is_down_leads_back(make_gate, shadow, freerdp):
    nowhere = types.SimpleNamespace(port=free_port(), user='nobody', password='nothing')
    service = make_gate(target_entry('broken', nowhere), target_entry('shadow', shadow))
    client = freerdp(service, 'demo')
    wait_lobby(client)
    press(client, 'Return')  # the first of the list
    service.wait_event('target_unreachable')
    press(client, 'Return')  # try again
    service.wait_event('target_unreachable', count=2)
    press(client, 'Escape')  # choose another
    press(client, 's', 'h', 'a', 'Return')
    opens(service, client, shadow)
    assert [e['target'] for e in service.events('access_granted')] == ['broken', 'broken', 'shadow']


def test_a_code_is_asked_for_and_good_once(make_gate, shadow, freerdp):
    rule = {'name': 'strong', 'users': ['demo'], 'targets': ['shadow'], 'mfa': 'totp'}
    service = make_gate(target_entry('shadow', shadow), rules=[rule])
    secret = ask(service, 'factor', 'enrol', 'demo')['secret']
    ask(service, 'factor', 'confirm', 'demo', code_of(secret))
    code = code_of(secret, time.time() + 30)  # the next step's, since this one's is used
    client = freerdp(service, 'demo')
    wait_lobby(client)
    press(client, *f'{(int(code) + 1) % 10 ** 6:06d}', 'Return')
    assert service.wait_event('factor_failed')['reason'] == 'wrong'
    shot(client, 'code')
    press(client, *code, 'Return')
    service.wait_event('factor_proven')
    opens(service, client, shadow)
    client.stop()
    service.wait_event('session_end')

    again = freerdp(service, 'demo')
    wait_lobby(again)
    press(again, *code, 'Return')
    assert service.wait_event('factor_failed', count=2)['reason'] == 'used before'
    assert len(service.events('access_granted')) == 1


def test_access_is_asked_for_and_approved(make_gate, shadow, freerdp):
    rule = {'name': 'on-demand', 'users': ['demo'], 'targets': ['shadow'],
            'require': {'approval': {'by': 'leads', 'longest': '2h', 'reason': 'required'}}}
    service = make_gate(target_entry('shadow', shadow), users=('demo', 'bob'), rules=[rule],
                        groups=[{'name': 'leads', 'members': ['bob']}])
    client = freerdp(service, 'demo')
    wait_lobby(client)
    press(client, 'Return')  # without a reason: said, and asked again
    press(client, *'disk', 'space', *'full')
    shot(client, 'ask')
    press(client, 'Return')
    event = service.wait_event('access_requested')
    assert event['reason'] == 'disk full'
    wait_for(lambda: service.events('lobby_entered'), what='the lobby')
    shot(client, 'waiting')
    asked = ask(service, 'request', 'list')['requests'][0]['id']
    ask(service, 'grant', 'approve', asked, '--for', '1h', '--as', 'bob')
    opens(service, client, shadow)


def test_a_text_is_accepted_first(make_gate, shadow, freerdp):
    rule = {'name': 'told', 'users': ['demo'], 'targets': ['shadow'],
            'consent': 'This desktop is watched. Go on only if you agree.'}
    service = make_gate(target_entry('shadow', shadow), rules=[rule])
    client = freerdp(service, 'demo')
    wait_lobby(client)
    assert not service.events('access_granted')
    shot(client, 'consent')
    press(client, 'Return')
    service.wait_event('consent_given')
    opens(service, client, shadow)


def test_without_a_lobby_it_is_a_refusal(make_gate, scripted):
    one, two = scripted(), scripted()
    service = make_gate(target_entry('one', one), target_entry('two', two), lobby={'enabled': 'false'})
    with service.mini() as client, pytest.raises(Refused):
        client.run()
    service.one_failure('access_denied')
    assert (one.contacts, two.contacts) == (0, 0)
