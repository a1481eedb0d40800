#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The measuring half of bench_container.sh, which sets the scene.

Response: a container has all its processes and waits; it is told, and its first
process connects to a listed address. Zero is its own clock just before that.
'dead' is when poll(2) tells that the cgroup has no task left, 'frozen' that it
is frozen, 'webhook' when the first bytes of the request can be read; all are
seen by one loop, so each includes this program's wake-up. The kernel tells of a
change of the same cgroup at most once in 10 ms, so none precedes what is
measured. 'by bailiffd' is the alert's latency_us: from the kernel's record to
the response done. 'the kernel alone' is this program's own write to the same
file of the same kind of container, behind each of those runs, from before the
write until the same is seen; 'added to it' are the differences within each
pair.

Moved: while a process is moved between two cgroups, as each start of a
container moves one; the kernel's lock of all cgroups is then held for
milliseconds.

A burst: 50 containers whose processes each violate once, 20 a second in each of
them whatever became of those before, and are killed one by one. Zero is the
process's clock again, the end when its parent sees it dead.

Start: `runc run` of `true`, plain and wrapped, alternating which goes first;
'added' are the differences within each pair.
"""

import argparse
import concurrent.futures
import contextlib
import json
import os
import re
import select
import socket
import subprocess
import time

from containers import (GIVE_UP_SECONDS, Container, Service, Table, bundle,
                        fail, go_first, lost_between, run_once, runc)

GONE = "populated 0"
FROZEN = "frozen 1"
# What brings a cgroup there.
BROUGHT_BY = {GONE: "cgroup.kill", FROZEN: "cgroup.freeze"}
GONE_GOAL = "p50 0.5, p99 3"
# Of many processes the kernel's own part is larger than that.
MANY_GOAL = "as the kernel alone"
BURST_CONTAINERS = 50
BURST_EACH_PER_SECOND = 20


class Receiver:
    """As much of an HTTP server as takes the alerts of one sink."""

    def __init__(self, port: int, poller: select.poll):
        self.listener = socket.create_server(("127.0.0.1", port))
        self.poller = poller
        self.connections = {}  # fd -> [socket, bytes so far, time of the first]
        self.told = {}  # container -> when
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
        alert = json.loads(body)
        self.told[alert["bailiff"]["container"]["id"]] = connection[2]
        connection[1] = b""
        connection[0].sendall(b"HTTP/1.1 204 No Content\r\n\r\n")


class Responses:
    """Measures responses to violations, one container after the other."""

    def __init__(self, table: Table, service: Service, poller: select.poll,
                 receiver: Receiver):
        self.table, self.service = table, service
        self.poller, self.receiver = poller, receiver
        self.started = 0

    def once(self, image: str, state: str, processes: int, churn: bool,
             alone: bool = False):
        """(name, milliseconds until it is so, until its webhook or None)

        alone: it violates nothing, and this program brings it there."""
        self.started += 1
        name = f"{image}-{self.started}"
        violator = Container(name, image, "violate", os.environ["ATTACKER4"],
                             processes, *(["churn"] if churn else []))
        violator.await_ready()
        is_told = image == "told" and not alone
        self.poller.register(violator.events, select.POLLPRI)
        violator.is_in(state)
        if alone:
            zero = violator.bring(BROUGHT_BY[state])
        else:
            violator.start()
        done = None
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while done is None or (is_told and name not in self.receiver.told):
            if time.monotonic() > deadline:
                fail(f"'{name}' got no response: {state}={done} "
                     f"webhook={self.receiver.told.get(name)}")
            for fd, _ in self.poller.poll(1000):
                now = time.monotonic()
                if fd != violator.events.fileno():
                    self.receiver.handle(fd, now)
                elif violator.is_in(state) and done is None:
                    done = now
        self.poller.unregister(violator.events)
        if not alone:
            [(zero, _)] = violator.times()
        violator.remove()
        told = ((self.receiver.told.pop(name) - zero) * 1e3 if is_told
                else None)
        return name, (done - zero) * 1e3, told

    def measure(self, name: str, goal: str, runs: int, image: str = "kill",
                state: str = GONE, processes: int = 1,
                churn: bool = False) -> None:
        self.once(image, state, processes, churn)
        found, alone = [], []
        for _ in range(runs):
            found.append(self.once(image, state, processes, churn))
            alone.append(self.once(image, state, processes, churn, True)[1])
        self.table.row(name, [each[1] for each in found], goal)
        self.table.row("  the kernel alone", alone)
        self.table.row("  added to it",
                       [each[1] - by for each, by in zip(found, alone)])
        names = {each[0] for each in found}
        alerts = self.service.alerts_of(
            lambda alert: alert["bailiff"]["container"]["id"] in names, runs)
        for alert in alerts:
            if alert["bailiff"]["outcome"] not in ("killed", "paused"):
                fail(f"a response came to '{alert['bailiff']['outcome']}'")
        if len(alerts) != runs:
            fail(f"{len(alerts)} alerts for {runs} violations")
        self.table.row("  by bailiffd", [alert["bailiff"]["latency_us"] / 1e3
                                         for alert in alerts])
        if image == "told":
            self.table.row("violation to webhook request",
                           [each[2] for each in found])


def read_file(*path: str) -> str:
    with open(os.path.join(*path), encoding="ascii") as file:
        return file.read()


def remove_cgroup(folder: str) -> None:
    """With what is in it."""
    with open(os.path.join(folder, "cgroup.kill"), "w",
              encoding="ascii") as file:
        file.write("1")
    while "populated 1" in read_file(folder, "cgroup.events"):
        time.sleep(0.01)
    os.rmdir(folder)


@contextlib.contextmanager
def process_that_moves():
    """Between two cgroups of its own, 50 times a second."""
    folders = [os.path.join(os.environ["RUN_CGROUP"], f"moved-{i}")
               for i in range(2)]
    for folder in folders:
        os.mkdir(folder)
    with subprocess.Popen(
            ["sh", "-c", 'while sleep 0.02; do echo 0 >"$1/cgroup.procs"; '
             'sleep 0.02; echo 0 >"$2/cgroup.procs"; done', "sh",
             *folders]) as moved:
        try:
            yield
        finally:
            moved.kill()
            for folder in folders:
                remove_cgroup(folder)


def burst(table: Table, service: Service, seconds: int) -> None:
    count = seconds * BURST_EACH_PER_SECOND
    period = 1 / BURST_EACH_PER_SECOND
    violators = [Container(f"burst-{i}", "burst", "burst",
                           os.environ["ATTACKER4"], count, int(period * 1e6))
                 for i in range(BURST_CONTAINERS)]
    for violator in violators:
        violator.await_ready()
    service.new_alerts()
    lost, cpu = service.lost(), service.cpu_seconds()
    for violator in violators:
        violator.start()
        time.sleep(period / BURST_CONTAINERS)
    for violator in violators:
        violator.await_ready()
    times = sorted(each for violator in violators
                   for each in violator.times() if each[0] != 0)
    alerts = service.alerts_of(
        lambda alert: alert["bailiff"]["response"] == "kill_process",
        len(times))
    cpu = service.cpu_seconds() - cpu
    lost = lost_between(lost, service.lost())
    for violator in violators:
        violator.remove()
    alerts.sort(key=lambda alert: alert["time"])

    def quarters(name: str, values: list, goal: str = "") -> None:
        quarter = len(values) // 4
        table.row(f"{name}, first quarter", values[:quarter])
        table.row(f"{name}, last quarter", values[-quarter:], goal)
    quarters("violation to process dead", [(dead - connected) * 1e3
                                           for connected, dead in times
                                           if dead], "as the first")
    quarters("  by bailiffd", [alert["bailiff"]["latency_us"] / 1e3
                               for alert in alerts], "as the first")
    took = times[-1][0] - times[0][0]
    table.say("violations a second", f"{len(times) / took:.0f}", "1000")
    table.say("violations whose process was not killed",
              str(sum(1 for _, dead in times if not dead)), "0")
    table.say("violations without an alert", str(len(times) - len(alerts)), "0")
    table.say("events lost", str(lost or "none"), "none")
    table.say("bailiffd's processor time for one",
              f"{cpu / len(times) * 1e6:.0f} us")


def idle(number: int) -> None:
    """Of a network of its own: in one, 63 can have frames judged."""
    name = f"idle-{number}"
    runc("run", "--detach", "--bundle",
         bundle(name, ["sleep", "1000000"], "kill", own_network=True), name,
         wrapped=True)


def among_many(responses: Responses, counts: list, runs: int) -> None:
    running = 0
    for many in counts:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            list(pool.map(idle, range(running, many - 1)))
        running = many - 1
        responses.measure(f"to dead, one of {many} containers", GONE_GOAL,
                          runs)


def start_once(name: str, wrapped: bool) -> float:
    begin = time.perf_counter()
    run_once(name, ["true"], wrapped)
    return (time.perf_counter() - begin) * 1e3


def starts(table: Table, runs: int) -> None:
    plain, wrapped = [], []
    start_once("warm-plain", False)
    start_once("warm-wrapped", True)
    for i in range(runs):
        pair = [(plain, False), (wrapped, True)]
        for times, is_wrapped in pair if i % 2 == 0 else reversed(pair):
            times.append(start_once(f"start-{i}-{is_wrapped}", is_wrapped))
    table.row("runc run true, plain", plain)
    table.row("runc run true, wrapped", wrapped)
    table.row("added by wrapper and hook",
              [w - p for w, p in zip(wrapped, plain)])


SCENARIOS = ("start", "told", "moved", "pause", "100", "many", "churn",
             "capture", "burst", "running")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--json", required=True)
    parser.add_argument("--only", nargs="*", choices=SCENARIOS,
                        default=SCENARIOS)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--processes", type=int, default=5000)
    parser.add_argument("--running", type=int, nargs="*", default=[50, 200])
    parser.add_argument("--burst-seconds", type=int, default=20)
    options = parser.parse_args()
    runs, few = options.runs, max(options.runs // 5, 1)

    service = Service()
    table = Table("container", "ms")
    poller = select.poll()
    responses = Responses(table, service, poller,
                          Receiver(options.port, poller))
    for scenario in options.only:
        if scenario != "start":
            go_first()
        if scenario == "start":
            starts(table, runs)
        elif scenario == "told":
            responses.measure("violation to container dead", GONE_GOAL, runs,
                              image="told")
        elif scenario == "moved":
            with process_that_moves():
                responses.measure("to dead, while a process is moved",
                                  GONE_GOAL, runs)
        elif scenario == "pause":
            responses.measure("violation to container frozen", "p50 1", runs,
                              image="pause", state=FROZEN)
        elif scenario == "100":
            responses.measure("to dead, of 100 processes", MANY_GOAL, runs,
                              processes=100)
        elif scenario == "many":
            responses.measure(f"to dead, of {options.processes} processes",
                              MANY_GOAL, few, processes=options.processes)
        elif scenario == "churn":
            responses.measure("to dead, of 32 processes that fork and end",
                              MANY_GOAL, runs, processes=33, churn=True)
        elif scenario == "capture":
            responses.measure("to dead, captured, of 100 processes", "250",
                              few, image="capture", processes=100)
        elif scenario == "burst":
            burst(table, service, options.burst_seconds)
        elif scenario == "running":
            among_many(responses, options.running, runs)
    table.write(options.json)


if __name__ == "__main__":
    main()
