"""signals: SIGTERM, SIGINT and SIGHUP in, what they ask for out.

Nothing here is a threading.Event: a signal's handler runs in the thread that waits, in the middle of the waiting, and
Event's lock is not reentrant. A SimpleQueue's `put` is.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import FrameType


class Asked:
    """Something that a signal asks for."""

    def __init__(self, wake: SimpleQueue[None] | None = None) -> None:
        """wake: what else ends a `wait`, of another."""
        self._set = False
        self._wake = wake or SimpleQueue()

    def is_set(self) -> bool:
        """Whether it was asked for."""
        return self._set

    def set(self) -> None:
        """Ask for it."""
        self._set = True
        self._wake.put(None)

    def clear(self) -> None:
        """It was done."""
        self._set = False

    def wait(self, timeout: float) -> None:
        """Sleep for so many seconds, but not past the moment at which it is asked for."""
        if not self._set:
            with suppress(Empty):
                self._wake.get(timeout=timeout)


@contextmanager
def signals(grace: float, leave: Callable[[], None]) -> Iterator[tuple[Asked, Asked]]:
    """What the first SIGTERM or SIGINT sets (the second one ends the process at once), and what SIGHUP sets.

    leave: called in a thread of its own if the process has not come to an end `grace` seconds after the first one.
    """
    wake: SimpleQueue[None] = SimpleQueue()
    stop, again = Asked(wake), Asked(wake)
    end = threading.Timer(grace, leave)
    end.daemon = True

    def ask(number: int, _: FrameType | None) -> None:
        if stop.is_set():
            signal.signal(number, signal.SIG_DFL)
            signal.raise_signal(number)
        stop.set()
        end.start()

    def reload(_: int, __: FrameType | None) -> None:
        again.set()

    wanted = ((signal.SIGTERM, ask), (signal.SIGINT, ask), (signal.SIGHUP, reload))
    before = [(number, signal.signal(number, handler)) for number, handler in wanted]
    try:
        yield stop, again
    finally:
        end.cancel()
        for number, handler in before:
            signal.signal(number, handler)
