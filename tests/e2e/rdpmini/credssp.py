# SPDX-License-Identifier: Apache-2.0
"""DER, TSRequest, SPNEGO tokens and the CredSSP binding hashes (MS-CSSP, MS-SPNG)."""
import hashlib

OID_SPNEGO = bytes.fromhex('06062b0601050502')
OID_NTLM = bytes.fromhex('060a2b06010401823702020a')
OID_KERBEROS = bytes.fromhex('06092a864886f712010202')
OID_MS_KERBEROS = bytes.fromhex('06092a864882f712010202')
ACCEPT_COMPLETED, ACCEPT_INCOMPLETE, REJECT, REQUEST_MIC = range(4)


def der(tag, *parts):
    body = b''.join(parts)
    if len(body) < 0x80:
        size = bytes([len(body)])
    else:
        raw = len(body).to_bytes((len(body).bit_length() + 7) // 8, 'big')
        size = bytes([0x80 | len(raw)]) + raw
    return bytes([tag]) + size + body


def der_read(data, at=0):
    """One element: (tag, content, offset behind it)."""
    tag, size, at = data[at], data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        size, at = int.from_bytes(data[at:at + count], 'big'), at + count
    if at + size > len(data):
        raise ValueError('DER element is longer than what holds it')
    return tag, data[at:at + size], at + size


def der_all(data):
    at, found = 0, {}
    while at < len(data):
        tag, content, at = der_read(data, at)
        found[tag] = content
    return found


def integer(value):
    size = max(1, (value.bit_length() + 8) // 8)
    return der(2, value.to_bytes(size, 'big', signed=True))


def octets(data):
    return der(4, data)


def ts_request(version=6, nego=None, auth_info=None, pub_key_auth=None, error=None, nonce=None):
    parts = [der(0xA0, integer(version))]
    if nego is not None:
        parts.append(der(0xA1, der(0x30, der(0x30, der(0xA0, octets(nego))))))
    if auth_info is not None:
        parts.append(der(0xA2, octets(auth_info)))
    if pub_key_auth is not None:
        parts.append(der(0xA3, octets(pub_key_auth)))
    if error is not None:
        parts.append(der(0xA4, integer(error - (1 << 32) if error >> 31 else error)))
    if nonce is not None:
        parts.append(der(0xA5, octets(nonce)))
    return der(0x30, *parts)


def ts_request_read(data):
    """A dict of what is there: version, nego, auth_info, pub_key_auth, error, nonce."""
    fields = der_all(der_read(data)[1])
    out = {'version': int.from_bytes(der_read(fields[0xA0])[1], 'big')}
    if 0xA1 in fields:
        token = der_read(der_read(fields[0xA1])[1])[1]
        out['nego'] = der_read(der_read(token)[1])[1]
    for tag, name in ((0xA2, 'auth_info'), (0xA3, 'pub_key_auth'), (0xA5, 'nonce')):
        if tag in fields:
            out[name] = der_read(fields[tag])[1]
    if 0xA4 in fields:
        out['error'] = int.from_bytes(der_read(fields[0xA4])[1], 'big') & 0xFFFFFFFF
    return out


def ts_password(domain, user, password):
    """TSCredentials of type 1."""
    inner = der(0x30, *(der(0xA0 + i, octets(text.encode('utf-16-le')))
                        for i, text in enumerate((domain, user, password))))
    return der(0x30, der(0xA0, integer(1)), der(0xA1, octets(inner)))


def ts_password_read(data):
    fields = der_all(der_read(data)[1])
    inner = der_all(der_read(der_read(fields[0xA1])[1])[1])
    return tuple(der_read(inner[tag])[1].decode('utf-16-le') for tag in (0xA0, 0xA1, 0xA2))


def neg_token_init(mechs, token=None):
    parts = [der(0xA0, der(0x30, *mechs))]
    if token is not None:
        parts.append(der(0xA2, octets(token)))
    return der(0x60, OID_SPNEGO, der(0xA0, der(0x30, *parts)))


def mech_list(mechs):
    """What mechListMIC signs."""
    return der(0x30, *mechs)


def neg_token_resp(state=None, mech=None, token=None, mic=None):
    parts = []
    if state is not None:
        parts.append(der(0xA0, der(0x0A, bytes([state]))))
    if mech is not None:
        parts.append(der(0xA1, mech))
    if token is not None:
        parts.append(der(0xA2, octets(token)))
    if mic is not None:
        parts.append(der(0xA3, octets(mic)))
    return der(0xA1, der(0x30, *parts))


def neg_token_resp_read(data):
    fields = der_all(der_read(der_read(data)[1])[1])
    out = {}
    if 0xA0 in fields:
        out['state'] = der_read(fields[0xA0])[1][0]
    if 0xA1 in fields:
        out['mech'] = fields[0xA1]
    if 0xA2 in fields:
        out['token'] = der_read(fields[0xA2])[1]
    if 0xA3 in fields:
        out['mic'] = der_read(fields[0xA3])[1]
    return out


def binding_hash(to_server, nonce, key):
    name = b'Client-To-Server' if to_server else b'Server-To-Client'
    return hashlib.sha256(b'CredSSP %s Binding Hash\0' % name + nonce + key).digest()


def subject_public_key(certificate):
    """The subjectPublicKey's content of a DER certificate, without the unused-bits octet."""
    body = der_read(der_read(certificate)[1])[1]
    at, elements = 0, []
    while at < len(body):
        tag, content, at = der_read(body, at)
        elements.append((tag, content))
    if elements[0][0] == 0xA0:
        elements = elements[1:]
    info = elements[5][1]
    after_algorithm = der_read(info)[2]
    return der_read(info, after_algorithm)[1][1:]
