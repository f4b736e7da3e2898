# SPDX-License-Identifier: Apache-2.0
"""refused_per_s: connections of a penalised source that door refuses in a second of one core."""
import socket
import statistics
import struct

import gate as gate_module
from gate import cpu_seconds
from lab import make_certificate, wait_for
from peers import Target
from rdpmini import Refused

SOURCE = '127.66.0.1'
RESET = struct.pack('ii', 1, 0)


def knock(port, count):
    """Connect count times from the penalised address; how many were reset without a word."""
    refused = 0
    for _ in range(count):
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            s.bind((SOURCE, 0))
            try:
                s.connect(('127.0.0.1', port))
                s.recv(1)
            except ConnectionError:
                refused += 1
    return refused


def counted(service):
    return sum(e['count'] for e in service.events('connection_refused') if e['source'].startswith(SOURCE))


def measure(folder, quick):
    folder.mkdir(parents=True)
    target = Target(*make_certificate(folder), 'idle')
    entry = gate_module.target_entry('desk', target)
    service = gate_module.Gate(folder / 'gate', [entry], limits={'penalties': {'auth_failure': '10m'}})
    count, rounds = (10000, 2) if quick else (30000, 5)
    rates = []
    try:
        try:
            with service.mini(password='wrong', source=SOURCE) as client:
                client.run('nla')
        except Refused:
            pass
        service.wait_event('source_penalised')
        door = service.roles()['door']
        for _ in range(rounds):
            before = cpu_seconds(door)
            if knock(service.port, count) != count:
                raise RuntimeError('a penalised source was let in')
            rates.append(count / (cpu_seconds(door) - before))
        wait_for(lambda: counted(service) == count * rounds, what='door\'s report of all that it refused')
    finally:
        service.stop()
        target.stop()
    return {'refused_per_s': round(statistics.median(rates)), 'refused_rounds': [round(r) for r in rates]}
