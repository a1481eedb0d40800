# SPDX-License-Identifier: Apache-2.0
"""The checks are tested: each has trees it must accept and trees it must not.

samples/<check>/<case>/ is a small tree. Its file 'expect' has one line for
each complaint the check must make, a part of it; when the file is empty the
check must be content.
"""

import pathlib
import subprocess
import sys

FOLDER = pathlib.Path(__file__).resolve().parent


def fails(case):
    name = case.parent.name
    ran = subprocess.run(
        [sys.executable, FOLDER / f"{name}.py", "--root", case],
        capture_output=True, text=True, check=False)
    wanted = (case / "expect").read_text(encoding="utf-8").splitlines()
    said = ran.stdout
    if ran.stderr:
        return f"crashed: {ran.stderr}"
    if ran.returncode != (1 if wanted else 0):
        return f"exit code {ran.returncode}, said:\n{said}"
    for line in wanted:
        if line not in said:
            return f"did not say '{line}' but:\n{said}"
    if len(said.splitlines()) != len(wanted) and name not in MULTILINE:
        return f"expected {len(wanted)} complaints, said:\n{said}"
    return None


# One complaint of these is the many lines of a tool.
MULTILINE = {"format", "headers", "tidy"}


def main():
    cases = sorted(path.parent for path in FOLDER.glob("samples/*/*/expect"))
    checks = {path.stem for path in FOLDER.glob("*.py")} - {"tree", "samples"}
    failed = 0
    for name in sorted(checks):
        mine = [case for case in cases if case.parent.name == name]
        good = [case for case in mine if not (case / "expect").stat().st_size]
        if not good or len(good) == len(mine):
            print(f"{name}: needs at least one good and one bad sample")
            failed += 1
    for case in cases:
        complaint = fails(case)
        if complaint:
            print(f"{case.relative_to(FOLDER)}: {complaint}")
            failed += 1
    print(f"{len(cases)} samples, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
