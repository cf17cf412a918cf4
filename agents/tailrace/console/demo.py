"""demo: a folder for the lake in, a small node that is tailed into it and answers to questions about it out.

Two child processes run beside each other, as on a node: pods that write (demo_pods) and the agent that reads. The agent
is stopped while the last lines are still unread and started again to read the rest, so that every demo resumes once.
"""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from tailrace.console import demo_metrics, demo_report

MARKER = ".made-by-tailrace-demo"
PODS = (sys.executable, "-m", "tailrace.console.demo_pods")
TAILRACE = (sys.executable, "-m", "tailrace")
QUESTIONS = (
    ("errors/by_workload", "--from", "-1h"),
    ("errors/fingerprints", "--from", "-1h", "--limit", "5"),
    ("latency/by_path", "--from", "-1h"),
)
REPORT = "report.html"  # in the lake's folder, where no table lies
AUDITS = (("audit/gaps", "-p", "settle=0s"), ("audit/duplicates",), ("audit/abandoned",))


@click.command()
@click.option("--lake", type=click.Path(path_type=Path), default=Path("lake"), show_default=True, help="Made anew.")
@click.option("--seconds", type=click.FloatRange(1, 600), default=12.0, show_default=True, help="How long pods write.")
@click.option("--keep/--no-keep", default=False, show_default=True, help="Keep the demo node's folder.")
@click.pass_context
def demo(ctx: click.Context, lake: Path, seconds: float, keep: bool) -> None:
    """\b
    Examples:
      tailrace demo
      tailrace demo --lake /tmp/lake --seconds 30 --keep

    Let a small node write logs, tail it into a lake, and answer questions about it.

    Six pods write for SECONDS: an access log, JSON, Java and Python with stack traces, a crash loop, and a pod so noisy
    that its files are rotated. Exit code 1 if a line is lost or doubled. No cluster, no network.
    """
    lake = lake.absolute()
    prepare(lake)
    # So that a `kill` of the demo also ends its children.
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = datetime.now(UTC)
    root = Path(tempfile.mkdtemp(prefix="tailrace-demo-"))
    try:
        tail(root, lake, seconds)
        problem = show(root, lake)
        problem |= not report(lake, began)
    finally:
        signal.signal(signal.SIGTERM, before)
        if keep:
            click.echo(f"The demo node stays in {root}", err=True)
        else:
            shutil.rmtree(root, ignore_errors=True)
    ctx.exit(1 if problem else 0)


def prepare(lake: Path) -> None:
    """Make an empty lake that is marked as a demo's; UsageError if the folder holds anything that no demo made."""
    if lake.is_dir() and any(lake.iterdir()):
        if not (lake / MARKER).is_file():
            raise click.UsageError(
                f"{lake} is not empty, and no demo made it; nothing was touched. Name another folder with --lake DIR"
            )
        foreign = sorted(path.name for path in lake.iterdir() if path.name not in (MARKER, REPORT, "logs", "ledger"))
        if foreign:
            raise click.UsageError(
                f"{lake} is an earlier demo's lake, but also holds {', '.join(foreign)}; nothing was touched. "
                "Move that away, or name another folder with --lake DIR"
            )
        for table in ("logs", "ledger"):
            shutil.rmtree(lake / table, ignore_errors=True)
        (lake / REPORT).unlink(missing_ok=True)
    elif lake.exists() and not lake.is_dir():
        raise click.UsageError(f"{lake} is a file; name a folder with --lake DIR")
    lake.mkdir(parents=True, exist_ok=True)
    (lake / MARKER).write_text("tailrace demo made this lake and replaces it when it runs again.\n")


