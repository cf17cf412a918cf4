"""The command `tailrace`, which is also `python -m tailrace`.

The log agent's memory is on huge pages: they save a tenth of its CPU. malloc has to be told before a process starts, so
it is started once more, under the same pid, unless GLIBC_TUNABLES says something already.
"""

from __future__ import annotations

import os
import sys

_TUNABLES = "GLIBC_TUNABLES"


def entry() -> None:
    """Run the command line of this process."""
    if sys.argv[1:3] == ["run", "logs"] and _TUNABLES not in os.environ:
        os.environ[_TUNABLES] = "glibc.malloc.hugetlb=1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
    from tailrace.cli import main

    main(prog_name="tailrace")


if __name__ == "__main__":
    entry()
