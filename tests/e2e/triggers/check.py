# SPDX-License-Identifier: Apache-2.0
"""Compares the alerts of a run with the triggers that were run.

check.py TRIGGERS RULES-AT-START < ALERTS
check.py --placed EXCEPTIONS (TRIGGERS RULES-AT-START)... < EXPLAIN

ALERTS are JSON objects, one a line. Prints each line of TRIGGERS for which
other rules fired than it names, and what an alert does not tell that it
should; exits with 1 when there is one.

EXPLAIN is what 'bailiff explain -o json' says. Prints the rules that are placed
and that nothing triggers but for EXCEPTIONS, lines of rule and reason, those
whose trigger has no harmless twin, and the exceptions that are none.
"""

import json
import sys

MARK = "Mark"
# Fields of outputs that events of these types do not have; all others are told.
ABSENT = {
    # Of other calls that the same rule is about.
    "evt.arg.fd": ["chmod"],
    "evt.arg.filename": ["openat"],
    "evt.arg.name": ["chmod", "unlink"],
    "evt.arg.newpath": ["mkdir", "openat"],
    "evt.arg.oldpath": ["unlink"],
    # Of what has no descriptor, of sockets without ends, and before connect()
    # has chosen one.
    "fd.name": ["execve", "mkdir", "rename", "unlink"],
    "fd.type": ["socket"],
    "fd.l4proto": ["socket"],
    "fd.lport": ["connect", "dup2", "socket"],
    "fd.rport": ["dup2", "listen", "socket"],
    "fd.sip": ["dup2"],
    # Of hosts nobody has asked for by name, and without a login.
    "fd.cip.name": ["connect"],
    "fd.lip.name": ["connect"],
    "fd.rip.name": ["connect"],
    "fd.sip.name": ["connect"],
    "user.loginname": ["execve"],
}


def rules_of(text):
    return set() if text == "-" else set(text.split("; "))


def lines_of(path):
    """Number, rules and what stands behind them."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.startswith("#"):
                rules, rest = line.rstrip("\n").split("\t")
                yield str(number), rules_of(rules), rest


def twins_of(paths, at_start):
    """The rules of lines that a harmless one follows, or that are harmless in
    another container; and those without which some container starts."""
    lines = [line for path in paths for line in lines_of(path)]
    harmless = {command for _, rules, command in lines if not rules}
    with_twin = set()
    for (_, rules, command), (_, after, _) in zip(lines, lines[1:] + lines[:1]):
        if not after or command in harmless:
            with_twin |= rules
    for started in at_start:
        with_twin |= set().union(*at_start) - started
    return with_twin


def check_placed(exceptions, *containers):
    paths = containers[::2]
    at_start = [rules_of(text) for text in containers[1::2]]
    placed = {rule["rule"] for rule in json.load(sys.stdin)
              if rule["enforcement"] != "unsupported"} - {MARK}
    excepted = set().union(*(rules for _, rules, _ in lines_of(exceptions)))
    triggered = set().union(
        *at_start,
        *(rules for path in paths for _, rules, _ in lines_of(path)))
    complaints = [f"nothing triggers: {rule}"
                  for rule in sorted(placed - triggered - excepted)]
    complaints += [f"no twin: {rule}"
                   for rule in sorted(triggered - twins_of(paths, at_start))]
    complaints += [f"no exception: {rule}"
                   for rule in sorted(excepted & triggered | excepted - placed)]
    print("\n".join(complaints))
    return 1 if complaints else 0


def main():
    if sys.argv[1] == "--placed":
        return check_placed(*sys.argv[2:])
    triggers = {"start": (rules_of(sys.argv[2]), "the container starts")}
    for number, rules, command in lines_of(sys.argv[1]):
        triggers[number] = (rules, command)

    alerts = sorted((json.loads(line) for line in sys.stdin),
                    key=lambda alert: alert["output_fields"]["evt.time"])
    fired = {name: set() for name in triggers}
    complaints = []
    now = "start"
    for alert in alerts:
        fields = alert["output_fields"]
        if alert["rule"] == MARK:
            now = fields["evt.arg.path"].rsplit("/", 1)[1]
            continue
        if now == "end":
            break
        fired[now].add(alert["rule"])
        missing = [field for field, value in fields.items()
                   if value in (None, "<NA>")
                   and fields["evt.type"] not in ABSENT.get(field, [])]
        if missing:
            complaints.append(f"{alert['rule']} does not tell "
                              f"{', '.join(missing)}: {alert['output']}")
    if now != "end":
        complaints.append(f"the last mark is '{now}'")
    for name, (expected, command) in triggers.items():
        for rule in sorted(expected - fired[name]):
            complaints.append(f"line {name}: not fired: {rule}\n  {command}")
        for rule in sorted(fired[name] - expected):
            complaints.append(f"line {name}: fired: {rule}\n  {command}")
    print("\n".join(complaints))
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
