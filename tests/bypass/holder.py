#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""holder.py PEER PORT: two connections, over the first of which it sends what is
on a page that is never filled, so that the kernel never lets go of the socket.
Prints "held", and "lost ERRNO" when the second ends."""

import ctypes
import errno
import fcntl
import mmap
import os
import platform
import socket
import struct
import sys
import threading
import time

SYS_USERFAULTFD = {"x86_64": 323, "aarch64": 282}[platform.machine()]
UFFDIO_API = 0xC018AA3F
UFFDIO_REGISTER = 0xC020AA00
UFFD_API = 0xAA
UFFDIO_REGISTER_MODE_MISSING = 1

libc = ctypes.CDLL(None, use_errno=True)
memory = mmap.mmap(-1, mmap.PAGESIZE)


def page():
    """The address of one that is never filled."""
    faults = libc.syscall(SYS_USERFAULTFD, os.O_CLOEXEC)
    if faults < 0:
        sys.exit(f"userfaultfd: {os.strerror(ctypes.get_errno())}")
    fcntl.ioctl(faults, UFFDIO_API, bytearray(struct.pack("QQQ", UFFD_API, 0, 0)))
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fcntl.ioctl(
        faults,
        UFFDIO_REGISTER,
        bytearray(
            struct.pack(
                "QQQQ", address, mmap.PAGESIZE, UFFDIO_REGISTER_MODE_MISSING, 0
            )
        ),
    )
    return address


def is_held(thread):
    """Whether it waits for its page."""
    with open(f"/proc/self/task/{thread.native_id}/wchan") as wchan:
        return wchan.read() == "handle_userfault"


def main():
    address = page()
    peer = (sys.argv[1], int(sys.argv[2]))
    held, other = (socket.create_connection(peer) for _ in range(2))
    sender = threading.Thread(
        target=lambda: libc.send(held.fileno(), ctypes.c_void_p(address), 1, 0),
        daemon=True,
    )
    sender.start()
    while not is_held(sender):
        time.sleep(0.01)
    print("held", flush=True)
    try:
        other.recv(1)
    except OSError as error:
        print("lost", errno.errorcode[error.errno], flush=True)
    threading.Event().wait()


main()
