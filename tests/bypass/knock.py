#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""knock.py SERVER4 SERVER6 PORT first|again: has the server's host answer each
way it may, from an address of its own for each, and prints a line for each,
separated by tabs: the address, and what it is. Nobody is at the port after PORT.
"again": the ways for a host that answers with SYN cookies.

knock.py segment SOURCE PORT SERVER PORT: a TCP segment with a byte in it, of
whatever connection that is.

knock.py ended SOURCE PORT SERVER PORT: a connection that the server ends first.

knock.py hold SOURCE PORT SERVER PORT FIFO: a connection over which each line
that comes by the FIFO is sent."""

import ipaddress
import socket
import struct
import sys

FOUR = ipaddress.ip_address("203.0.113.96")
SIX = ipaddress.ip_address("2001:db8:66:2::")
NEIGHBOUR = "2001:db8:66::2:1"  # in the server's own network
NAT64 = int(ipaddress.ip_address("64:ff9b::"))
# How long what nobody answers is waited for.
PATIENCE = 0.5
# Of none that there is (RFC 3692).
NO_PROTOCOL = 253


def made(source, kind, protocol=0, port=0):
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    one = socket.socket(family, kind, protocol)
    one.settimeout(PATIENCE)
    one.bind((source, port))
    return one


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp(source, server, port):
    one = made(source, socket.SOCK_STREAM)
    try:
        one.connect((server, port))
    except OSError:
        pass
    one.close()


def tcp_closed(source, server, port):
    tcp(source, server, port + 1)


def segment(source, server, port, from_port=5555):
    """Acknowledges something, and has a byte: what has no connection is reset."""
    head = struct.pack("!HHIIBBHHH", from_port, port, 1, 1, 5 << 4, 0x18, 512, 0, 0)
    bytes_ = head + b"x"
    ends = ipaddress.ip_address(source).packed + ipaddress.ip_address(server).packed
    length = struct.pack("!II", len(bytes_), socket.IPPROTO_TCP)
    total = checksum(ends + length + bytes_)
    raw(source, server, socket.IPPROTO_TCP, bytes_[:16] + struct.pack("!H", total) + bytes_[18:])


def udp(source, server, port, word=b"s"):
    one = made(source, socket.SOCK_DGRAM)
    one.sendto(word, (server, port))
    try:
        one.recv(10)
    except OSError:
        pass
    one.close()


def udp_connected(source, server, port):
    udp(source, server, port, b"c")


def udp_closed(source, server, port):
    udp(source, server, port + 1)


def raw(source, server, protocol, content):
    one = made(source, socket.SOCK_RAW, protocol)
    one.sendto(content, (server, 0))
    one.close()


def echo(source, server, _port):
    if ":" in source:
        # The kernel fills in the checksum.
        raw(source, server, socket.IPPROTO_ICMPV6, struct.pack("!BBHHH", 128, 0, 0, 1, 1))
    else:
        content = struct.pack("!BBHHH", 8, 0, 0, 1, 1)
        total = struct.pack("!H", checksum(content))
        raw(source, server, socket.IPPROTO_ICMP, content[:2] + total + content[4:])


def timestamp(source, server, _port):
    content = struct.pack("!BBHHHIII", 13, 0, 0, 1, 1, 0, 0, 0)
    total = struct.pack("!H", checksum(content))
    raw(source, server, socket.IPPROTO_ICMP, content[:2] + total + content[4:])


def no_protocol(source, server, _port):
    raw(source, server, NO_PROTOCOL, b"hello")


FIRST = [
    (4, "TCP connect", tcp),
    (6, "TCP connect over IPv6", tcp),
    (64, "TCP connect by the NAT64 prefix", tcp),
    (4, "TCP connect to a port nobody listens at", tcp_closed),
    (6, "the same over IPv6", tcp_closed),
    (4, "a TCP segment of no connection", segment),
    (6, "the same over IPv6", segment),
    (4, "UDP, answered by sendto", udp),
    (6, "the same over IPv6", udp),
    (64, "the same by the NAT64 prefix", udp),
    (4, "UDP, answered over a socket that is connected then", udp_connected),
    (6, "the same over IPv6", udp_connected),
    (4, "UDP to a port nobody is at", udp_closed),
    (6, "the same over IPv6", udp_closed),
    (4, "ICMP echo", echo),
    (6, "ICMPv6 echo", echo),
    (4, "ICMP timestamp", timestamp),
    (4, "a protocol there is none of", no_protocol),
    (6, "the same over IPv6", no_protocol),
    (0, "neighbour solicitation", echo),
]
AGAIN = [
    (4, "TCP connect, answered with a SYN cookie", tcp),
    (6, "the same over IPv6", tcp),
]


def connected(source, from_port, server, port):
    one = made(source, socket.SOCK_STREAM, port=from_port)
    one.settimeout(None)
    one.connect((server, port))
    return one


def main():
    if sys.argv[1] in ("segment", "ended", "hold"):
        source, from_port, server, port = sys.argv[2:6]
        if sys.argv[1] == "segment":
            segment(source, server, int(port), int(from_port))
            return
        one = connected(source, int(from_port), server, int(port))
        if sys.argv[1] == "ended":
            while one.recv(10):
                pass
            one.close()
            return
        with open(sys.argv[6], "rb", buffering=0) as words:
            for line in words:
                one.send(line)
        return
    server4, server6, port, which = *sys.argv[1:3], int(sys.argv[3]), sys.argv[4]
    ways = FIRST if which == "first" else AGAIN
    for number, (kind, what, reach) in enumerate(ways, 1 if ways is FIRST else 28):
        four = FOUR + number
        if kind == 4:
            source, server = str(four), server4
        elif kind == 6:
            source, server = str(SIX + number), server6
        elif kind == 64:
            source = str(ipaddress.ip_address(NAT64 + int(four)))
            server = server6
        else:
            source, server = NEIGHBOUR, server6
        reach(source, server, port)
        print(source, what, sep="\t", flush=True)


main()
