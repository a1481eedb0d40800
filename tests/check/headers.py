# SPDX-License-Identifier: Apache-2.0
"""Every header compiles alone and once.

A header that its own .cpp includes first is proved by the build already; the
others are compiled here, each as if it were a source file.
"""

import concurrent.futures
import os
import re
import subprocess

import tree

FIRST_INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)
GUARD = re.compile(r"^#pragma once$|^#ifndef BAILIFF_\w+_H_$", re.MULTILINE)


def is_proved_by_build(root, path):
    source = path.with_suffix(".cpp")
    if not (root / source).is_file():
        return False
    first = FIRST_INCLUDE.search(tree.text(root, source))
    return first is not None and first[1] == str(path)


def compile_alone(options, path):
    command = [options.compiler, "-std=c++20", "-x", "c++", "-fsyntax-only",
               "-w", "-D_GNU_SOURCE", '-DBAILIFF_VERSION=""', "-I."]
    command += [f"-isystem{folder}" for folder in options.include]
    command += options.flag
    ran = subprocess.run(command + ["-include", str(path), "/dev/null"],
                         cwd=options.root, capture_output=True, text=True,
                         check=False)
    if ran.returncode == 0:
        return None
    return f"{path}:1: does not compile alone\n{ran.stderr}"


def check(options):
    headers = [
        path
        for path in tree.code(options.root)
        if path.suffix == ".h"
    ]
    for path in headers:
        if not GUARD.search(tree.text(options.root, path)):
            yield f"{path}:1: neither '#pragma once' nor an include guard"
    alone = [
        path
        for path in headers
        if not is_proved_by_build(options.root, path)
        and not path.name.endswith(".bpf.h")
    ]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for complaint in pool.map(
                lambda path: compile_alone(options, path), alone):
            if complaint:
                yield complaint


if __name__ == "__main__":
    tree.run(check, __doc__, [
        (["--compiler"], {"default": "g++"}),
        (["--include"], {"action": "append", "default": []}),
        (["--flag"], {"action": "append", "default": []}),
    ])
