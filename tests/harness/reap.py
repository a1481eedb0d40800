#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""reap.py COMMAND...: runs it, and reaps orphans of all it starts meanwhile.

Engines watch their daemons by process id, and take a zombie for a living
process: podman then waits 20 s. Not every init reaps at once. Exits as the
command does; the command gets SIGTERM should this process die before it.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36


def main() -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        sys.exit("reap.py: cannot become a reaper")
    child = os.fork()
    if child == 0:
        libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        try:
            os.execvp(sys.argv[1], sys.argv[1:])
        except OSError as error:
            print(f"reap.py: {sys.argv[1]}: {error.strerror}", file=sys.stderr)
            os._exit(127)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: os.kill(child, n))
    # A terminal sends it to the whole foreground group, the command included.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    while True:
        pid, status = os.wait()
        if pid == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
