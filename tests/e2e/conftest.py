# SPDX-License-Identifier: Apache-2.0
"""Fixtures: a real desktop, Sallyport in front of it, real and own clients. All on loopback.

shadow     freerdp-shadow with NLA, one for the whole run
xrdp       xrdp with the Xorg backend, one for the whole run; needs root
gate       Sallyport in front of shadow with user demo, one for the whole run
make_gate  start another Sallyport; ended with the test
freerdp    start xfreerdp; ended with the test
scripted   start a scripted target (rdpmini.Target); ended with the test
"""
import itertools
import os
import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import gate as gate_module  # noqa: E402
import lab  # noqa: E402
import rdpmini  # noqa: E402

_count = itertools.count()


def pytest_configure(config):
    config.addinivalue_line('markers', 'long: only with ./test --long')


def pytest_collection_modifyitems(items):
    if os.environ.get('SALLYPORT_LONG'):
        return
    for item in items:
        if 'long' in item.keywords:
            item.add_marker(pytest.mark.skip(reason='only with ./test --long'))


@pytest.fixture(scope='session')
def shadow(tmp_path_factory):
    target = lab.ShadowTarget(tmp_path_factory.mktemp('shadow'))
    yield target
    target.stop()


@pytest.fixture(scope='session')
def xrdp(tmp_path_factory):
    if os.geteuid() != 0:
        pytest.skip('xrdp makes a user of its own, which needs root')
    target = lab.XrdpTarget(tmp_path_factory.mktemp('xrdp'))
    yield target
    target.stop()


@pytest.fixture(scope='session')
def gate(tmp_path_factory, shadow):
    service = gate_module.Gate(tmp_path_factory.mktemp('gate'),
                               [gate_module.target_entry('desk', shadow, verify='tofu')])
    yield service
    service.stop()


@pytest.fixture
def make_gate(tmp_path):
    services = []

    def make(*targets, **settings):
        service = gate_module.Gate(tmp_path / f'gate{next(_count)}', list(targets), **settings)
        services.append(service)
        return service
    yield make
    for service in services:
        service.stop()


@pytest.fixture
def freerdp(tmp_path):
    clients = []

    def start(service, user='demo', *flags, password=None, **options):
        if password is None:
            password = service.passwords.get(user.split('#')[0], 'wrong')
        folder = tmp_path / f'client{next(_count)}'
        client = lab.FreeRdp(folder, service.port, user, password, *flags, **options)
        clients.append(client)
        return client
    yield start
    for client in clients:
        client.stop()


@pytest.fixture(scope='session')
def certificate(tmp_path_factory):
    return lab.make_certificate(tmp_path_factory.mktemp('certificate'))


@pytest.fixture
def scripted(certificate):
    targets = []

    def start(user='worker', password='behind-the-gate', **script):
        target = rdpmini.Target(*certificate, user, password, rdpmini.Script(**script))
        targets.append(target)
        return target
    yield start
    for target in targets:
        target.close()
