# SPDX-License-Identifier: Apache-2.0
"""Every source file names its licence in its first three lines."""

import pathlib

import tree

SUFFIXES = tree.CODE | {".bats", ".bash", ".cmake", ".def", ".js", ".py", ".sh"}
NAMES = {"CMakeLists.txt", "Makefile"}
OURS = "SPDX-License-Identifier: Apache-2.0"
# The kernel lends most of its functions to GPL programs only.
BPF = "SPDX-License-Identifier: GPL-2.0-only OR Apache-2.0"


def check(options):
    for path in tree.files(options.root):
        head = []
        if path.suffix in SUFFIXES or path.name in NAMES:
            head = tree.text(options.root, path).splitlines()[:3]
        elif not path.suffix:
            start = (pathlib.Path(options.root) / path).open("rb").read(512)
            if not start.startswith(b"#!"):
                continue
            head = start.decode("utf-8", "replace").splitlines()[:3]
        else:
            continue
        # Headers that BPF programs include are under both licences too.
        is_bpf = path.name.endswith((".bpf.c", ".bpf.h"))
        wanted = BPF if is_bpf or path.parts[:2] == ("rules", "abi") else OURS
        if not any(line.rstrip(" */").endswith(wanted) for line in head):
            yield f"{path}:1: the first three lines do not say '{wanted}'"


if __name__ == "__main__":
    tree.run(check, __doc__)
