"""python -m tests.e2e: words for pytest in, its exit code out; the run gets a machine of its own, taken away after it.

The machine is made of namespaces of this one: so nothing has to be undone by name, whatever fails. KEEP=1 in the
environment leaves what the node wrote, its logs, the lake, the truth, until the next run. That also removes what a run
left that was killed by force: its folder and its empty control groups.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.e2e import agent_image, cgroups
from tests.servers.parts import binary

PARTS = (
    "etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "containerd", "ctr", "runc",
    "unshare", "ip", "helm", "kwok", "go",
)  # fmt: skip
CNI = Path("/usr/lib/cni/bridge")
RUNTIMES = ("kubelet", "containerd", "dockerd", "crio", "k3s-server")
PLACE = Path("/var/tmp")  # on disk: overlayfs can't stand on itself
PR_SET_PDEATHSIG = 1


def main(words: list[str]) -> int:
    """Run pytest over this folder in a machine of its own."""
    if why := refusal():
        print(f"e2e: {why}", file=sys.stderr)
        return 2
    cgroups.sweep()
    for left in PLACE.glob(f"{cgroups.PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(cgroups.PREFIX)).exists():
            shutil.rmtree(left)
    group = f"{cgroups.PREFIX}{os.getpid()}"
    folder = PLACE / group
    folder.mkdir(mode=0o700)
    try:
        cgroups.make(group)
        image = agent_image.make(folder)  # out here, where there is a network
        return subprocess.call(
            [
                "unshare", "--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "--mount-proc",
                "--propagation", "private", sys.executable, "-m", "pytest", "-p", "no:cacheprovider",
                *words, *([] if any(word.startswith("tests/") for word in words) else ["tests/e2e"]),
            ],
            env={**os.environ, "E2E_FOLDER": str(folder), "E2E_GROUP": group, "E2E_IMAGE": str(image)},
            preexec_fn=lambda: ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL),
        )  # fmt: skip
    finally:
        cgroups.remove(group)
        if os.environ.get("KEEP"):
            print(f"e2e: what the node wrote is in {folder}", file=sys.stderr)
        else:
            shutil.rmtree(folder)


def refusal() -> str | None:
    """Why it can't run here, and what to do; None if it can."""
    if os.geteuid() != 0:
        return "only root can start a node: run it as root, or with sudo -E"
    if missing := [name for name in PARTS if binary(name) is None]:
        return f"{', '.join(missing)} missing: run tests/servers/node.sh, which brings what a node needs"
    if not CNI.exists():
        return f"{CNI} is missing: run tests/servers/node.sh, which brings what a node needs"
    if others := sorted({name for name in running() if name in RUNTIMES}):
        return (
            f"{' and '.join(others)} of somebody else runs on this machine, and a second node might take its control"
            " groups for its own: use a machine without one"
        )
    return None


def running() -> list[str]:
    """The names of all processes."""
    names = []
    for process in Path("/proc").glob("[0-9]*/comm"):
        try:
            names.append(process.read_text().strip())
        except OSError:  # it has ended
            continue
    return names


if __name__ == "__main__":
    started = time.monotonic()
    code = main(sys.argv[1:])
    print(f"e2e: {time.monotonic() - started:.0f} s with everything", file=sys.stderr)
    sys.exit(code)
