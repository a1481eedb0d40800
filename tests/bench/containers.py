# SPDX-License-Identifier: Apache-2.0
"""What the benchmarks on containers share: runc, the service, the table.

scene.sh has set the scene and its environment variables. Times are seconds of
CLOCK_MONOTONIC, as workload.c's are.
"""

import http.client
import json
import os
import platform
import select
import shutil
import socket
import struct
import subprocess
import sys
import time

GIVE_UP_SECONDS = 30


def scratch(*names: str) -> str:
    return os.path.join(os.environ["SCRATCH"], *names)


def fail(message: str) -> None:
    sys.exit(f"{os.path.basename(sys.argv[0])}: {message}")


def go_first() -> None:
    """Ahead of what is measured, as bailiffd's reader is; see sched(7)."""
    os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK,
                          os.sched_param(1))


def bundle(name: str, args: list, image: str = "shop",
           own_network: bool = False) -> str:
    """The folder of a bundle for container `name`, of an image so called."""
    folder = scratch("bundles", name)
    os.makedirs(folder)
    with open(scratch("template", "config.json"), encoding="utf-8") as file:
        config = json.loads(file.read().replace("@ID@", name))
    config["process"]["args"] = args
    for namespace in config["linux"]["namespaces"]:
        if namespace["type"] == "network" and own_network:
            del namespace["path"]
    config["annotations"]["io.kubernetes.cri.image-name"] = (
        f"registry.example/{image}:1")
    config["mounts"].append({"destination": "/bench", "type": "bind",
                             "source": scratch("bench"),
                             "options": ["bind", "rw"]})
    for point in ("/tmp", "/marks"):
        config["mounts"].append({"destination": point, "type": "tmpfs",
                                 "source": "tmpfs", "options": ["nosuid"]})
    with open(os.path.join(folder, "config.json"), "w",
              encoding="utf-8") as file:
        json.dump(config, file)
    return folder


def runc(*args: str, wrapped: bool, stdout=subprocess.DEVNULL) -> str:
    command = (
        [os.path.join(os.environ["BAILIFF_BIN"], "bailiff-runc"),
         "--bailiff-config", os.path.join(os.environ["SVC"], "bailiff.yaml")]
        if wrapped else ["runc"])
    with open(scratch("runc.err"), "a+", encoding="utf-8") as errors:
        ran = subprocess.run([*command, "--root", scratch("runc"), *args],
                             check=False, stdin=subprocess.DEVNULL,
                             stdout=stdout, stderr=errors, close_fds=False,
                             text=True)
        if ran.returncode != 0:
            errors.seek(0)
            fail(f"'{' '.join([command[0], *args])}' failed: "
                 f"{errors.read()[-500:]}")
    return ran.stdout


def run_once(name: str, args: list, wrapped: bool, image: str = "shop") -> str:
    """What a container says until it ends."""
    folder = bundle(name, args, image)
    said = runc("run", "--bundle", folder, name, wrapped=wrapped,
                stdout=subprocess.PIPE)
    shutil.rmtree(folder)
    return said


class Container:
    """One that runs a work of workload.c which waits to be told; see there."""

    def __init__(self, name: str, image: str, work: str, *args: object):
        self.name = name
        for suffix in ("ready", "go"):
            os.mkfifo(scratch("bench", f"{name}.{suffix}"))
        with open(scratch("bench", f"{name}.times"), "xb"):
            pass
        # For both directions: to open it then waits for nobody.
        self.ready = os.open(scratch("bench", f"{name}.ready"), os.O_RDWR)
        self.go = os.open(scratch("bench", f"{name}.go"), os.O_RDWR)
        self.folder = bundle(name, ["workload", work, name, *map(str, args)],
                             image)
        runc("run", "--detach", "--bundle", self.folder, name, wrapped=True)
        self.cgroup = os.path.join(os.environ["RUN_CGROUP"], name)
        self.events = open(os.path.join(self.cgroup, "cgroup.events"),
                           encoding="ascii")

    def await_ready(self) -> None:
        if not select.select([self.ready], [], [], GIVE_UP_SECONDS)[0]:
            fail(f"'{self.name}' does not say that it is ready")
        os.read(self.ready, 1)

    def start(self) -> None:
        os.write(self.go, b"!")

    def bring(self, file: str) -> float:
        """Writes 1 to the file of its cgroup; when that began."""
        with open(os.path.join(self.cgroup, file), "w",
                  encoding="ascii") as told:
            begin = time.monotonic()
            told.write("1")
        return begin

    def is_in(self, state: str) -> bool:
        self.events.seek(0)
        return state in self.events.read()

    def times(self) -> list:
        """(connected, seen dead or 0) of each violation."""
        with open(scratch("bench", f"{self.name}.times"), "rb") as file:
            return [(connected / 1e9, dead / 1e9)
                    for connected, dead in struct.iter_unpack("=qq",
                                                              file.read())]

    def remove(self) -> None:
        with open(os.path.join(self.cgroup, "cgroup.kill"), "w",
                  encoding="ascii") as file:
            file.write("1")
        self.events.close()
        runc("delete", "--force", self.name, wrapped=True)
        shutil.rmtree(self.folder)
        for fd in (self.ready, self.go):
            os.close(fd)
        for suffix in ("ready", "go", "times"):
            os.unlink(scratch("bench", f"{self.name}.{suffix}"))


