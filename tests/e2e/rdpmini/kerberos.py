# SPDX-License-Identifier: Apache-2.0
"""CredSSP with Kerberos: MIT's GSSAPI behind our own client, for what no real client would do."""
import ctypes
import os

from . import credssp
from .client import Client, Refused

_gss = ctypes.CDLL('libgssapi_krb5.so.2')
_OIDS = {'krb5': bytes.fromhex('2a864886f712010202'), 'spnego': bytes.fromhex('2b0601050502')}
_NAME = bytes.fromhex('2a864886f71201020101')  # GSS_KRB5_NT_PRINCIPAL_NAME without its last arc
_HOSTBASED = bytes.fromhex('2a864886f71201020104')
MUTUAL, REPLAY, SEQUENCE, CONF, INTEG = 2, 4, 8, 16, 32


class _Buffer(ctypes.Structure):
    _fields_ = [('length', ctypes.c_size_t), ('value', ctypes.c_void_p)]

    @classmethod
    def of(cls, data):
        made = cls(len(data), ctypes.cast(ctypes.create_string_buffer(data, len(data) or 1), ctypes.c_void_p))
        made.keep = data
        return made

    def bytes(self):
        return ctypes.string_at(self.value, self.length) if self.length else b''


class _Oid(ctypes.Structure):
    _fields_ = [('length', ctypes.c_uint32), ('elements', ctypes.c_char_p)]


class Context:
    """An initiator's context for TERMSRV@host; its tickets come from $KRB5CCNAME of this process."""

    def __init__(self, host, mech='krb5', flags=MUTUAL | REPLAY | SEQUENCE | CONF | INTEG):
        self.minor, self.handle = ctypes.c_uint32(), ctypes.c_void_p()
        self.name, self.flags, self.is_done = ctypes.c_void_p(), flags, False
        self.mech = _Oid(len(_OIDS[mech]), _OIDS[mech])
        text = f'TERMSRV@{host}'.encode()
        self._text = ctypes.create_string_buffer(text)
        buffer = _Buffer(len(text), ctypes.cast(self._text, ctypes.c_void_p))
        oid = _Oid(len(_HOSTBASED), _HOSTBASED)
        self._check(_gss.gss_import_name(ctypes.byref(self.minor), ctypes.byref(buffer),
                                         ctypes.byref(oid), ctypes.byref(self.name)))

    def _check(self, major):
        if major & 0xFFFF0000:
            raise RuntimeError(f'GSS {major:#x} {self.minor.value:#x}')
        return major

    def step(self, token=b''):
        text = ctypes.create_string_buffer(token, len(token) or 1)
        given = _Buffer(len(token), ctypes.cast(text, ctypes.c_void_p))
        out = _Buffer()
        major = self._check(_gss.gss_init_sec_context(
            ctypes.byref(self.minor), None, ctypes.byref(self.handle), self.name,
            ctypes.byref(self.mech), self.flags, 0, None, ctypes.byref(given), None,
            ctypes.byref(out), None, None))
        self.is_done = not major & 1
        return out.bytes()

    def wrap(self, data, sealed=1):
        text = ctypes.create_string_buffer(data, len(data))
        given, out = _Buffer(len(data), ctypes.cast(text, ctypes.c_void_p)), _Buffer()
        self._check(_gss.gss_wrap(ctypes.byref(self.minor), self.handle, sealed, 0,
                                  ctypes.byref(given), None, ctypes.byref(out)))
        return out.bytes()

    def unwrap(self, data):
        text = ctypes.create_string_buffer(data, len(data))
        given, out = _Buffer(len(data), ctypes.cast(text, ctypes.c_void_p)), _Buffer()
        self._check(_gss.gss_unwrap(ctypes.byref(self.minor), self.handle, ctypes.byref(given),
                                    ctypes.byref(out), None, None))
        return out.bytes()


class KerberosClient(Client):
    """A client with a ticket. service: the host of TERMSRV@host; token: replayed in place of ours;
    flags, mech: of Context; binding: what is sealed in place of the right hash; open_seal: authInfo
    is signed only; environment: of Domain.ticket"""

    def __init__(self, port, environment, service, token=None, mech='krb5', flags=None, binding=None,
                 open_seal=False, early_secret=False, **options):
        super().__init__(port, **options)
        os.environ.update({k: environment[k] for k in ('KRB5_CONFIG', 'KRB5CCNAME')})
        self.context = Context(service, mech, *([flags] if flags is not None else []))
        self.token, self.binding, self.open_seal = token, binding, open_seal
        self.early_secret = early_secret

    def stage_nla(self):
        self.key = credssp.subject_public_key(self.line.certificate)
        sent = self.context.step()
        self.sent = self.token or sent
        if self.early_secret:  # before anything was proven
            self._credssp('credentials', nego=self.sent, auth_info=b'x' * 64)
            self._answer()
        self._credssp('negotiate', nego=self.sent)
        while not self.context.is_done:
            more = self.context.step(self._answer()['nego'])
            if more:
                self._credssp('negotiate', nego=more)
        old = self.credssp_version < 5
        said = self.key if old else credssp.binding_hash(True, self.nonce, self.key)
        self._credssp('authenticate', pub_key_auth=self.context.wrap(self.binding or said))
        plain = self.context.unwrap(self._answer()['pub_key_auth'])
        if old:
            assert plain == bytes([self.key[0] + 1 & 0xFF]) + self.key[1:]
        else:
            assert plain == credssp.binding_hash(False, self.nonce, self.key)
        self._step('credentials')
        secret = credssp.ts_password(self.domain, self.user, self.password)
        self._credssp('credentials', auth_info=self.context.wrap(secret, 0 if self.open_seal else 1))
        if self.selected == 8:
            self.early_result = int.from_bytes(self.line.take(4), 'little')
            if self.early_result:
                raise Refused('early', self.early_result)
