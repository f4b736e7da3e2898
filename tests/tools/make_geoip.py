#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Write tests/vectors/geoip/countries.mmdb: a MaxMind DB of three networks, by the format's
published description (version 2.0, 24-bit records, an IPv6 tree with IPv4 below ::/96)."""
import ipaddress
import pathlib
import struct

NETWORKS = {'127.7.0.0/16': 'AT', '192.0.2.0/24': 'DE', '2001:db8::/32': 'CH'}


def text(value):
    raw = value.encode()
    assert len(raw) < 29
    return bytes([0x40 | len(raw)]) + raw


def mapping(pairs):
    assert len(pairs) < 29
    return bytes([0xE0 | len(pairs)]) + b''.join(text(k) + v for k, v in pairs)


def number(value, kind, size):
    raw = value.to_bytes(size, 'big')
    return bytes([kind << 5 | size]) + raw if kind < 8 else bytes([size, kind - 7]) + raw


def tree(leaves):
    """Nodes as [left, right]: None, a node's index, or ('data', offset)."""
    nodes = [[None, None]]
    for network, offset in leaves:
        net = ipaddress.ip_network(network)
        bits = 96 * '0' if net.version == 4 else ''
        bits += format(int(net.network_address), f'0{net.max_prefixlen}b')[:net.prefixlen]
        at = 0
        for bit in bits[:-1]:
            if nodes[at][int(bit)] is None:
                nodes.append([None, None])
                nodes[at][int(bit)] = len(nodes) - 1
            at = nodes[at][int(bit)]
        nodes[at][int(bits[-1])] = ('data', offset)
    return nodes


def main():
    data, leaves = b'', []
    for network, code in NETWORKS.items():
        leaves.append((network, len(data)))
        data += mapping([('country', mapping([('iso_code', text(code))]))])
    nodes = tree(leaves)

    def record(value):
        if value is None:
            value = len(nodes)
        elif isinstance(value, tuple):
            value = len(nodes) + 16 + value[1]
        return struct.pack('>I', value)[1:]
    meta = mapping([
        ('node_count', number(len(nodes), 6, 4)), ('record_size', number(24, 5, 2)),
        ('ip_version', number(6, 5, 2)), ('database_type', text('Sallyport-Test-Country')),
        ('languages', bytes([0x00, 0x04])), ('binary_format_major_version', number(2, 5, 2)),
        ('binary_format_minor_version', number(0, 5, 2)), ('build_epoch', number(1, 9, 8)),
        ('description', mapping([]))])
    out = pathlib.Path(__file__).parent.parent / 'vectors/geoip/countries.mmdb'
    out.parent.mkdir(exist_ok=True)
    out.write_bytes(b''.join(record(n[0]) + record(n[1]) for n in nodes) + bytes(16) + data
                    + b'\xab\xcd\xefMaxMind.com' + meta)


if __name__ == '__main__':
    main()
