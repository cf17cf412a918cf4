"""running: the agent's own address in; whether one runs there and is well, out."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.error import HTTPError
from urllib.request import ProxyHandler, build_opener

from tailrace.console.doctor.case import Case
from tailrace.console.doctor.diagnosis import Diagnosis, problem, warning, well

_PATIENCE = 5.0  # seconds


def check(case: Case) -> Iterator[Diagnosis]:
    """What /healthz and /readyz say, if it listens anywhere."""
    listen = case.settings.listen
    if not listen:
        yield warning(
            "listen is empty: nobody sees lag, drops and a sink that refuses", "set listen: 127.0.0.1:9109, or :9109"
        )
        return
    host, _, port = listen.rpartition(":")
    base = f"http://{host if host not in ('', '0.0.0.0', '[::]') else '127.0.0.1'}:{port}"
    opener = build_opener(ProxyHandler({}))  # it is on this node: no proxy stands between
    for path in ("/healthz", "/readyz"):
        try:
            with opener.open(base + path, timeout=_PATIENCE) as answer:
                said = answer.read(4096).decode(errors="replace").strip()
            yield well(f"{path}: {said.splitlines()[0] if said else 'ok'}")
        except HTTPError as error:
            for line in error.read(4096).decode(errors="replace").strip().splitlines() or [str(error)]:
                what, _, mend = line.rpartition("; ")
                yield problem(f"{path}: {what or line}", mend)
        except (OSError, ValueError) as error:
            why = getattr(error, "reason", error)
            yield warning(f"no agent answers at {base} ({why})", "is it up? kubectl get pods, or systemctl status")
            return
