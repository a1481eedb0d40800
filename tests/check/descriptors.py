# SPDX-License-Identifier: Apache-2.0
"""No descriptor is left to a program that is executed later.

Whatever opens one says so in the same statement: O_CLOEXEC, SOCK_CLOEXEC and
so on; calls that have no such flag have a successor that does. System calls
are written with '::' here, which tells them from functions of ours. Where a
descriptor is meant to be inherited, a comment in the lines just above says
"kept across exec" and why.
"""

import re

import tree

# Call -> what the statement must contain; None: never to be called.
CALLS = [
    (re.compile(r"(?<![\w>])::(?:open|openat)\s*\("), "O_CLOEXEC"),
    (re.compile(r"(?<![\w>])::(?:socket|socketpair|accept4)\s*\("),
     "SOCK_CLOEXEC"),
    (re.compile(r"(?<![\w>])::pipe2\s*\("), "O_CLOEXEC"),
    (re.compile(r"(?<![\w>])::epoll_create1\s*\("), "EPOLL_CLOEXEC"),
    (re.compile(r"(?<![\w>])::eventfd\s*\("), "EFD_CLOEXEC"),
    (re.compile(r"(?<![\w>])::timerfd_create\s*\("), "TFD_CLOEXEC"),
    (re.compile(r"(?<![\w>])::signalfd\s*\("), "SFD_CLOEXEC"),
    (re.compile(r"(?<![\w>])::inotify_init1\s*\("), "IN_CLOEXEC"),
    (re.compile(r"(?<![\w>])::memfd_create\s*\("), "MFD_CLOEXEC"),
    (re.compile(r"(?<![\w>])::fopen\s*\("), re.compile(r'"[rwa+b]*e"')),
    (re.compile(r"(?<![\w>])::dup\s*\("), None),
    (re.compile(r"(?<![\w>])::(?:creat|pipe|accept|epoll_create|"
                r"inotify_init|mkstemp)\s*\("), None),
]
KEPT = "kept across exec"


def without_comments(text):
    """The same text with comments blanked, so that line numbers hold."""
    def blank(match):
        return re.sub(r"[^\n]", " ", match[0])
    return re.sub(r"//[^\n]*|/\*.*?\*/", blank, text, flags=re.DOTALL)


def is_satisfied(statement, wanted):
    if wanted is None:
        return False
    if isinstance(wanted, re.Pattern):
        return wanted.search(statement) is not None
    return wanted in statement


def check(options):
    for path in tree.code(options.root, tree.TOPS):
        if path.name.endswith(".bpf.c"):
            continue
        original = tree.text(options.root, path)
        lines = original.splitlines()
        text = without_comments(original)
        for call, wanted in CALLS:
            for found in call.finditer(text):
                end = text.find(";", found.start())
                statement = text[found.start():end]
                number = text.count("\n", 0, found.start()) + 1
                above = " ".join(lines[max(number - 4, 0):number])
                if not is_satisfied(statement, wanted) and KEPT not in above:
                    name = found[0].strip(": (\n")
                    yield (f"{path}:{number}: '{name}' opens a descriptor that "
                           "survives exec")


if __name__ == "__main__":
    tree.run(check, __doc__)
