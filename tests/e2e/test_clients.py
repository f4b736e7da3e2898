# SPDX-License-Identifier: Apache-2.0
"""xfreerdp works on real desktops through Sallyport: the picture is theirs, keys and mouse arrive."""
import secrets

import pytest

from gate import target_entry
from lab import wait_for

# Sallyport passes graphics on undecoded, so each way of coding them must come through.
GRAPHICS = [[], ['/rfx'], ['/gfx:AVC420'], ['/gfx:AVC444'], ['/bpp:16'], ['+compression'], ['-compression']]


@pytest.mark.parametrize('flags', GRAPHICS, ids=lambda f: ' '.join(f) or 'default')
def test_shadow_is_painted_and_takes_input(gate, shadow, freerdp, flags):
    client = freerdp(gate, 'demo', *flags)
    client.wait_painted(shadow)

    said = 'k' + secrets.token_hex(3)
    client.type(said)
    wait_for(lambda: said in shadow.typed(), what='the typed word on the target')
    client.wait_painted(shadow)  # … and back: the echo of the keys is part of the picture

    client.move(517, 388)
    wait_for(lambda: shadow.desktop.pointer() == (517, 388), what='the pointer on the target')
    client.move(211, 99)
    wait_for(lambda: shadow.desktop.pointer() == (211, 99), what='the pointer on the target')


def test_session_is_told_in_events(gate, shadow, freerdp):
    gate.mark()
    client = freerdp(gate, 'demo')
    client.wait_painted(shadow)
    client.stop()
    gate.wait_event('session_end')
    names = [e['event'] for e in gate.new_events()]
    for name in ('session_start', 'auth_succeeded', 'access_granted', 'target_connected',
                 'target_login', 'session_active', 'session_end'):
        assert names.count(name) == 1, names
    assert not gate.failures()
    end = gate.new_events()[-1]
    assert end['user'] == 'demo' and end['target'] == 'desk' and end['bytes_to_client'] > 10000


def test_xrdp_logs_in_with_injected_credentials(make_gate, xrdp, freerdp):
    service = make_gate(target_entry('old', xrdp, verify='tofu', nla='off'))
    client = freerdp(service, 'demo')
    service.wait_event('session_active')
    client.wait_painted(xrdp)  # a login box would not look like the session

    said = 'k' + secrets.token_hex(3)
    client.type(said)
    wait_for(lambda: said in xrdp.typed(), what='the typed word in the session')
    assert not service.failures()
    assert xrdp.password not in client.process.text()


def test_target_is_chosen_by_name(make_gate, scripted, freerdp):
    one, two = scripted(), scripted()
    service = make_gate(target_entry('one', one), target_entry('two', two))
    with service.mini('demo#two') as client:
        client.run()
    assert (one.contacts, two.contacts) == (0, 1)
    with service.mini('demo#one') as client:
        client.run()
    assert (one.contacts, two.contacts) == (1, 1)
