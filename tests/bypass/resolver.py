#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""resolver.py ADDRESS LOG [NAME=ADDRESS]...: answers each question for an IPv4
address with that of the name, or 203.0.113.200, over UDP and TCP, and writes
the name, in small letters, into LOG, a line each. alias.example is another name
of hidden.evil.example, which has 203.0.113.201 and, where that is asked for,
2001:db8:66::201."""

import socket as sockets
import socketserver
import sys
import threading

ANSWER = bytes([203, 0, 113, 200])
ALIASED = bytes([203, 0, 113, 201])
ALIASED6 = sockets.inet_pton(sockets.AF_INET6, "2001:db8:66::201")
A, AAAA = 1, 28
NAMED = {name: sockets.inet_aton(address)
         for name, address in (told.split("=") for told in sys.argv[3:])}


def question_in(message):
    """Name and type of the question, and where it ends."""
    labels = []
    at = 12
    while message[at]:
        labels.append(message[at + 1:at + 1 + message[at]].decode("latin-1"))
        at += 1 + message[at]
    kind = int.from_bytes(message[at + 1:at + 3], "big")
    return ".".join(labels).lower(), kind, at + 5


def answer_to(message, log):
    name, asked, end = question_in(message)
    log.write(name + "\n")
    log.flush()
    answers, kind, address = b"", A, NAMED.get(name, ANSWER)
    if name == "alias.example":
        # The target ends like the question: "hidden.evil", and a pointer there.
        target = b"\x06Hidden\x04evil\xc0\x12"
        answers = (b"\xc0\x0c\x00\x05\x00\x01\x00\x00\x00\x3c" +
                   len(target).to_bytes(2, "big") + target)
        kind, address = (AAAA, ALIASED6) if asked == AAAA else (A, ALIASED)
    record = (b"\xc0\x0c" + kind.to_bytes(2, "big") +
              b"\x00\x01\x00\x00\x00\x3c" +
              len(address).to_bytes(2, "big") + address)
    count = b"\x00\x02" if answers else b"\x00\x01"
    header = message[:2] + b"\x81\x80\x00\x01" + count + b"\x00\x00\x00\x00"
    return header + message[12:end] + answers + record


class Datagram(socketserver.BaseRequestHandler):
    def handle(self):
        message, socket = self.request
        socket.sendto(answer_to(message, self.server.log), self.client_address)


class Stream(socketserver.StreamRequestHandler):
    def handle(self):
        while length := self.rfile.read(2):
            message = self.rfile.read(int.from_bytes(length, "big"))
            answer = answer_to(message, self.server.log)
            self.wfile.write(len(answer).to_bytes(2, "big") + answer)


class TcpServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


def main():
    address = (sys.argv[1], 53)
    if ":" in sys.argv[1]:
        # Of both: one is the other's base.
        socketserver.TCPServer.address_family = sockets.AF_INET6
    with open(sys.argv[2], "a", encoding="latin-1") as log:
        datagrams = socketserver.UDPServer(address, Datagram)
        streams = TcpServer(address, Stream)
        datagrams.log = streams.log = log
        threading.Thread(target=streams.serve_forever, daemon=True).start()
        datagrams.serve_forever()


if __name__ == "__main__":
    main()
