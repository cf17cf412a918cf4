"""timex: adjtimex(2) in, node_timex_* out: how far the clock is off, and whether something keeps it right."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Iterator

from prometheus_client.core import Metric

from tailrace.metrics.collector import Collector
from tailrace.metrics.described import Described
from tailrace.metrics.host import Host

_NANO = 0x2000  # of status: offset and jitter are nanoseconds, not microseconds
_ERROR = 5  # what adjtimex gives back for a clock that nothing keeps right
_FRACTION = 1000000.0 * 65536.0  # parts per million with a fraction of 16 bits


class Timex(ctypes.Structure):
    """struct timex, as adjtimex(2) fills it."""

    _fields_ = (
        ("modes", ctypes.c_uint), ("offset", ctypes.c_long), ("freq", ctypes.c_long), ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long), ("status", ctypes.c_int), ("constant", ctypes.c_long),
        ("precision", ctypes.c_long), ("tolerance", ctypes.c_long), ("seconds", ctypes.c_long),
        ("useconds", ctypes.c_long), ("tick", ctypes.c_long), ("ppsfreq", ctypes.c_long), ("jitter", ctypes.c_long),
        ("shift", ctypes.c_int), ("stabil", ctypes.c_long), ("jitcnt", ctypes.c_long), ("calcnt", ctypes.c_long),
        ("errcnt", ctypes.c_long), ("stbcnt", ctypes.c_long), ("tai", ctypes.c_int), ("rest", ctypes.c_int * 11),
    )  # fmt: skip


def ask() -> tuple[int, Timex]:
    """The clock's state and what the kernel knows of it; changes nothing. Raises OSError."""
    clock = Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(clock))
    if state < 0:
        raise OSError(ctypes.get_errno(), f"adjtimex: {os.strerror(ctypes.get_errno())}")
    return state, clock


def _of(name: str, help: str) -> Described:
    return Described(f"node_timex_{name}", "counter" if name.endswith("_total") else "gauge", help)


_Value = Callable[[int, Timex], float]
_VALUES: tuple[tuple[Described, _Value], ...] = (
    (
        _of("offset_seconds", "Time offset in between local system and reference clock."),
        lambda _, t: t.offset / _divisor(t),
    ),
    (_of("frequency_adjustment_ratio", "Local clock frequency adjustment."), lambda _, t: 1 + t.freq / _FRACTION),
    (_of("maxerror_seconds", "Maximum error in seconds."), lambda _, t: t.maxerror / 1e6),
    (_of("estimated_error_seconds", "Estimated error in seconds."), lambda _, t: t.esterror / 1e6),
    (_of("status", "Value of the status array bits."), lambda _, t: t.status),
    (_of("loop_time_constant", "Phase-locked loop time constant."), lambda _, t: t.constant),
    (_of("tick_seconds", "Seconds between clock ticks."), lambda _, t: t.tick / 1e6),
    (_of("pps_frequency_hertz", "Pulse per second frequency."), lambda _, t: t.ppsfreq / _FRACTION),
    (_of("pps_jitter_seconds", "Pulse per second jitter."), lambda _, t: t.jitter / _divisor(t)),
    (_of("pps_shift_seconds", "Pulse per second interval duration."), lambda _, t: t.shift),
    (
        _of("pps_stability_hertz", "Pulse per second stability, average of recent frequency changes."),
        lambda _, t: t.stabil / _FRACTION,
    ),
    (_of("pps_jitter_total", "Pulse per second count of jitter limit exceeded events."), lambda _, t: t.jitcnt),
    (_of("pps_calibration_total", "Pulse per second count of calibration intervals."), lambda _, t: t.calcnt),
    (_of("pps_error_total", "Pulse per second count of calibration errors."), lambda _, t: t.errcnt),
    (
        _of("pps_stability_exceeded_total", "Pulse per second count of stability limit exceeded events."),
        lambda _, t: t.stbcnt,
    ),
    (_of("tai_offset_seconds", "International Atomic Time (TAI) offset."), lambda _, t: t.tai),
    (
        _of("sync_status", "Is clock synchronized to a reliable server (1 = yes, 0 = no)."),
        lambda state, _: float(state != _ERROR),
    ),
)


def _divisor(clock: Timex) -> float:
    return 1e9 if clock.status & _NANO else 1e6


class TimexCollector(Collector):
    """Whether the clock is right."""

    name = "timex"
    FAMILIES = tuple(family for family, _ in _VALUES)

    def __init__(self, host: Host, ask: Callable[[], tuple[int, Timex]] = ask) -> None:
        super().__init__(host)
        self._ask = ask

    def collect(self) -> Iterator[Metric]:
        state, clock = self._ask()
        for family, value in _VALUES:
            yield family.one(float(value(state, clock)))
