#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes the sockets that foreign.bats tries, outside of a container:

  giver.py exec ADDRESS COMMAND...   runs the command, with them as 3, 4, ...
  giver.py serve ADDRESS PATH        hands them to who connects to PATH

In this order, each for an address of its own, from ADDRESS on: TCP that is
connected, UDP that is, another, UDP that is not, TCP that is not, and TCP that
listens, at port 5000 and the last byte of ADDRESS."""

import ipaddress
import os
import socket
import sys

PORT = 4444


def make(first):
    address = ipaddress.ip_address(first)
    sockets = []
    for kind, connects in [(socket.SOCK_STREAM, True),
                           (socket.SOCK_DGRAM, True),
                           (socket.SOCK_DGRAM, True),
                           (socket.SOCK_DGRAM, False),
                           (socket.SOCK_STREAM, False)]:
        one = socket.socket(socket.AF_INET, kind)
        if connects:
            one.connect((str(address + len(sockets)), PORT))
        sockets.append(one)
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.bind(("0.0.0.0", 5000 + address.packed[3]))
    server.listen(8)
    return sockets + [server]


def main():
    verb, first = sys.argv[1:3]
    sockets = make(first)
    if verb == "serve":
        server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        server.bind(sys.argv[3])
        os.chmod(sys.argv[3], 0o777)
        server.listen(1)
        taker = server.accept()[0]
        socket.send_fds(taker, [b"x"], [one.fileno() for one in sockets])
        return
    # Above those they are to have, first.
    high = [os.dup2(one.fileno(), 100 + number)
            for number, one in enumerate(sockets)]
    for number, fd in enumerate(high):
        os.dup2(fd, 3 + number)
        os.close(fd)
    os.execvp(sys.argv[3], sys.argv[3:])


main()