class ServiceConnection(http.client.HTTPConnection):
    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(os.path.join(os.environ["SVC"], "run",
                                       "bailiffd.sock"))


class Service:
    """What bailiffd says of itself, and takes."""

    def __init__(self):
        self.pid = int(os.environ["SERVICE_PID"])
        self.after = 0

    @staticmethod
    def get(path: str) -> str:
        connection = ServiceConnection("bailiff")
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        if answer.status != 200:
            fail(f"bailiffd answers {answer.status} to '{path}': {body}")
        return body

    def new_alerts(self) -> list:
        """What was stored since it was last asked."""
        alerts = []
        while True:
            page = json.loads(self.get(
                f"/v1/events?limit=1000&after={self.after}"))
            self.after = page["next"]
            if not page["events"]:
                return alerts
            alerts += page["events"]

    def alerts_of(self, wanted, count: int) -> list:
        """So many new ones for which wanted(alert) holds, or what there are."""
        found = []
        deadline = time.monotonic() + GIVE_UP_SECONDS
        while len(found) < count and time.monotonic() < deadline:
            new = self.new_alerts()
            found += filter(wanted, new)
            if not new:
                time.sleep(0.05)
        return found

    def lost(self) -> dict:
        """Events that nobody was told of, by where they were lost."""
        found = {}
        for line in self.get("/metrics").splitlines():
            if line.startswith("bailiff_events_lost_total{"):
                source, count = line.split('source="')[1].split('"} ')
                found[source] = int(float(count))
        return found

    def threads(self) -> list:
        return [int(task) for task in os.listdir(f"/proc/{self.pid}/task")]

    def cpu_seconds(self) -> float:
        """Of all its threads, those that have ended too."""
        # clock_getcpuclockid(3) of the process, which Python does not have.
        return time.clock_gettime((~self.pid << 3) | 2)


def lost_between(before: dict, after: dict) -> dict:
    return {source: count - before.get(source, 0)
            for source, count in after.items()
            if count != before.get(source, 0)}


def share(values: list, part: float) -> float:
    """The value below which `part` of them are; as measure.h has it."""
    ordered = sorted(values)
    return ordered[int(part * (len(ordered) - 1))]


class Table:
    """Prints a row as soon as it is known; all of them become a JSON file."""

    def __init__(self, bench: str, unit: str):
        self.bench, self.unit, self.results = bench, unit, []
        self.digits = 3 if unit == "ms" else 1
        self.print_head()

    def print_head(self) -> None:
        print(f"{self.unit:<52} {'runs':>6} {'p50':>9} {'p99':>9} {'max':>9}"
              "  goal", flush=True)

    def row(self, name: str, values: list, goal: str = "") -> None:
        result = {"name": name, "runs": len(values), "goal": goal}
        for column, part in (("p50", 0.5), ("p99", 0.99), ("max", 1)):
            result[column] = round(share(values, part), self.digits)
        self.results.append(result)
        numbers = " ".join(f"{result[column]:>9.{self.digits}f}"
                           for column in ("p50", "p99", "max"))
        print(f"{name:<52} {len(values):>6} {numbers}  {goal}", flush=True)

    def say(self, name: str, text: str, goal: str = "") -> None:
        self.results.append({"name": name, "value": text, "goal": goal})
        print(f"{name:<52} {text:>36}  {goal}", flush=True)

    def write(self, path: str) -> None:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"bench": self.bench, "unit": self.unit,
                       "kernel": platform.release(),
                       "results": self.results}, file)
            file.write("\n")
        print(f"written to {path}")
