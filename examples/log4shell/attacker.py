#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The attacker's LDAP port: takes connections and writes down who came.

Each connection is a JSON line: {"time": seconds, "from": address,
"to": address, "bytes": length of what came first}.
"""

import argparse
import json
import socket
import time


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=1389)
    parser.add_argument("--out", required=True)
    options = parser.parse_args()

    listener = socket.create_server(
        ("::", options.port), family=socket.AF_INET6, dualstack_ipv6=True)
    with open(options.out, "a", buffering=1, encoding="utf-8") as out:
        while True:
            connection, _ = listener.accept()
            with connection:
                arrived = time.time()
                here, there = (address[0].removeprefix("::ffff:") for address in
                               (connection.getsockname(),
                                connection.getpeername()))
                connection.settimeout(2)
                try:
                    first = connection.recv(4096)
                except OSError:
                    first = b""
                print(json.dumps({"time": arrived, "from": there, "to": here,
                                  "bytes": len(first)}), file=out)


if __name__ == "__main__":
    main()
