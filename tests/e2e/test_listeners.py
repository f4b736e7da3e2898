# SPDX-License-Identifier: Apache-2.0
"""Several listeners, IPv4 and IPv6; limits of connections that have not signed in."""
import socket

from gate import target_entry
from lab import free_port, wait_for


def test_every_listener_serves(make_gate, scripted):
    first, second = free_port(), free_port()
    service = make_gate(target_entry('desk', scripted()),
                        listeners=[f'127.0.0.1:{first}', f'[::1]:{second}'])
    for host, port in (('127.0.0.1', first), ('::1', second)):
        service.port = port
        with service.mini(host=host, source=None) as client:
            client.run()
    service.wait_event('session_active', count=2)
    sources = [event['source'] for event in service.events('session_start')]
    assert sources[0].startswith('127.0.0.1:') and sources[1].startswith('[::1]:')


def test_one_source_cannot_take_every_place(make_gate, scripted):
    service = make_gate(target_entry('desk', scripted()), limits={'per_source': 3})
    held = [socket.create_connection(('127.0.0.1', service.port), 5, ('127.9.9.9', 0))
            for _ in range(3)]
    with socket.create_connection(('127.0.0.1', service.port), 5, ('127.9.9.9', 0)) as one_more:
        one_more.settimeout(5)
        try:
            assert one_more.recv(1) == b''
        except ConnectionResetError:
            pass
    service.wait_event('connection_refused')
    with service.mini() as client:  # another source
        client.run()
    # A place that is given back is free again.
    held.pop().close()

    def place_is_free():
        with service.mini(source='127.9.9.9') as again:
            try:
                again.stage_x224()
            except OSError:
                return False
            return True
    wait_for(place_is_free, what='the place of a connection that ended')
    for sock in held:
        sock.close()
