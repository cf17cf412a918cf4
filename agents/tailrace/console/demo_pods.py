"""demo_pods: a folder and a number of seconds in, a node on which six pods really wrote for so long out.

`python -m tailrace.console.demo_pods --root DIR --seconds 12 --seed 1`. Every program is a generator that prints and
then yields how many seconds it pauses. What they printed goes to DIR/truth.json (lines and bytes of each container) and
DIR/printed.ndjson (every line), written from memory at the end and never read from the log files.
"""

from __future__ import annotations

import heapq
import json
import signal
import sys
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import click

from tailrace.console.demo_node import Clock, Container, WallClock

Program = Callable[[Container, Random], Iterator[float]]

TRUTH, PRINTED = "truth.json", "printed.ndjson"
ROTATE_BYTES = 640_000  # so that the noisy pod's file is rotated every few seconds
ROTATE_SECONDS = 1.0  # how often sizes are looked at; kubelet does it every 10 s
# Path, its share of the requests, its median duration in milliseconds.
PATHS = (("/api/cart", 5, 12.0), ("/api/items", 9, 6.0), ("/api/checkout", 2, 140.0), ("/api/search", 4, 45.0))


def _time(container: Container, form: str) -> str:
    moment = datetime.fromtimestamp(container.clock.now_ns() / 1e9, UTC)
    return moment.strftime(form.replace("%f", f"{moment.microsecond // 1000:03}"))


def web(container: Container, rnd: Random) -> Iterator[float]:
    """An access log in the combined format."""
    while True:
        path = rnd.choice(("/", "/cart", f"/items/{rnd.randrange(5000)}", "/static/app.js"))
        status = rnd.choices((200, 304, 404, 502), (90, 6, 3, 1))[0]
        when = _time(container, "%d/%b/%Y:%H:%M:%S +0000")
        agent = rnd.choice(("Mozilla/5.0 (X11; Linux x86_64)", "curl/8.5.0", "kube-probe/1.34"))
        client = f"10.0.{rnd.randrange(4)}.{rnd.randrange(1, 255)}"
        container.out(f'{client} - - [{when}] "GET {path} HTTP/1.1" {status} {rnd.randrange(40_000)} "-" "{agent}"')
        yield rnd.expovariate(150)


