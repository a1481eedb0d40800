#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""catcher.py PORT [FIFO]: takes what comes to the port of any address, over UDP,
TCP and MPTCP, and prints the address that something with content was for, a line
for each. When it reads something from FIFO, it sends to whoever is connected, in
the order they came, and prints "pushed"."""

import ipaddress
import os
import select
import socket
import sys

IPPROTO_MPTCP = 262


def listening(port):
    try:
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, IPPROTO_MPTCP)
    except OSError:
        listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.bind(("::", port))
    listener.listen(64)
    return listener


def tell(address):
    print(getattr(address, "ipv4_mapped", None) or address, flush=True)


def main():
    port = int(sys.argv[1])
    datagrams = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVPKTINFO, 1)
    datagrams.bind(("::", port))
    listener = listening(port)
    watched = [datagrams, listener]
    orders = None
    if len(sys.argv) > 2:
        # Nobody's end is everybody's: it stays open when writers come and go.
        orders = os.open(sys.argv[2], os.O_RDWR)
        watched.append(orders)
    while True:
        for ready in select.select(watched, [], [])[0]:
            if ready is listener:
                watched.append(listener.accept()[0])
            elif ready is orders:
                os.read(orders, 100)
                for peer in watched:
                    if peer not in (orders, datagrams, listener):
                        peer.sendall(b"pushed\n")
                print("pushed", flush=True)
            elif ready is datagrams:
                _, about, _, _ = datagrams.recvmsg(100, 100)
                tell(ipaddress.ip_address(about[0][2][:16]))
            else:
                address = ipaddress.ip_address(ready.getsockname()[0])
                try:
                    content = ready.recv(100)
                except OSError:
                    content = b""
                if content:
                    tell(address)
                else:
                    watched.remove(ready)
                    ready.close()


main()