@contextmanager
def running(*command: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child process with its output in `log`; it is gone when the context ends, however that ends."""
    child = None
    try:
        with log.open("ab") as output, _signals_held():
            # In a session of its own a Ctrl-C reaches it through us alone, once.
            child = subprocess.Popen(command, stdout=output, stderr=output, start_new_session=True)
        yield child
    finally:
        if child is not None:
            child.terminate()
            try:
                child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()


@contextmanager
def _signals_held() -> Iterator[None]:
    """Signals that would end us come when the context ends: a child that is being born can't be ended yet."""
    held: list[int] = []
    before = {n: signal.signal(n, lambda number, _: held.append(number)) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(name, handler)
    for number in held:
        signal.raise_signal(number)


def tail(root: Path, lake: Path, seconds: float) -> None:
    """Let the pods write and the agent read; ClickException if one of them fails."""
    log = root / "agent.log"
    settings = {
        "root": root,
        "state": root / "state",
        "lake": lake,
        "sink": "local",
        "node": "demo-node",
        "cluster": "demo",
        "seal-seconds": "3s",
        # A crash loop's files live for seconds only.
        "scan": "1s",
    }
    agent = (*TAILRACE, "run", "logs", *(f"--{name}={value}" for name, value in settings.items()))
    click.echo(f"Six pods write for {seconds:g} s, and the agent follows them …", err=True)
    with running(*agent, log=log) as follows:
        with running(*PODS, f"--root={root}", f"--seconds={seconds}", log=root / "pods.log") as pods:
            while pods.poll() is None and follows.poll() is None:
                time.sleep(0.1)
            if follows.poll() is None:
                _must_succeed("the pods", pods, root / "pods.log", 0)
        if follows.poll() is None:
            follows.send_signal(signal.SIGTERM)
        _must_succeed("the agent", follows, log, 30)
        if pods.returncode != 0:
            raise click.ClickException(f"the agent stopped before it was told to; it said:\n{log.read_text()}")
    click.echo("The agent was stopped, and is started again to read the rest …", err=True)
    with running(*agent, "--once", log=log) as reads_on:
        _must_succeed("the agent", reads_on, log, 60)


def _must_succeed(name: str, child: subprocess.Popen[bytes], log: Path, seconds: float) -> None:
    try:
        code = child.wait(seconds)
    except subprocess.TimeoutExpired:
        raise click.ClickException(f"{name} did not end within {seconds:g} s; it said:\n{log.read_text()}") from None
    if code != 0:
        raise click.ClickException(f"{name} failed with exit code {code}; it said:\n{log.read_text()}")


def show(root: Path, lake: Path) -> bool:
    """Print what was written, delivered and found; whether there is a problem."""
    compared = demo_report.compare(root, lake)
    head = ("namespace", "pod", "written: lines", "bytes", "in the lake: lines", "bytes", "lost", "doubled")
    rows = [
        (c.namespace, c.pod, c.printed_lines, c.printed_bytes, c.lake_lines, c.lake_bytes, c.lost, c.doubled)
        for c in compared
    ]
    _section("What the pods printed, and what is in the lake", demo_report.table(head, rows))
    click.echo(f"\n{demo_report.verdict(compared)}")
    ledger = [(a.account, a.lines, a.bytes, a.objects) for a in demo_report.accounts(lake)]
    _section(
        "Where every byte of the log files went, by the agent's ledger (a joined stack trace is one line)",
        demo_report.table(("account", "lines", "bytes", "objects"), ledger),
    )
    problem = not compared or any(c.lost or c.doubled for c in compared)
    for question in (*QUESTIONS, *AUDITS):
        problem |= not ask(question, lake)
    program, folder = _program(), _shown(lake)
    try:
        _section("This machine's own metrics, as /metrics has them", "\n".join(demo_metrics.lines()))
    except RuntimeError as error:
        click.echo(f"This machine's metrics are not shown: {error}", err=True)
    _section(
        "Where to look next",
        "\n".join(
            (
                f"{program} query --help",
                f"{program} query search/text -p pattern=Traceback --lake {folder}",
                f"{program} query volume/by_namespace --lake {folder}",
                f"{program} query audit/balance --lake {folder}    # where each file's bytes went",
                f"{program} query show errors/fingerprints --engine athena",
                f"{program} report --lake {folder} --from -1h -o {folder}-report.html",
                f"{program} run logs --root / --state .state --lake {folder}2 --once    # a node's own logs",
                f"{program} run metrics --root / --listen 127.0.0.1:9108    # scrape http://127.0.0.1:9108/metrics",
            )
        ),
    )
    return problem


def ask(question: tuple[str, ...], lake: Path) -> bool:
    """Ask one question as a user would; whether it found no problem."""
    _section(f"{_program()} query {' '.join(question)} --lake {_shown(lake)}")
    command = (*TAILRACE, "query", *question, "--lake", str(lake))
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=False)
    # One row, one line: a stack trace in a cell would fill the screen.
    width = shutil.get_terminal_size((160, 24)).columns
    for line in done.stdout.split("\n")[:-1]:
        click.echo(line if len(line) <= width else line[: width - 2] + " …")
    return done.returncode == 0


def report(lake: Path, began: datetime) -> bool:
    """Write the report of what the pods wrote and print where it is; whether it found nothing lost."""
    _section("All of it on one page, to open in a browser")
    window = ("--from", began.isoformat(timespec="seconds"), "--settle", "0s")
    command = (*TAILRACE, "report", "--lake", str(lake), "-o", str(lake / REPORT), *window)
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    click.echo(done.stderr, nl=False)
    if done.stdout:
        click.echo(_shown(lake / REPORT))
    return done.returncode == 0


def _program() -> str:
    """What a user here would type for `tailrace`."""
    started = Path(sys.argv[0])
    return "tailrace" if shutil.which("tailrace") or started.name != "tailrace" else _shown(started)


def _shown(path: Path) -> str:
    """The path as a user here would type it."""
    path = path.absolute()
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _section(title: str, body: str = "") -> None:
    click.echo("\n" + click.style(title, bold=True))
    if body:
        click.echo(body)
