# SPDX-License-Identifier: Apache-2.0
"""Compares the alerts of a run with the triggers that were run.

check.py TRIGGERS RULES-AT-START < ALERTS
check.py --placed RULES-AT-START EXCEPTIONS TRIGGERS... < EXPLAIN

ALERTS are JSON objects, one a line. Prints each line of TRIGGERS for which
other rules fired than it names, and what an alert does not tell that it
should; exits with 1 when there is one.

EXPLAIN is what 'bailiff explain -o json' says. Prints the rules that are placed
and that nothing triggers but for EXCEPTIONS, lines of rule and reason, and the
exceptions that are none.
"""

import json
import sys

MARK = "Mark"
# What Falco's outputs name of every process.
TOLD = ["evt.type", "proc.cmdline", "proc.exepath", "proc.name", "proc.pname",
        "user.loginuid", "user.name", "user.uid"]


def rules_of(text):
    return set() if text == "-" else set(text.split("; "))


def lines_of(path):
    """Number, rules and what stands behind them."""
    with open(path, encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            if not line.startswith("#"):
                rules, rest = line.rstrip("\n").split("\t")
                yield str(number), rules_of(rules), rest


def check_placed(at_start, exceptions, *paths):
    placed = {rule["rule"] for rule in json.load(sys.stdin)
              if rule["enforcement"] != "unsupported"} - {MARK}
    excepted = set().union(*(rules for _, rules, _ in lines_of(exceptions)))
    triggered = rules_of(at_start).union(
        *(rules for path in paths for _, rules, _ in lines_of(path)))
    complaints = [f"nothing triggers: {rule}"
                  for rule in sorted(placed - triggered - excepted)]
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
        missing = [field for field in TOLD
                   if field in fields and fields[field] in (None, "<NA>")]
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
