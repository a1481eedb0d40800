#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The measuring half of bench_container.sh, which sets the scene.

Response: a container is created, its cgroup.events opened, and it is started;
its first act is the violation. Zero is the kernel's own timestamp of the
refused connect, as the alert has it. 'dead' is when poll(2) tells that the
cgroup has no task left, 'webhook' when the first bytes of the request can be
read; both are seen by one loop, so each includes this program's wake-up.

Start: `runc run` of `true`, plain and wrapped, alternating which goes first;
'added' are the differences within each pair.
"""

import argparse
import datetime
import json
import os
import platform
import re
import select
import shutil
import socket
import subprocess
import sys
import time

RULE = "Malicious C2 IPs or domains exploiting log4j"
GIVE_UP_SECONDS = 20


def bundle(template: str, name: str) -> str:
    """A fresh copy of a template for container `name`."""
    folder = os.path.join(os.environ["SCRATCH"], "bundles", name)
    os.makedirs(folder)
    with open(os.path.join(os.environ["SCRATCH"], template,
                           "config.json"), encoding="utf-8") as file:
        config = file.read().replace("@ID@", name)
    with open(os.path.join(folder, "config.json"), "w",
              encoding="utf-8") as file:
        file.write(config)
    return folder


def runc(*args: str, wrapped: bool) -> None:
    command = (
        [os.path.join(os.environ["BAILIFF_BIN"], "bailiff-runc"),
         "--bailiff-config", os.path.join(os.environ["SVC"], "bailiff.yaml")]
        if wrapped else ["runc"])
    root = os.path.join(os.environ["SCRATCH"], "runc")
    with open(os.path.join(os.environ["SCRATCH"], "runc.err"), "a",
              encoding="utf-8") as errors:
        subprocess.run(command + ["--root", root, *args], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=errors, close_fds=False)


def event_seconds(text: str) -> float:
    whole, fraction = re.fullmatch(r"(.*)\.(\d+)Z", text).groups()
    moment = datetime.datetime.fromisoformat(whole + "+00:00")
    return moment.timestamp() + float("0." + fraction)


class Receiver:
    """As much of an HTTP server as takes the alerts of one sink."""

    def __init__(self, port: int, poller: select.poll):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.poller = poller
        self.connections = {}  # fd -> [socket, bytes so far, time of the first]
        self.alerts = []  # (time, alert)
        poller.register(self.listener, select.POLLIN)

    def handle(self, fd: int, now: float) -> None:
        if fd == self.listener.fileno():
            peer, _ = self.listener.accept()
            self.connections[peer.fileno()] = [peer, b"", None]
            self.poller.register(peer, select.POLLIN)
            return
        connection = self.connections[fd]
        received = connection[0].recv(1 << 20)
        if not received:
            self.poller.unregister(fd)
            connection[0].close()
            del self.connections[fd]
            return
        if not connection[1]:
            connection[2] = now
        connection[1] += received
        head, separator, body = connection[1].partition(b"\r\n\r\n")
        length = re.search(rb"(?i)content-length: *(\d+)", head)
        if not separator or len(body) < int(length[1]):
            return
        self.alerts.append((connection[2], json.loads(body)))
        connection[1] = b""
        connection[0].sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


def respond_once(name: str, poller: select.poll, receiver: Receiver):
    folder = bundle("violate", name)
    runc("create", "--bundle", folder, name, wrapped=True)
    events = open(os.path.join(os.environ["RUN_CGROUP"], name,
                               "cgroup.events"), encoding="ascii")
    events.read()
    poller.register(events, select.POLLPRI)
    runc("start", name, wrapped=True)
    dead = alert = None
    deadline = time.time() + GIVE_UP_SECONDS
    while dead is None or alert is None:
        if time.time() > deadline:
            sys.exit(f"container_times.py: '{name}' got no response: "
                     f"dead={dead} webhook={alert}")
        for fd, _ in poller.poll(1000):
            now = time.time()
            if fd != events.fileno():
                receiver.handle(fd, now)
                continue
            events.seek(0)
            if dead is None and "populated 0" in events.read():
                dead = now
        for received, body in receiver.alerts:
            if (alert is None and body["rule"] == RULE
                    and body["bailiff"]["container"]["id"] == name):
                alert = received, body
    poller.unregister(events)
    events.close()
    receiver.alerts.clear()
    runc("delete", "--force", name, wrapped=True)
    shutil.rmtree(folder)
    zero = event_seconds(alert[1]["time"])
    return (dead - zero) * 1e3, (alert[0] - zero) * 1e3


def start_once(name: str, wrapped: bool) -> float:
    folder = bundle("true", name)
    begin = time.perf_counter()
    runc("run", "--bundle", folder, name, wrapped=wrapped)
    took = (time.perf_counter() - begin) * 1e3
    shutil.rmtree(folder)
    return took


def row(name: str, values: list) -> dict:
    ordered = sorted(values)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1,
                                 int(share * len(ordered)))], 3)
    return {"name": name, "runs": len(ordered), "p50": at(0.5),
            "p99": at(0.99), "max": round(ordered[-1], 3)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--json", required=True)
    parser.add_argument("--runs", type=int, default=200)
    options = parser.parse_args()

    poller = select.poll()
    receiver = Receiver(options.port, poller)
    respond_once("warm-up", poller, receiver)
    responses = [respond_once(f"violate-{i}", poller, receiver)
                 for i in range(options.runs)]

    plain, wrapped = [], []
    start_once("warm-plain", False)
    start_once("warm-wrapped", True)
    for i in range(options.runs):
        pair = [(plain, False), (wrapped, True)]
        for times, is_wrapped in pair if i % 2 == 0 else reversed(pair):
            times.append(start_once(f"start-{i}-{is_wrapped}", is_wrapped))

    results = [
        row("violation to container dead", [r[0] for r in responses]),
        row("violation to webhook request", [r[1] for r in responses]),
        row("runc run true, plain", plain),
        row("runc run true, wrapped", wrapped),
        row("added by wrapper and hook", [w - p for w, p
                                          in zip(wrapped, plain)]),
    ]
    print(f"{'milliseconds':<30} {'runs':>5} {'p50':>9} {'p99':>9} {'max':>9}")
    for result in results:
        print(f"{result['name']:<30} {result['runs']:>5} {result['p50']:>9.3f} "
              f"{result['p99']:>9.3f} {result['max']:>9.3f}")
    with open(options.json, "w", encoding="utf-8") as file:
        json.dump({"bench": "container", "unit": "ms",
                   "kernel": platform.release(), "results": results}, file)
        file.write("\n")
    print(f"written to {options.json}")


if __name__ == "__main__":
    main()
