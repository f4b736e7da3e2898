# SPDX-License-Identifier: Apache-2.0
"""The lobby, as a person meets it: xfreerdp shows it, keys and mouse work in it, the desktop follows."""
import os
import pathlib
import secrets
import subprocess

from gate import target_entry
from lab import free_port, wait_for

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
    try:
        wait_for(shown, 6, 'the lobby')
    finally:
        shot(client, 'waited')


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