def api(container: Container, rnd: Random) -> Iterator[float]:
    """JSON; now and then a body so long that the runtime splits the line."""
    while True:
        path, _, median = rnd.choices(PATHS, [share for _, share, _ in PATHS])[0]
        failed = rnd.random() < 0.02
        took = 3000 + rnd.random() if failed else median * rnd.lognormvariate(0, 0.6)
        said = f"payments timed out after {took:.0f} ms, order {rnd.randrange(10**6)}" if failed else "request done"
        line = {
            "time": _time(container, "%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": "error" if failed else "info",
            "msg": said,
            "trace_id": f"{rnd.getrandbits(128):032x}",
            "span_id": f"{rnd.getrandbits(64):016x}",
            "path": path,
            "status": 504 if failed else 200,
            "duration_ms": round(took, 1),
        }
        if rnd.random() < 0.01:
            line["body"] = "öäü€ " * rnd.randrange(3000, 9000)
        container.out(json.dumps(line, ensure_ascii=False))
        yield rnd.expovariate(250)


def ledger(container: Container, rnd: Random) -> Iterator[float]:
    """Java: log4j on stdout, stack traces on stderr."""
    while True:
        when, transfer = _time(container, "%Y-%m-%d %H:%M:%S,%f"), rnd.randrange(10**7)
        thread = f"pool-1-thread-{rnd.randrange(8)}"
        container.out(f"{when} INFO  [{thread}] c.e.ledger.Booking - booked transfer {transfer}")
        if rnd.random() < 0.04:
            container.err(
                f"{when} ERROR [{thread}] c.e.ledger.Booking - transfer {transfer} failed",
                "java.lang.IllegalStateException: no connection to the database",
                "\tat com.example.ledger.Booking.book(Booking.java:88)",
                "\tat com.example.ledger.Booking.run(Booking.java:31)",
                "\tat java.base/java.lang.Thread.run(Thread.java:1583)",
                "Caused by: java.sql.SQLTransientConnectionException: no connection after 3000ms",
                "\tat com.zaxxer.hikari.pool.HikariPool.createTimeoutException(HikariPool.java:686)",
                "\t... 3 more",
            )
        yield rnd.expovariate(60)


def fraud(container: Container, rnd: Random) -> Iterator[float]:
    """Python's logging on stderr, tracebacks included."""
    while True:
        when, order = _time(container, "%Y-%m-%d %H:%M:%S,%f"), rnd.randrange(10**6)
        container.err(f"{when} INFO fraud.rules: scored order {order}: {rnd.random():.3f}")
        if rnd.random() < 0.05:
            container.err(
                f"{when} ERROR fraud.model: scoring order {order} failed",
                "Traceback (most recent call last):",
                '  File "/app/fraud/model.py", line 52, in score',
                "    return self.weights[country] * amount",
                "           ~~~~~~~~~~~~^^^^^^^^^",
                f"KeyError: '{rnd.choice(('XK', 'AQ'))}'",
            )
        yield rnd.expovariate(40)


def crashy(container: Container, rnd: Random) -> Iterator[float]:
    """Go, in a crash loop: short lives that end with a panic, and a pause before the next."""
    while True:
        container.out(_time(container, "%Y/%m/%d %H:%M:%S") + f" starting, attempt {container.attempt}")
        for step in ("config read", "listening on :8080"):
            yield 0.4
            container.out(_time(container, "%Y/%m/%d %H:%M:%S ") + step)
        yield 0.4 + rnd.random() / 2
        container.err(
            "panic: runtime error: invalid memory address or nil pointer dereference",
            "[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x48f1a6]",
            "",
            "goroutine 1 [running]:",
            "main.(*Cache).Warm(0x0, {0x4b2f5e, 0x5})",
            "\t/src/cache.go:41 +0x26",
            "main.main()",
            "\t/src/main.go:19 +0x85",
        )
        yield 1.5
        container.restart()


def noisy(container: Container, rnd: Random) -> Iterator[float]:
    """logfmt, in bursts: the pod whose files are rotated."""
    while True:
        for _ in range(50):
            level = rnd.choices(("debug", "info", "warn"), (95, 4, 1))[0]
            when = _time(container, "%Y-%m-%dT%H:%M:%S.%fZ")
            key, hit = f"user:{rnd.randrange(10**6)}", rnd.random() < 0.8
            container.out(f'ts={when} level={level} msg="cache lookup" key={key} hit={hit}')
        yield 0.02


# Namespace, pod, container, program.
PODS: tuple[tuple[str, str, str, Program], ...] = (
    ("shop", "web-7d9f8c6b5d-x2x4k", "web", web),
    ("shop", "api-6c9d7b5f4d-8qk2v", "api", api),
    ("payments", "ledger-0", "ledger", ledger),
    ("payments", "fraud-5b8f6d9c7d-hj4tz", "fraud", fraud),
    ("data", "crashy-7f6d5c4b8d-zz9pq", "crashy", crashy),
    ("platform", "noisy-k8x2p", "noisy", noisy),
)


def _kubelet(container: Container, _: Random) -> Iterator[float]:
    while True:
        yield ROTATE_SECONDS
        container.rotate(ROTATE_BYTES)


def write(root: Path, seconds: float, seed: int, clock: Clock) -> list[Container]:
    """Let all pods write below `root` for so many seconds; returns the containers with what they printed.

    They always write their last lines whole: a node is not switched off here.
    """
    rnd = Random(seed)
    containers, running = [], []
    for namespace, pod, name, program in PODS:
        uid = str(uuid.UUID(int=rnd.getrandbits(128), version=4))
        containers.append(Container(root, namespace, pod, uid, name, clock))
        running += [part(containers[-1], Random(rnd.random())) for part in (program, _kubelet)]
    start = clock.now_ns()
    agenda = [(0.0, index) for index in range(len(running))]
    while agenda[0][0] < seconds:
        due, index = agenda[0]
        if (early := due - (clock.now_ns() - start) / 1e9) > 0:
            clock.wait(early)
        heapq.heapreplace(agenda, (due + next(running[index]), index))
    for container in containers:
        container.close()
    return containers


def record(root: Path, containers: list[Container]) -> None:
    """Write down what was printed: truth.json and printed.ndjson below `root`."""
    with (root / PRINTED).open("w") as printed:
        for c in containers:
            where = {"namespace": c.namespace, "pod": c.pod, "container": c.name}
            printed.writelines(json.dumps({**where, "line": line}) + "\n" for line in c.printed)
    truth = [
        {
            "namespace": c.namespace,
            "pod": c.pod,
            "container": c.name,
            "lines": len(c.printed),
            "bytes": sum(len(line.encode()) for line in c.printed),
        }
        for c in containers
    ]
    (root / TRUTH).write_text(json.dumps(truth, indent=2) + "\n")


@click.command()
@click.option("--root", type=click.Path(path_type=Path), required=True, help="The node's root; must be empty of pods.")
@click.option("--seconds", type=float, default=12.0, show_default=True, help="How long the pods write.")
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds print equal things at other times.")
def main(root: Path, seconds: float, seed: int) -> None:
    """Let six pods write below ROOT/var/log/pods."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    record(root, write(root, seconds, seed, WallClock()))


if __name__ == "__main__":
    main()
