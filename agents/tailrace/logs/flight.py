"""flight: one call of a sink, made here and now, or in a thread of its own because it may take long."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Flight:
    """A call on its way. Once it is `over`, `error` is what it raised, and `seconds` what it took."""

    def __init__(self, call: Callable[[], None], apart: bool) -> None:
        """apart: in a thread, which does not keep the process from ending. Other errors than OSError are raised."""
        self.error: OSError | None = None
        self.seconds = 0.0
        self._bug: BaseException | None = None
        self._ended = threading.Event()
        if apart:
            threading.Thread(target=self._run, args=(call,), name="sink", daemon=True).start()
        else:
            self._call(call)

    def _call(self, call: Callable[[], None]) -> None:
        began = time.monotonic()
        try:
            call()
        except OSError as e:
            # Its frames hold this flight and the object: a cycle, and of memory as large as the object.
            self.error = e.with_traceback(None)
        self.seconds = time.monotonic() - began
        self._ended.set()

    def _run(self, call: Callable[[], None]) -> None:
        try:
            self._call(call)
        except BaseException as e:
            self._bug = e
            self._ended.set()

    @property
    def over(self) -> bool:
        """Whether the call has ended. Raises what is no OSError: a fault of ours."""
        if self._bug is not None:
            raise self._bug
        return self._ended.is_set()

    def wait(self, seconds: float) -> None:
        """Until it has ended, but no longer than that."""
        self._ended.wait(seconds)
