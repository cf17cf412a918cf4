"""steering: the annotations below tailrace.dev/ in; what they mean for a pod's lines out, and which make no sense.

Pure: the log agent acts on the answer, the cluster agent makes Kubernetes events of the problems. A value that makes no
sense leaves everything as if it were not there; it never stops another annotation of the same pod.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tailrace.config.settings import LANGUAGES
from tailrace.config.values import Languages, Names, Size, Switch
from tailrace.kube.pod import STEERING

_SHOWN = 80  # characters of a value
_SECONDS = {"s": 1.0, "min": 60.0, "h": 3600.0}
_RATE = re.compile(r"(?P<amount>[0-9]{1,15}(\.[0-9]+)?)\s*(?P<unit>[a-zA-Z]*)\s*/\s*(?P<per>s|min|h)", re.ASCII)
_RATES = "an amount of lines or bytes in a time: 1000/s, 600/min, 1MiB/s, 2GiB/h"
_JOINS = Languages(("auto", "none"), LANGUAGES)


class Rate(NamedTuple):
    """What a pod may write a second."""

    amount: float
    of: Literal["lines", "bytes"]


class How(NamedTuple):
    """What a whole block of a steered file's bytes goes through; files that differ in it are never in one block.

    multiline: languages whose traces are joined, None: as the settings say. promote: levels and traces are looked for.
    """

    exclude: bool = False
    multiline: tuple[str, ...] | None = None
    promote: bool = True


_AS_SET = How()


@dataclass(frozen=True)
class Steering:
    """What a pod wants done with its lines. sample: fraction that is kept. sinks: who gets them, None: all."""

    how: How = _AS_SET
    sample: float = 1.0
    rate: Rate | None = None
    sinks: tuple[str, ...] | None = None


class Problem(NamedTuple):
    """An annotation that is ignored. key: its name behind tailrace.dev/. why: what is wrong and what to write."""

    key: str
    value: str
    why: str

    @property
    def text(self) -> str:
        """The same as a sentence, for people."""
        value = self.value if len(self.value) <= _SHOWN else f"{self.value[:_SHOWN]}…"
        return f'{STEERING}{self.key}: "{value}" {self.why}; the annotation is ignored'


PLAIN = Steering()


def parse(annotations: Mapping[str, str], sinks: Collection[str] | None = None) -> tuple[Steering, list[Problem]]:
    """The annotations of one pod, over its namespace's, by their names behind tailrace.dev/. sinks: the names that are
    known, None if nobody knows them here. Raises nothing."""
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for key, value in annotations.items():
        try:
            if key not in _KEYS:
                raise ValueError(f"is for nobody{_close(key, _KEYS)}; there are {', '.join(_KEYS)}")
            meant = _KEYS[key](value)
            if key == "sink" and sinks is not None:
                _check(meant, sinks)
            found[key] = meant
        except ValueError as error:
            problems.append(Problem(key, value, str(error)))
    how = How(found.get("exclude", False), found.get("multiline"), found.get("parse", True))
    if how.exclude:
        return Steering(How(True, (), False)), problems  # nothing else matters, and all such files can share a block
    return Steering(how, found.get("sample", 1.0), found.get("rate"), found.get("sink")), problems


def _multiline(text: str) -> tuple[str, ...]:
    """The languages; auto: all of them, none: no line is joined to another."""
    names = _JOINS.parse(text)
    return {"auto": LANGUAGES, "none": ()}.get(names) or tuple(n for n in names.split(",") if n in LANGUAGES)


def _fraction(text: str) -> float:
    text = text.strip()
    try:
        value = float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        value = math.nan
    if not 0 <= value <= 1:
        raise ValueError("is no fraction; write a number from 0 (no line) to 1 (all lines), as 0.1, or 10%")
    return value


def _rate(text: str) -> Rate:
    found = _RATE.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"is no rate; write {_RATES}")
    amount, unit = found["amount"], found["unit"]
    try:
        if unit in ("", "lines", "line"):
            rate = Rate(float(amount) / _SECONDS[found["per"]], "lines")
        else:
            rate = Rate(Size().parse(f"{amount}{unit}") / _SECONDS[found["per"]], "bytes")
    except ValueError as error:
        raise ValueError(f"is no rate: {amount}{unit} {error}") from None
    if not rate.amount:
        raise ValueError('lets no line through; write a rate of more than 0, or exclude: "true"')
    return rate


def _sinks(text: str) -> tuple[str, ...]:
    names = Names().parse(text)
    if not names:
        raise ValueError('names no sink; write names with commas between them, or exclude: "true"')
    return names


def _check(names: tuple[str, ...], sinks: Collection[str]) -> None:
    for name in names:
        if name not in sinks:
            raise ValueError(f"names {name!r}, which no sink has{_close(name, sinks)}; there are {', '.join(sinks)}")


def _promotes(text: str) -> bool:
    text = text.strip().lower()
    if text not in ("auto", "none"):
        raise ValueError("is not known; write none, or auto, which tells JSON, logfmt and klog apart by itself")
    return text == "auto"


def _close(name: str, names: Collection[str]) -> str:
    close = difflib.get_close_matches(name, names, n=1)
    return f" (did you mean {close[0]}?)" if close else ""


_KEYS: Mapping[str, Callable[[str], Any]] = {
    "exclude": Switch().parse,
    "multiline": _multiline,
    "sample": _fraction,
    "rate": _rate,
    "sink": _sinks,
    "parse": _promotes,
}
