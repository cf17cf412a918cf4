"""The command `tailrace`, which is also `python -m tailrace`.

The log agent tells malloc to keep what it has for the next block: asking the kernel for cleared pages again and again
costs a tenth of its CPU. (Huge pages save as much and nothing on top, and cost 6 MiB.) malloc listens only when a
process starts, so it is started once more, under the same pid, unless GLIBC_TUNABLES says something already.
"""

from __future__ import annotations

import gc
import os
import sys

_NAME = "GLIBC_TUNABLES"
TUNABLES = ":".join(
    f"glibc.malloc.{name}={value}" for name, value in (("mmap_threshold", 64 << 20), ("trim_threshold", 256 << 20))
)


def entry() -> None:
    """Run the command line of this process."""
    if sys.argv[1:3] == ["run", "logs"]:
        if _NAME not in os.environ:
            os.environ[_NAME] = TUNABLES
            os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])
        gc.disable()  # imports leave no cycles behind, and looking for some is a tenth of the start; `run` enables it
    from tailrace.cli import main

    main(prog_name="tailrace")


if __name__ == "__main__":
    entry()
