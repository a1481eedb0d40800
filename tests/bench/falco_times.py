#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The measuring half of bench_falco.sh, which sets the scene.

Build: `runc run`, plain and wrapped, alternating which goes first, of a work
that times itself: 10,000 programs and 1,000,000 files in all. While the plain
one runs no container is enforced, so nothing is observed on the host. 'added'
are the differences within each pair. What bailiffd does meanwhile shares the
processors, as it would elsewhere; its own time, until it has read all, is told
apart.

Round trip: mkdir(2) of a path that is let go on, by a container whose filter
holds it for bailiffd and by a plain one; p50 and p99 of each round, and what is
added in each.

Events: opens at a steady rate by a container on one processor, with bailiffd on
another one by itself. The rate is sustained when no event is lost and bailiffd
has some of its processor left; it is doubled until it is not, and then halved
in between.
"""

import argparse
import os
import re
import time

from containers import (GIVE_UP_SECONDS, Service, Table, fail, go_first,
                        lost_between, run_once)

PROGRAMS = 10_000
FILES = 1_000_000
CALLS = 2000
SECONDS = 3
# Of its processor, by a service that is not behind.
MOST_BUSY = 0.95
FIRST_RATE = 5000
GIVE_UP_RATE = 1_000_000
STEPS_BETWEEN = 3


def pairs(rounds: int, measure) -> tuple:
    """measure(name, wrapped) of each round, plain and wrapped."""
    plain, wrapped = [], []
    for i in range(-1, rounds):  # the first warms up
        pair = [(plain, False), (wrapped, True)]
        for found, is_wrapped in pair if i % 2 == 0 else reversed(pair):
            value = measure(f"{i}-{is_wrapped}", is_wrapped)
            if i >= 0:
                found.append(value)
    return plain, wrapped


def await_mark(service: Service) -> list:
    """The alerts there are when bailiffd has read all that came before."""
    name = f"mark-{time.monotonic_ns()}"
    run_once(name, ["workload", "pace", "1", "0", "0"], True)
    alerts = []
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while not any(is_mark_of(alert, name) for alert in alerts):
        if time.monotonic() > deadline:
            fail("bailiffd does not tell of a mark")
        new = service.new_alerts()
        alerts += new
        if not new:
            time.sleep(0.05)
    return [alert for alert in alerts if container_of(alert) != name]


def container_of(alert: dict) -> str:
    return alert["bailiff"]["container"]["id"]


def is_mark_of(alert: dict, name: str) -> bool:
    return alert["rule"] == "Mark" and container_of(alert) == name


def build(table: Table, service: Service, rounds: int, what: str, work: str,
          times: int) -> None:
    await_mark(service)
    lost, cpu = service.lost(), service.cpu_seconds()
    plain, wrapped = pairs(rounds, lambda name, is_wrapped: float(run_once(
        f"{work}-{name}", ["workload", work, str(times)], is_wrapped)) / 1e3)
    alerts = len(await_mark(service))
    cpu = service.cpu_seconds() - cpu
    table.row(f"{what}, plain", plain)
    table.row(f"{what}, enforced", wrapped)
    table.row("  added", [w - p for w, p in zip(wrapped, plain)])
    table.row("  added, percent", [(w - p) / p * 100
                                   for w, p in zip(wrapped, plain)])
    table.say("  bailiffd's processor time for one",
              f"{cpu * 1e6 / times / (rounds + 1):.1f} us")
    table.say("  events lost, since they came faster",
              str(lost_between(lost, service.lost()) or "none"))
    table.say("  alerts of a container", f"{alerts / (rounds + 1):.1f}")


def round_trip(table: Table, rounds: int) -> None:
    def measure(name: str, wrapped: bool) -> tuple:
        said = run_once(f"call-{name}",
                        ["calls", "measure", "mkdir-free", str(CALLS)],
                        wrapped, "held")
        return tuple(float(value) for value in
                     re.search(r"p50_us=(\S+) p99_us=(\S+)", said).groups())
    plain, held = pairs(rounds, measure)
    for name, found in (("mkdir", plain),
                        ("mkdir, answered by bailiffd", held)):
        table.row(f"{name}, p50 of each round", [p50 for p50, _ in found])
        table.row(f"{name}, p99 of each round", [p99 for _, p99 in found])
    for i, part in enumerate(("p50", "p99")):
        table.row(f"  added, {part} of each round",
                  [h[i] - p[i] for h, p in zip(held, plain)])


class Sustained:
    """What bailiffd takes in on one processor."""

    def __init__(self, service: Service):
        self.service = service
        self.tries = 0
        self.best = (0, 0, 0)  # rate, microseconds for one, part of processor
        self.ended_by = "nothing"
        self.processors = os.sched_getaffinity(service.pid)

    def run_on(self, processors: set) -> None:
        for task in self.service.threads():
            os.sched_setaffinity(task, processors)

    def holds(self, rate: int, seconds: int) -> bool:
        self.tries += 1
        name = f"pace-{self.tries}"
        lost, cpu = self.service.lost(), self.service.cpu_seconds()
        made, took = map(int, run_once(
            name, ["workload", "pace", str(rate), str(seconds),
                   str(min(self.processors))], True).split())
        self.service.alerts_of(
            lambda alert: is_mark_of(alert, name), 1)
        cpu = self.service.cpu_seconds() - cpu
        lost = lost_between(lost, self.service.lost())
        made_rate, busy = made / took * 1e9, cpu / took * 1e9
        if lost:
            self.ended_by = f"losses: {lost}"
        elif busy > MOST_BUSY:
            self.ended_by = f"bailiffd, at {busy * 100:.0f} % of its processor"
        elif made_rate < rate * 0.98:
            self.ended_by = "the container, which makes no more"
        else:
            self.best = made_rate, cpu / made * 1e6, busy
            return True
        self.ended_by += f" ({made_rate:.0f} a second)"
        return False

    def search(self, table: Table, seconds: int) -> None:
        self.run_on({max(self.processors)})
        low, high = 0, FIRST_RATE
        while high <= GIVE_UP_RATE and self.holds(high, seconds):
            low, high = high, high * 2
        for _ in range(STEPS_BETWEEN):
            middle = (low + high) // 2
            if self.holds(middle, seconds):
                low = middle
            else:
                high = middle
        self.run_on(self.processors)
        rate, each, busy = self.best
        table.say("events a second, without loss, on one processor",
                  f"{rate:.0f}")
        table.say("  of the processor then used", f"{busy * 100:.0f} %")
        table.say("  bailiffd's processor time for an event",
                  f"{each:.2f} us")
        print(f"  limited by {self.ended_by}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", required=True)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--part", type=float, default=1,
                        help="of the programs, files and seconds")
    options = parser.parse_args()
    rounds = options.rounds

    service = Service()
    table = Table("falco", "us")
    build(table, service, rounds, "fork, exec and end of a program", "fork",
          max(int(PROGRAMS * options.part / rounds), 1))
    build(table, service, rounds, "open and close of a file", "open",
          max(int(FILES * options.part / rounds), 1))
    go_first()
    round_trip(table, rounds)
    Sustained(service).search(table, max(int(SECONDS * options.part), 1))
    table.write(options.json)


if __name__ == "__main__":
    main()
