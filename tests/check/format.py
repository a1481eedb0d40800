# SPDX-License-Identifier: Apache-2.0
"""C and C++ are laid out as clang-format 14 does it.

Another version lays some lines out differently, so none else will do.
"""

import shutil
import subprocess

import tree

VERSION = "14."


def check(options):
    program = shutil.which(options.program)
    if program is None:
        yield f"'{options.program}' is not installed; 'make deps' does it"
        return
    version = subprocess.run([program, "--version"], capture_output=True,
                             text=True, check=True).stdout
    if f"version {VERSION}" not in version:
        yield f"clang-format {VERSION}x is needed, this is: {version.strip()}"
        return
    sources = [str(path) for path in tree.code(options.root)]
    if not sources:
        return
    how = ["-i"] if options.fix else ["--dry-run", "-Werror"]
    ran = subprocess.run([program, "--style=file", *how, *sources],
                         cwd=options.root, capture_output=True, text=True,
                         check=False)
    if ran.returncode != 0:
        yield ran.stderr.rstrip()
        yield "'make format' lays the sources out"


if __name__ == "__main__":
    tree.run(check, __doc__, [
        (["--fix"], {"action": "store_true", "help": "rewrite the files"}),
        (["--program"], {"default": "clang-format-14"}),
    ])
