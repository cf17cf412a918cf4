"""command: `tailrace top`: live on a terminal until q is pressed, or once as text or JSON."""

from __future__ import annotations

import json
import os
import select
import shutil
import sys
import termios
import threading
import time
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, TypeVar

import click

from tailrace.console.top import agent, node
from tailrace.console.top.page import Away, Page, fetch, url_of
from tailrace.console.top.screen import Line, State, lines_of
from tailrace.query.output import talk

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

V = TypeVar("V")
_KEYS = 0.2  # seconds between two looks at the keyboard's silence
_LEAVE = ("q", "Q", "\x03", "\x04", "")


class Watched:
    """One address: its last page, the one before, and what they say."""

    def __init__(self, url: str, names: frozenset[str]) -> None:
        self.url = url
        self._names = names
        self._new: Page | None = None
        self._old: Page | None = None
        self._why, self._since = "not asked yet", time.monotonic()

    def look(self) -> None:
        """Ask it once more. Who does not answer begins anew when it does: its counters may be others'."""
        try:
            page = fetch(self.url, self._names)
        except Away as away:
            if self._new is not None or self._why == "not asked yet":
                self._since = time.monotonic()
            self._why, self._new, self._old = str(away), None, None
        else:
            self._new, self._old = page, self._new

    @property
    def there(self) -> bool:
        return self._new is not None

    def view(self, of: Callable[[Page, Page | None], V]) -> V | str:
        """What the pages say, or why there is none."""
        if self._new is None:
            return f"{self._why}, for {time.monotonic() - self._since:.0f} s"
        return of(self._new, self._old)


class Top:
    """Both addresses. `look` may be called from another thread than `state`."""

    def __init__(self, agent_url: str, exporter_url: str) -> None:
        """exporter_url: empty if it is not to be asked."""
        self.agent = Watched(agent_url, agent.NAMES)
        self.exporter = Watched(exporter_url, node.NAMES) if exporter_url else None
        self._state = State(agent_url, "not asked yet", exporter_url, None)

    def look(self) -> None:
        """Ask both."""
        self.agent.look()
        exporter = None
        if self.exporter is not None:
            self.exporter.look()
            exporter = self.exporter.view(node.view)
        url = self.exporter.url if self.exporter else ""
        self._state = State(self.agent.url, self.agent.view(agent.view), url, exporter)

    @property
    def state(self) -> State:
        """As of the last look."""
        return self._state


@click.command(short_help="What an agent and its node are doing, live.")
@click.option("--agent", "agent_at", default="127.0.0.1:9109", show_default=True, help="Where the log agent listens.")
@click.option(
    "--exporter", "exporter_at", default="127.0.0.1:9108", show_default=True, help="The exporter's; empty: none."
)
@click.option("--interval", type=click.FloatRange(0.1, 3600), default=2.0, show_default=True, help="Seconds.")
@click.option("--once", is_flag=True, help="Look twice, an interval apart, print, and stop.")
@click.option(
    "-o", "--output", "form", type=click.Choice(["table", "json"]), default="table", show_default=True,
    help="Form; json goes with --once.",
)  # fmt: skip
@click.pass_context
def top(ctx: click.Context, agent_at: str, exporter_at: str, interval: float, once: bool, form: str) -> None:
    """\b
    Examples:
      tailrace top
      tailrace top --agent 10.0.1.7:9109 --exporter 10.0.1.7:9108
      tailrace top --once
      tailrace top --once -o json | jq .agent.lag_seconds

    What a log agent does: lines and bytes a second, how far behind it is, its sinks, outboxes and drops, by namespace;
    and, if the exporter answers, what the node and its pods use. An agent that is away is waited for. q ends it.

    Exit code 1 if the agent does not answer --once.
    """
    both = Top(url_of(agent_at), url_of(exporter_at) if exporter_at else "")
    if once or form == "json" or not sys.stdout.isatty():
        ctx.exit(print_once(both, interval, form))
    try:
        live(both, interval)
    except KeyboardInterrupt:
        return
    except ModuleNotFoundError as error:
        raise click.ClickException(
            f"top needs the Python module {error.name}, which is not installed; install it with: "
            "pip install 'tailrace[console]', or look with --once"
        ) from error


def print_once(both: Top, interval: float, form: str) -> int:
    """Print how it stands; the exit code."""
    both.look()
    if both.agent.there or (both.exporter and both.exporter.there):
        time.sleep(interval)
        both.look()
    state = both.state
    if form == "json":
        print(json.dumps({name: _plain(getattr(state, name)) for name in ("agent", "exporter")}, indent=2))
    else:
        columns = shutil.get_terminal_size((200, 24)).columns
        shown = lines_of(state, columns)
        print("\n".join(line.text for line in shown))
    if isinstance(state.agent, str):
        talk(f"error: agent {state.agent_url}: {state.agent}; is it up, and is its setting listen another?")
        return 1
    return 0


def _plain(view: agent.AgentView | node.NodeView | str | None) -> object:
    return {"away": view} if isinstance(view, str) else None if view is None else asdict(view)


def live(both: Top, interval: float) -> None:
    """On the terminal until q, or the end of what is typed. The addresses are asked in a thread: keys don't wait."""
    from rich.console import Console
    from rich.live import Live

    stop = threading.Event()
    console = Console(no_color=bool(os.environ.get("NO_COLOR")) or None, highlight=False)
    asking = threading.Thread(target=_ask, args=(both, interval, stop), name="top", daemon=True)
    with keys() as pressed, Live(console=console, screen=True, auto_refresh=False) as shown:
        asking.start()
        last: tuple[State, tuple[int, int]] | None = None
        while pressed(_KEYS) not in _LEAVE:
            if last != (now := (both.state, console.size)):
                shown.update(_screen(both.state, console), refresh=True)
                last = now
    stop.set()


def _ask(both: Top, interval: float, stop: threading.Event) -> None:
    while not stop.is_set():
        both.look()
        stop.wait(interval)


def _screen(state: State, console: Console) -> Text:
    from rich.text import Text

    columns, rows = console.size
    lines = lines_of(state, columns, rows - 1)
    lines += [Line("")] * (rows - 1 - len(lines)) + [Line("q: quit", "dim")]
    found = Text(no_wrap=True, overflow="crop", end="")
    for number, line in enumerate(lines):
        found.append("\n" * bool(number) + line.text, style=line.style or None)
    return found


@contextmanager
def keys() -> Iterator[Callable[[float], str | None]]:
    """What waits so many seconds for a key: the key, None if there was none, "" if there will be none any more."""
    if not sys.stdin.isatty():
        stop = threading.Event()
        yield lambda seconds: None if not stop.wait(seconds) else ""
        return
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    waits = select.poll()  # which takes any descriptor; select ends at 1,024
    waits.register(fd, select.POLLIN)

    def pressed(seconds: float) -> str | None:
        if not waits.poll(seconds * 1000):
            return None
        try:
            return os.read(fd, 1).decode(errors="replace")
        except OSError:  # the terminal is gone
            return ""

    try:
        tty.setcbreak(fd)
        yield pressed
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
