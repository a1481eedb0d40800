#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Receives Bailiff's webhooks on loopback and writes each down.

Shows what a receiver has to do: compute the signature over what arrived, in
constant time, refuse what is old, and tell repeats by X-Bailiff-Id. Each
request is a JSON line: {"received": seconds, "signature": "valid", "invalid" or
"missing", "repeat": bool, "alert": {...}}.
"""

import argparse
import hashlib
import hmac
import http.server
import json
import os
import sys
import threading
import time

MAX_AGE_SECONDS = 300
MAX_BODY_BYTES = 1 << 20


def signature_state(secret: bytes, headers, body: bytes) -> str:
    signature = headers.get("X-Bailiff-Signature")
    timestamp = headers.get("X-Bailiff-Timestamp", "")
    if signature is None:
        return "missing"
    mac = hmac.new(secret, timestamp.encode() + b"." + body, hashlib.sha256)
    if not hmac.compare_digest(signature, "sha256=" + mac.hexdigest()):
        return "invalid"
    # Part of what is signed, so a number by now.
    if abs(time.time() - int(timestamp)) > MAX_AGE_SECONDS:
        return "invalid"
    return "valid"


class Receiver(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        received = time.time()
        length = int(self.headers.get("Content-Length", "0"))
        if length > MAX_BODY_BYTES:
            self.answer(413)
            return
        body = self.rfile.read(length)
        server = self.server
        state = signature_state(server.secret, self.headers, body)
        try:
            alert = json.loads(body)
        except ValueError:
            self.answer(400)
            return
        uuid = self.headers.get("X-Bailiff-Id", "")
        with server.lock:
            repeat = uuid in server.seen
            if state == "valid":
                server.seen.add(uuid)
            server.out.write(json.dumps({
                "received": received, "signature": state, "repeat": repeat,
                "alert": alert}) + "\n")
        self.answer(204 if state == "valid" else 401)

    def answer(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_) -> None:
        pass  # the record of each request is the file


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=0, help="0: any free one")
    parser.add_argument("--port-file", help="where to write the bound port")
    parser.add_argument("--secret-file", required=True)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", options.port),
                                             Receiver)
    with open(options.secret_file, "rb") as file:
        server.secret = file.read().rstrip(b"\n")
    server.seen = set()
    server.lock = threading.Lock()
    server.out = open(options.out, "a", buffering=1, encoding="utf-8")
    if options.port_file:
        ready = options.port_file + ".new"
        with open(ready, "w", encoding="ascii") as file:
            file.write(f"{server.server_port}\n")
        os.rename(ready, options.port_file)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        sys.exit(0)


if __name__ == "__main__":
    main()
