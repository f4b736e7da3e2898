# SPDX-License-Identifier: Apache-2.0
"""The systemd unit's walls leave room for what the service does inside them."""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess

import pytest

from gate import BINARY, let_others_pass
from lab import Process, free_port, have, wait_for

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = (ROOT / 'systemd/sallyport.service.in').read_text()
NOBODY = 65534


def settings(name):
    """The values of a setting, in the order of their lines."""
    return re.findall(rf'^{name}=(.*)$', UNIT, re.M)


@functools.lru_cache(None)
def calls(name):
    """A system call, or those of a group as systemd knows it."""
    if not name.startswith('@'):
        return {name}
    said = subprocess.run(['systemd-analyze', 'syscall-filter', name], check=True,
                          capture_output=True, text=True).stdout
    words = {line.strip() for line in said.split('\n')[1:]} - {''}
    return set().union(*(calls(word) for word in words if not word.startswith('#')))


@pytest.mark.skipif(not have('systemd-analyze'), reason='systemd is not installed')
def test_every_call_of_the_cages_is_allowed():
    allowed = set()
    for line in settings('SystemCallFilter'):
        group = set().union(*(calls(word) for word in line.lstrip('~').split()))
        allowed = allowed - group if line.startswith('~') else allowed | group
    table = (ROOT / 'src/base/sandbox_table.c').read_text()
    used = set(re.findall(r'^    \{"(\w+)", [^,]*, 0, ', table, re.M))
    assert len(used) > 50 and 'landlock_create_ruleset' in used
    assert used <= allowed, used - allowed


@pytest.mark.skipif(os.geteuid() != 0, reason='only root can mount /proc')
def test_it_starts_with_the_units_proc(tmp_path):
    hide = (settings('ProtectProc') or ['default'])[0]
    mount = '' if hide == 'default' else f'mount -t proc -o hidepid={hide} proc /proc && '
    if subprocess.run(['unshare', '-m', 'true'], check=False).returncode != 0:
        pytest.skip('no mount namespaces here')
    let_others_pass(tmp_path)
    program = shutil.copy(BINARY, tmp_path)
    shutil.copy(BINARY.with_name('sallyport-net'), tmp_path)
    file = tmp_path / 'sallyport.yaml'
    file.write_text(json.dumps({
        'listeners': [f'127.0.0.1:{free_port()}'], 'state_dir': str(tmp_path / 'state'),
        'users': [{'name': 'demo', 'nt_hash': '00' * 16}],
        'targets': [{'name': 'desk', 'address': '127.0.0.1:9', 'login': 'delegate',
                     'tls': {'verify': 'tofu'}, 'nla': 'required'}],
        'rules': [{'name': 'all', 'users': ['demo'], 'targets': ['desk']}]}))
    file.chmod(0o600)
    for path in (tmp_path, file):
        os.chown(path, NOBODY, NOBODY)
    command = (f'{mount}exec setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups '
               f'--bounding-set=-all --no-new-privs {program} serve -c {file}')
    process = Process(['unshare', '-m', 'sh', '-c', command], tmp_path / 'serve.log')
    try:
        wait_for(lambda: 'sallyport: ready' in process.text() or not process.alive(), 15,
                 'sallyport serve')
        assert 'sallyport: ready' in process.text(), process.text()
    finally:
        process.stop()


# Who reads the network links these and no other: what is not there cannot be misused.
NET_LIBRARIES = {'libssl.so.3', 'libcrypto.so.3', 'libseccomp.so.2', 'libnettle.so.8', 'libc.so.6',
                 'ld-linux-x86-64.so.2'}


def test_the_network_program_links_no_more_than_it_needs():
    shown = subprocess.run(['readelf', '-d', BINARY.with_name('sallyport-net')], capture_output=True,
                           text=True, check=True).stdout
    needed = {line.split('[')[1].rstrip(']') for line in shown.splitlines() if '(NEEDED)' in line}
    assert 'libssl.so.3' in needed and needed <= NET_LIBRARIES, needed - NET_LIBRARIES
