#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""peer.py SERVER4 SERVER6 PORT: reaches a server with each technique, from an
address of its own, and prints a line for each, separated by tabs: the address,
and what it is."""

import ipaddress
import socket
import sys

FOUR = ipaddress.ip_address("203.0.113.96")
SIX = ipaddress.ip_address("2001:db8:66:2::")
NAT64 = int(ipaddress.ip_address("64:ff9b::"))
# How long a connection that nobody answers is waited for.
PATIENCE = 0.5


def tcp(source, server, port, from_port=0, prepare=None, tries=1):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    for _ in range(tries):
        peer = socket.socket(family, socket.SOCK_STREAM)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if prepare:
            prepare(peer)
        peer.bind((source, from_port))
        peer.settimeout(PATIENCE)
        try:
            peer.connect((server, port))
        except OSError:
            pass
        peer.close()


def fast_open(source, server, port):
    peer = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    peer.bind((source, 0))
    peer.settimeout(PATIENCE)
    try:
        peer.sendto(b"hello", socket.MSG_FASTOPEN, (server, port))
    except OSError:
        pass
    peer.close()


def udp(source, server, port, from_port=0, size=5):
    family = socket.AF_INET6 if ":" in server else socket.AF_INET
    peer = socket.socket(family, socket.SOCK_DGRAM)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    peer.bind((source, from_port))
    peer.sendto(b"x" * size, (server, port))
    peer.close()


def no_operations(peer):
    peer.setsockopt(socket.IPPROTO_IP, socket.IP_OPTIONS, b"\x01" * 8)


def main():
    server4, server6, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
    techniques = [
        (4, "TCP connect", tcp, {}),
        (4, "TCP connect from a server's port", tcp, {"from_port": 53}),
        (4, "TCP connect with IP options", tcp, {"prepare": no_operations}),
        (4, "TCP connect, again and again", tcp, {"tries": 4}),
        (4, "TCP fast open", fast_open, {}),
        (4, "UDP", udp, {}),
        (4, "UDP from a server's port", udp, {"from_port": 53}),
        (4, "UDP in fragments", udp, {"size": 4000}),
        (6, "TCP connect over IPv6", tcp, {}),
        (6, "UDP over IPv6", udp, {}),
        (6, "UDP over IPv6 in fragments", udp, {"size": 4000}),
        (64, "TCP connect by the NAT64 prefix", tcp, {}),
        (64, "UDP by the NAT64 prefix", udp, {}),
    ]
    for number, (kind, what, reach, more) in enumerate(techniques, 1):
        four = FOUR + number
        if kind == 4:
            source, server = str(four), server4
        elif kind == 6:
            source, server = str(SIX + number), server6
        else:
            source = str(ipaddress.ip_address(NAT64 + int(four)))
            server = server6
        reach(source, server, port, **more)
        print(source, what, sep="\t", flush=True)


main()
