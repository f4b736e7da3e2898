# SPDX-License-Identifier: Apache-2.0
"""The store's care by commands: a new key, a backup, damage that is refused, repair, restore."""
import shutil
import sqlite3

import pytest

from gate import BINARY, target_entry
from lab import Process
from rdpmini import ntlm
from test_policy_store import ask, restart, secret_file

PASSWORD = 'Correct horse 2'


@pytest.fixture(name='kept')
def _kept(make_gate, scripted):
    """A service with two people in its store."""
    service = make_gate(target_entry('desk', scripted()),
                        rules=[{'name': 'all', 'users': ['demo'], 'targets': ['desk']}])
    for name in ('carol', 'dave'):
        ask(service, 'user', 'add', name,
            'nt_hash=' + secret_file(service, name, ntlm.nt_hash(PASSWORD).hex()))
    return service


def people(service):
    return {'carol', 'dave'} & set(ask(service, 'user', 'list').split())


def offline(service, *argv):
    done = service.command(*argv, '-c', service.file)
    return done.returncode, done.stdout + done.stderr


def damage(service, sql):
    with sqlite3.connect(service.state / 'store.db') as db:
        assert db.execute(sql).rowcount == 1
    db.close()


def refused_start(service, log):
    """What `serve` says when it does not start."""
    process = Process([BINARY, 'serve', '-c', service.file], log)
    try:
        assert process.wait(10) != 0
    finally:
        process.stop()
    return process.text()


def test_key_backup_repair_restore(kept, tmp_path):
    old_key = (kept.state / 'master.key').read_text()
    ask(kept, 'vault', 'rotate')
    assert (kept.state / 'master.key').read_text() != old_key
    copy = tmp_path / 'copy.db'
    assert offline(kept, 'backup', copy)[0] == 0
    assert copy.stat().st_mode & 0o777 == 0o600
    assert offline(kept, 'backup', copy)[0] != 0, 'a backup is written over'
    code, text = offline(kept, 'vault', 'repair')
    assert code != 0 and 'running' in text

    kept.stop()
    damage(kept, "UPDATE object SET body = '{}' WHERE id = 'CAROL'")
    assert 'vault repair' in refused_start(kept, tmp_path / 'damaged.log')
    code, text = offline(kept, 'vault', 'repair')
    assert code == 0 and '1 rows were removed' in text
    restart(kept)
    assert people(kept) == {'dave'}

    kept.stop()
    owner = (kept.state / 'store.db').stat()
    shutil.copyfile(copy, kept.state / 'store.db')
    shutil.chown(kept.state / 'store.db', owner.st_uid, owner.st_gid)
    for log in ('store.db-wal', 'store.db-shm'):
        (kept.state / log).unlink(missing_ok=True)
    restart(kept)
    assert people(kept) == {'carol', 'dave'}
    # The old key opens nothing of it.
    kept.stop()
    (kept.state / 'master.key').write_text(old_key)
    assert 'key' in refused_start(kept, tmp_path / 'old_key.log')
