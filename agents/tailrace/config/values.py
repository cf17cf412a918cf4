"""values: what a person wrote for a setting to the value the agent uses, and back.

Every value is read from its text, in YAML too: `node: 0123` and `cluster: no` are what they look like, never 83 and
false. `parse(show(value)) == value` for every kind and every legal value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

KIB, MIB, GIB = 1 << 10, 1 << 20, 1 << 30
DAY = 86_400.0

Raw = str | list[str]

# No single letters: `64M` is 64 million bytes to Kubernetes and 64 MiB to Java.
_BYTES = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": KIB,
    "mib": MIB,
    "gib": GIB,
    "ki": KIB,
    "mi": MIB,
    "gi": GIB,
}
_SECONDS = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), "h": Decimal(3600)}
_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{1,9})?"
_SIZE = rf"({_NUMBER})\s*([KkMmGg][Ii]?[Bb]|[KkMmGg][Ii]|[Bb])?"
_DURATION = rf"{_NUMBER}|(?:{_NUMBER}(?:ms|s|m|h))+"


class Kind(Protocol):
    """A type of setting, with its limits."""

    @property
    def name(self) -> str:
        """The type in the reference and, in capitals, in --help."""

    @property
    def limits(self) -> str:
        """The legal values as a reader sees them; empty if there is nothing to say."""

    def parse(self, raw: Raw) -> Any:
        """The value; ValueError continues the sentence `<what was written> …` and says what to write instead."""

    def show(self, value: Any) -> str:
        """The shortest text that `parse` takes for this value."""

    def schema(self) -> dict[str, object]:
        """JSON schema of the value as it stands in a file."""


def _one(raw: Raw, spaces: str = "") -> str:
    """The text of a value that is not a list; control characters other than `spaces` are refused."""
    if not isinstance(raw, str):
        raise ValueError("is a list; write one value")
    if any((ord(c) < 32 and c not in spaces) or ord(c) == 127 for c in raw):
        raise ValueError("holds a control character or a line's end; remove it")
    try:
        raw.encode()
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8; write it in UTF-8") from None
    return raw


@dataclass(frozen=True)
class Size:
    """Bytes, as int: `1MiB`, `64MB`, `512KiB`, `512Ki` or a plain number."""

    minimum: int = 0
    maximum: int = 64 * GIB
    name: str = "size"

    @property
    def limits(self) -> str:
        return f"{self.show(self.minimum)} to {self.show(self.maximum)}"

    def parse(self, raw: Raw) -> int:
        found = re.fullmatch(_SIZE, _one(raw).strip(), re.ASCII)
        if not found:
            raise ValueError("is not a size; write it like 1MiB, 64MB, 512KiB or as a number of bytes")
        size = Decimal(found[1]) * _BYTES[(found[2] or "").lower()]
        if size % 1:
            raise ValueError("is not a whole number of bytes; write it like 1MiB, 64MB or 512KiB")
        if not self.minimum <= size <= self.maximum:
            raise ValueError(f"is out of bounds; write {self.limits}")
        return int(size)

    def show(self, value: int) -> str:
        for unit, factor in (("GiB", GIB), ("MiB", MIB), ("KiB", KIB)):
            if value and value % factor == 0:
                return f"{value // factor}{unit}"
        return str(value)

    def schema(self) -> dict[str, object]:
        number = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {"anyOf": [number, {"type": "string", "pattern": f"^(?:{_SIZE})$"}]}


@dataclass(frozen=True)
class Duration:
    """Seconds, as float, to the microsecond: `60s`, `500ms`, `5m`, `1h30m` or a plain number of seconds."""

    minimum: float = 0.0
    maximum: float = DAY
    name: str = "duration"

    @property
    def limits(self) -> str:
        return f"{self.show(self.minimum)} to {self.show(self.maximum)}"

    def parse(self, raw: Raw) -> float:
        text = _one(raw).strip()
        if not re.fullmatch(_DURATION, text, re.ASCII):
            raise ValueError("is not a duration; write it like 60s, 500ms, 5m or as a number of seconds")
        parts = re.findall(rf"({_NUMBER})(ms|s|m|h)", text, re.ASCII) or [(text, "s")]
        seconds = float(round(sum((Decimal(number) * _SECONDS[unit] for number, unit in parts), Decimal(0)), 6))
        if not self.minimum <= seconds <= self.maximum:
            raise ValueError(f"is out of bounds; write {self.limits}")
        return seconds

    def show(self, value: float) -> str:
        exact = Decimal(repr(float(value)))
        text, unit = (format(exact * 1000, "f"), "ms") if 0 < exact < 1 else (format(exact, "f"), "s")
        return (text.rstrip("0").rstrip(".") if "." in text else text) + unit

    def schema(self) -> dict[str, object]:
        number = {"type": "number", "minimum": self.minimum, "maximum": self.maximum}
        return {"anyOf": [number, {"type": "string", "pattern": f"^(?:{_DURATION})$"}]}


@dataclass(frozen=True)
class Count:
    """A whole number."""

    minimum: int = 0
    maximum: int = 10**9
    name: str = "count"

    @property
    def limits(self) -> str:
        return f"{self.minimum} to {self.maximum}"

    def parse(self, raw: Raw) -> int:
        text = _one(raw).strip()
        if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII):
            raise ValueError("is not a whole number; write it in digits only")
        if not self.minimum <= int(text) <= self.maximum:
            raise ValueError(f"is out of bounds; write {self.limits}")
        return int(text)

    def show(self, value: int) -> str:
        return str(value)

    def schema(self) -> dict[str, object]:
        number = {"type": "integer", "minimum": self.minimum, "maximum": self.maximum}
        return {"anyOf": [number, {"type": "string", "pattern": "^[0-9]{1,10}$"}]}


@dataclass(frozen=True)
class Switch:
    """On or off, as bool: `true` or `false`."""

    name: str = "switch"
    limits: str = "true or false"

    def parse(self, raw: Raw) -> bool:
        text = _one(raw).strip().lower()
        if text not in ("true", "false"):
            raise ValueError(f"is not known; write {self.limits}")
        return text == "true"

    def show(self, value: bool) -> str:
        return "true" if value else "false"

    def schema(self) -> dict[str, object]:
        return {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}]}


@dataclass(frozen=True)
class Text:
    """Text; `lines`: it may run over several lines."""

    lines: bool = False
    name: str = "text"
    limits: str = ""

    def parse(self, raw: Raw) -> str:
        return _one(raw, "\n\r\t" if self.lines else "")

    def show(self, value: str) -> str:
        return value

    def schema(self) -> dict[str, object]:
        return {"type": "string"}


@dataclass(frozen=True)
class Folder:
    """A folder, as an absolute Path: a relative one is taken from where the command was started."""

    name: str = "folder"
    limits: str = ""

    def parse(self, raw: Raw) -> Path:
        text = _one(raw)
        if not text.strip():
            raise ValueError("is empty; name a folder")
        return Path(text).absolute()

    def show(self, value: Path) -> str:
        return str(value)

    def schema(self) -> dict[str, object]:
        return {"type": "string", "minLength": 1}


@dataclass(frozen=True)
class Choice:
    """One of a few words."""

    choices: tuple[str, ...]
    name: str = "choice"

    @property
    def limits(self) -> str:
        *others, last = self.choices
        return f"{', '.join(others)} or {last}" if others else last

    def parse(self, raw: Raw) -> str:
        text = _one(raw).strip()
        if text not in self.choices:
            raise ValueError(f"is not known; write {self.limits}")
        return text

    def show(self, value: str) -> str:
        return value

    def schema(self) -> dict[str, object]:
        return {"enum": list(self.choices)}


@dataclass(frozen=True)
class Names:
    """Several words, as a tuple: a YAML list, or text with commas. Either `choices` or `pattern` says which are legal.

    `meaning` ends the sentence "… is not" for a word that does not match the pattern.
    """

    choices: tuple[str, ...] = ()
    pattern: str = ""
    meaning: str = ""
    name: str = "list"

    @property
    def limits(self) -> str:
        return f"any of {', '.join(self.choices)}" if self.choices else ""

    def parse(self, raw: Raw) -> tuple[str, ...]:
        items = [_one(item).strip() for item in (raw if isinstance(raw, list) else raw.split(","))]
        names = tuple(dict.fromkeys(item for item in items if item))
        for item in names:
            if self.choices and item not in self.choices:
                raise ValueError(f"holds {item!r}, which is not known; write {self.limits}")
            if self.pattern and not re.fullmatch(self.pattern, item):
                raise ValueError(f"holds {item!r}, which is not {self.meaning}")
        return names

    def show(self, value: tuple[str, ...]) -> str:
        return ",".join(value)

    def schema(self) -> dict[str, object]:
        item: dict[str, object] = {"enum": list(self.choices)} if self.choices else {"type": "string"}
        if self.pattern:
            item["pattern"] = f"^(?:{self.pattern})$"
        return {"anyOf": [{"type": "array", "items": item}, {"type": "string"}]}


@dataclass(frozen=True)
class Languages:
    """One word that stands alone (`auto`, `none`), or several languages; the value is text with commas."""

    alone: tuple[str, ...]
    several: tuple[str, ...]
    name: str = "languages"

    @property
    def limits(self) -> str:
        return f"{' or '.join(self.alone)}, or any of {', '.join(self.several)}"

    def parse(self, raw: Raw) -> str:
        names = Names(self.alone + self.several).parse(raw)
        if not names:
            raise ValueError(f"is empty; write {self.limits}")
        for name in names:
            if name in self.alone and len(names) > 1:
                raise ValueError(f"holds {name!r} beside others; write {name} alone, or the languages only")
        return ",".join(names)

    def show(self, value: str) -> str:
        return value

    def schema(self) -> dict[str, object]:
        words = {"type": "array", "minItems": 1, "items": {"enum": list(self.several)}}
        return {"anyOf": [{"enum": list(self.alone + self.several)}, words, {"type": "string", "pattern": ","}]}
