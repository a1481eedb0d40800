# SPDX-License-Identifier: Apache-2.0
"""The files the checks look at, and how a check talks to its caller.

Works on the folder as it lies there, with or without git, so that an unpacked
archive can be checked too. Samples of bad files are left out.
"""

import argparse
import os
import pathlib
import sys

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
SAMPLES = pathlib.PurePosixPath("tests/check/samples")
CODE = {".h", ".cpp", ".c"}
TOPS = ("rules", "oci", "hook", "sidecar")


def files(root):
    """Paths relative to root, with '/', sorted; build output is left out."""
    found = []
    for folder, children, names in os.walk(root):
        here = pathlib.Path(folder).relative_to(root)
        children[:] = [
            child
            for child in children
            if child not in {".git", "__pycache__"}
            and not (here == pathlib.Path(".") and child.startswith("build"))
            and pathlib.PurePosixPath(here / child) != SAMPLES
        ]
        # In a work tree of git's, .git is a file.
        found += [pathlib.PurePosixPath(here / name)
                  for name in names if name != ".git"]
    return sorted(found)


def code(root, tops=TOPS + ("tests",)):
    """Our C and C++ below the given top-level folders."""
    return [
        path
        for path in files(root)
        if path.suffix in CODE and path.parts[0] in tops
    ]


def text(root, path):
    """None when the file is not text."""
    try:
        return (pathlib.Path(root) / path).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None


def run(check, description, arguments=()):
    """Calls check(options), which yields complaints, and exits with 0 or 1."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument(
        "--root", type=pathlib.Path, default=REPOSITORY,
        help="the tree to look at (default: this one)")
    for names, settings in arguments:
        parser.add_argument(*names, **settings)
    complaints = list(check(parser.parse_args()))
    for complaint in complaints:
        print(complaint)
    sys.exit(1 if complaints else 0)
