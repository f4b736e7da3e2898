# SPDX-License-Identifier: Apache-2.0
"""CredSSP's messages carry what their step allows, and nothing that a later step would skip."""
import pytest

from rdpmini import Closed, Refused

# The client's step, and what it says there besides: nobody may look away.
BESIDE = {
    'token with authInfo': ('credentials', {'nego': b'NTLMSSP\0\3\0\0\0'}),
    'binding with authInfo': ('credentials', {'pub_key_auth': bytes(48)}),
    'error with authInfo': ('credentials', {'error': 0xC000006D}),
    'authInfo with the proof': ('authenticate', {'auth_info': bytes(64)}),
    'binding with the first token': ('negotiate', {'pub_key_auth': bytes(48)}),
}


@pytest.mark.parametrize('what', BESIDE)
def test_nothing_beside_a_step(gate, what):
    step, beside = BESIDE[what]
    gate.mark()
    with gate.mini() as client:
        plain = client._credssp
        client._credssp = lambda at, **fields: plain(at, **fields, **(beside if at == step else {}))
        with pytest.raises((Refused, Closed)):
            client.run('mcs')
    gate.wait_event('session_end')
    assert [e['event'] for e in gate.failures()] == ['session_failed']
    assert not [e for e in gate.new_events() if e['event'] == 'access_granted']
