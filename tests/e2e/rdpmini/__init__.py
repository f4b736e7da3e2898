# SPDX-License-Identifier: Apache-2.0
"""A small RDP of our own, both roles, made to be bent: what real programs will not do for a test.

It shares no line with the product, so that a mistake made in one is not made in both.

client.Client   walks the connection sequence stage by stage; may stall, cut, lie or go a byte at a time
server.Target   a scripted target; what it sends is chosen by the test
"""
from .client import Client, Closed, Refused, Stalled
from .server import Script, Target

__all__ = ['Client', 'Closed', 'Refused', 'Script', 'Stalled', 'Target']
