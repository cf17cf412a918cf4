"""demo_metrics: nothing in; some of what `run metrics` says of this machine, as /metrics has it, out."""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import urllib.request

COMMAND = (sys.executable, "-m", "tailrace", "run", "metrics", "--root", "/", "--metadata", "off", "--listen")
# What a person knows how to read. The rest is counted.
SHOWN = re.compile(
    r"(node_load1|node_memory_Mem(Total|Available)_bytes|node_boot_time_seconds"
    r'|node_filesystem_(size|avail)_bytes\{.*mountpoint="/".*\}|node_pressure_(cpu|io|memory)_waiting_seconds_total'
    r'|node_network_(receive|transmit)_bytes_total\{device="e.*\}|node_uname_info\{.*\}) .*'
)
_URL = re.compile(r"/metrics is served at (http://\S+/metrics)")
_PATIENCE = 30.0  # seconds


def lines() -> list[str]:
    """Some lines of /metrics, and how many series there are. Raises RuntimeError, with what the exporter said."""
    child = subprocess.Popen((*COMMAND, "127.0.0.1:0"), stderr=subprocess.PIPE, text=True, start_new_session=True)
    end = threading.Timer(_PATIENCE, child.kill)
    end.start()
    talk = ""
    try:
        assert child.stderr is not None
        for line in child.stderr:
            talk += line
            if found := _URL.search(line):
                return told(_get(found[1]))
    except OSError as error:
        talk += f"{error}\n"
    finally:
        end.cancel()
        child.kill()
        child.communicate()
    raise RuntimeError(f"`run metrics` gave nothing; it said:\n{talk}")


def told(text: str) -> list[str]:
    """The lines that are shown of a /metrics, and how many others there are."""
    series = [line for line in text.splitlines() if not line.startswith("#")]
    shown = [line for line in series if SHOWN.fullmatch(line)]
    return [*shown, f"… and {len(series) - len(shown)} other series"]


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=_PATIENCE) as answer:
        body: bytes = answer.read()
    return body.decode()
