# SPDX-License-Identifier: Apache-2.0
"""Whoever does not offer NLA is told that it is needed, and nothing behind it is read."""
import pytest

from rdpmini import Closed, Refused
from rdpmini.mcs import HYBRID_REQUIRED_BY_SERVER, PROTOCOL_HYBRID, PROTOCOL_HYBRID_EX, block, \
    client_core, connect_initial, data_tpdu


@pytest.mark.parametrize('protocols', range(32))
def test_each_mask(gate, protocols):
    with gate.mini(requested=protocols) as client:
        if protocols & PROTOCOL_HYBRID_EX:
            client.stage_x224()
            assert client.selected == PROTOCOL_HYBRID_EX
        elif protocols & PROTOCOL_HYBRID:
            client.stage_x224()
            assert client.selected == PROTOCOL_HYBRID
        else:
            with pytest.raises(Refused) as said:
                client.stage_x224()
            assert (said.value.kind, said.value.code) == ('negotiation', HYBRID_REQUIRED_BY_SERVER)
            assert client.line.wait_closed(5) is not None


def test_client_without_negotiation_is_closed_without_an_answer(gate):
    """MS-RDPBCGR 3.3.5.3.1: no RDP_NEG_REQ, so no failure code may be sent."""
    gate.mark()
    with gate.mini(requested=None) as client, pytest.raises(Closed):
        client.stage_x224()
    gate.one_failure('session_failed')


def test_plain_rdp_client(gate, freerdp):
    client = freerdp(gate, 'demo', '/sec:rdp')
    assert client.code() != 0


def test_tls_only_client(gate, freerdp):
    client = freerdp(gate, 'demo', '/sec:tls')
    assert client.code() != 0
    assert 'HYBRID_REQUIRED' in client.process.text()


@pytest.mark.parametrize('protocols', [3, 11])
def test_mcs_before_nla_is_not_read(gate, protocols):
    """A Connect Initial in place of the first TSRequest, and in place of the second."""
    initial = data_tpdu(connect_initial(block(0xC002, bytes(8)) + client_core(800, 600, 2)))
    for after_negotiate in (False, True):
        gate.mark()
        with gate.mini(requested=protocols) as client:
            client.run('tls')
            if after_negotiate:
                client._credssp('negotiate', nego=client.ntlm.negotiate())
                client._answer()
            client.line.send(initial)
            with pytest.raises((Closed, Refused)):
                client.line.tpkt()
        assert gate.one_failure('session_failed')['step'] == 'nla'
