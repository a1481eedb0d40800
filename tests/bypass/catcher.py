#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""catcher.py PORT: takes what comes to the port of any address, and prints the
address that something with content was for, a line for each."""

import select
import socket
import sys

IP_PKTINFO = 8  # Python has it since 3.12


def main():
    port = int(sys.argv[1])
    datagrams = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    datagrams.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
    datagrams.bind(("0.0.0.0", port))
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.bind(("0.0.0.0", port))
    listener.listen(64)
    watched = [datagrams, listener]
    while True:
        for ready in select.select(watched, [], [])[0]:
            if ready is listener:
                watched.append(listener.accept()[0])
            elif ready is datagrams:
                _, about, _, _ = datagrams.recvmsg(100, 100)
                print(socket.inet_ntoa(about[0][2][8:12]), flush=True)
            else:
                address = ready.getsockname()[0]
                try:
                    content = ready.recv(100)
                except OSError:
                    content = b""
                if content:
                    print(address, flush=True)
                else:
                    watched.remove(ready)
                    ready.close()


main()
