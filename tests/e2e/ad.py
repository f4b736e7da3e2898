# SPDX-License-Identifier: Apache-2.0
"""A Samba AD domain controller in the network namespace of this process (see own_network)."""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

from lab import Process, have, wait_for, word

REALM, DOMAIN, HOST = 'EXAMPLE.TEST', 'EXAMPLE', 'gate.example.test'
INSIDE = 'SALLYPORT_OWN_NETWORK'
SETUP = pathlib.Path('/usr/share/samba/setup')


def possible():
    """Why a domain controller cannot run here; None if it can."""
    if os.geteuid() != 0:
        return 'needs root for a network namespace'
    if not have('samba', 'samba-tool', 'kinit'):
        return 'samba, samba-tool or kinit is missing'
    return None if SETUP.is_dir() else 'the package samba-ad-provision is missing'


def own_network(file, *flags):
    """Run a test file again where all ports and /etc/hosts are its own. Returns the process."""
    # A folder of its own: pytest makes its usual one private at each start, under whoever uses it.
    with tempfile.TemporaryDirectory(prefix='sallyport-own-') as folder:
        return subprocess.run(
            ['unshare', '-n', '-m', '-u', sys.executable, '-m', 'pytest', '-q', '-x', '--tb=short', '-p',
             'no:cacheprovider', f'--basetemp={folder}/t', *flags, str(file)], capture_output=True, text=True,
            check=False, env={**os.environ, INSIDE: '1'}, timeout=240)


def prepare_network(folder):
    """Inside: loopback is up, and our own names are in /etc/hosts."""
    hosts = pathlib.Path(folder) / 'hosts'
    hosts.write_text(f'127.0.0.1 localhost\n127.0.0.1 {HOST} dc1.example.test dc1\n')
    subprocess.run(['ip', 'link', 'set', 'lo', 'up'], check=True)
    subprocess.run(['mount', '--bind', hosts, '/etc/hosts'], check=True)
    subprocess.run(['hostname', 'dc1'], check=True)


class Domain:
    """A domain with people and the gate's service account, provisioned anew."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.admin_password = f'A-{word(10)}-1z'
        self.env = {**os.environ, 'KRB5_CONFIG': str(self.folder / 'private/krb5.conf')}
        self.tool('domain', 'provision', '--use-rfc2307', f'--realm={REALM}', f'--domain={DOMAIN}',
                  '--server-role=dc', '--dns-backend=NONE', f'--adminpass={self.admin_password}',
                  '--host-name=dc1', '--host-ip=127.0.0.1', f'--targetdir={self.folder}',
                  '--option=interfaces=lo', '--option=bind interfaces only=yes',
                  '--option=vfs objects=', f'--option=posix:eadb={self.folder}/eadb.tdb', conf=False)
        self.conf = self.folder / 'etc/smb.conf'
        (self.folder / 'private/krb5.conf').write_text(
            f'[libdefaults]\ndefault_realm = {REALM}\ndns_lookup_kdc = false\nrdns = false\n'
            f'dns_canonicalize_hostname = false\n[realms]\n{REALM} = {{\n kdc = 127.0.0.1\n}}\n'
            f'[domain_realm]\n.example.test = {REALM}\n')
        self.process = None

    def tool(self, *argv, conf=True):
        argv = ['samba-tool', *argv, *(['-s', str(self.conf)] if conf else [])]
        done = subprocess.run(argv, capture_output=True, text=True, check=False, env=self.env)
        assert done.returncode == 0, done.stderr[-1500:]

    def person(self, name):
        password = f'P-{word(10)}-1z'
        self.tool('user', 'create', name, password)
        return password

    def service(self, account, principal, keytab):
        """A service account that knows AES, and the keytab of one of its principals."""
        self.person(account)
        self.tool('spn', 'add', principal, account)
        subprocess.run(['/usr/bin/python3', '-c', ENCRYPTION_TYPES, self.conf, account], check=True)
        self.tool('domain', 'exportkeytab', str(keytab), f'--principal={principal}')
        os.chmod(keytab, 0o600)

    def start(self):
        self.process = Process(['samba', '-i', '--debug-stdout', '-s', self.conf,
                                '--option=server services=ldap cldap kdc',
                                '--option=dcerpc endpoint servers='],
                               self.folder / 'samba.log', env=self.env)

        def up():
            assert self.process.alive(), self.process.text()[-2000:]
            for port in (88, 636):
                with socket.socket() as s:
                    if s.connect_ex(('127.0.0.1', port)) != 0:
                        return False
            return True
        wait_for(up, 30, 'the domain controller')

    def ticket(self, name, password, *flags):
        """kinit; the environment whose KRB5CCNAME has the ticket."""
        cache = self.folder / f'cc-{word(6)}'
        env = {**self.env, 'KRB5CCNAME': f'FILE:{cache}'}
        done = subprocess.run(['kinit', *flags, f'{name}@{REALM}'], input=password + '\n', text=True,
                              capture_output=True, env=env, check=False)
        assert done.returncode == 0, done.stderr
        return env

    def stop(self):
        if self.process:
            self.process.stop()


# msDS-SupportedEncryptionTypes: AES128 and AES256.
ENCRYPTION_TYPES = '''
import sys, ldb
from samba.auth import system_session
from samba.param import LoadParm
from samba.samdb import SamDB
lp = LoadParm(); lp.load(sys.argv[1])
db = SamDB(lp=lp, session_info=system_session(lp))
found = db.search(expression='(sAMAccountName=%s)' % sys.argv[2])[0]
change = ldb.Message(found.dn)
change['t'] = ldb.MessageElement('24', ldb.FLAG_MOD_REPLACE, 'msDS-SupportedEncryptionTypes')
db.modify(change)
'''
