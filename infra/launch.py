"""Become another program that the kernel ends when its parent goes, even by kill -9.

Run as a file, by `infra.supervisor`: PARENT PROGRAM ARGUMENTS... Between fork and exec a threaded parent may run no
Python of its own, so this small interpreter sets the signal and then turns into the program.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):  # it went before the signal was set
        sys.exit(1)
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # what a shell had ignored would stay so
    os.execv(sys.argv[2], sys.argv[2:])  # noqa: S606 - no shell is wanted
