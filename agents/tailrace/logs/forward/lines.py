"""lines: what a sender put into records to lines as a container runtime writes them, by whose they are.

A record that only wraps a text (Docker's and ECS's fields around `log`, or `message` alone) gives that text, a line for
each of its lines; any other gives itself, as one line of JSON. Equal records give equal bytes, whenever they come:
a chunk that is sent again is known by them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import msgspec
import xxhash

from tailrace.delivery.fluent.protocol import EventTime, ProtocolError, nanoseconds
from tailrace.delivery.ranges import Origin

NAMESPACE = "forward"  # of a sender that names none
LIMIT = 128 << 20  # bytes of a message's lines
_TEXTS = ("log", "message")
# Fields that say where a text is from: Docker's fluentd driver, ECS FireLens, Fluent Bit's tail and kubernetes filter.
_WRAPPING = frozenset(
    (
        *_TEXTS, "container_id", "container_name", "source", "partial_message", "partial_id", "partial_ordinal",
        "partial_last", "ecs_cluster", "ecs_task_arn", "ecs_task_definition", "ec2_instance_id", "kubernetes", "stream",
        "time", "_p",
    )
)  # fmt: skip
_FIRELENS = "-firelens-"  # its tag is <container>-firelens-<task>
_NOT_NAME, _NOT_CONTAINER = re.compile(r"[^A-Za-z0-9.-]"), re.compile(r"[^A-Za-z0-9._-]")
_LONGEST = {"namespace": 63, "pod": 128, "uid": 48, "container": 128}
_OURS = ("kubernetes", "ecs_task_arn", "container_name")


@dataclass
class Rendered:
    """Lines in CRI's format by whose they are, in the order of their first records. dropped: excluded records.
    bytes: of all lines."""

    lines: dict[Origin, bytearray] = field(default_factory=dict)
    records: int = 0
    dropped: int = 0
    bytes: int = 0


def rendered(tag: str, entries: Iterable[tuple[Any, Any]], exclude: Callable[[str], bool]) -> Rendered:
    """The lines of a message's entries. exclude: namespaces that nobody reads. Raises ProtocolError."""
    out = Rendered()
    second, stamp = -1, b""
    usual = _of_tag(tag)
    for time, record in entries:
        if not isinstance(record, dict):
            raise ProtocolError("sent an entry whose record is no map")
        out.records += 1
        origin = _origin(tag, record) if any(name in record for name in _OURS) else usual
        if exclude(origin.namespace):
            out.dropped += 1
            continue
        now, ns = divmod(nanoseconds(time), 1_000_000_000)
        if now != second:
            second, stamp = now, datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.").rjust(20, "0").encode()
        stream = b"stderr" if record.get("source", record.get("stream")) == "stderr" else b"stdout"
        head = b"%s%09dZ %s F " % (stamp, ns, stream)
        text = _text(record)
        out.bytes += len(text) + (len(head) + 1) * (text.count(b"\n") + 1)
        if out.bytes > LIMIT:
            raise ProtocolError(f"sent a message whose lines take more than {LIMIT} bytes; let it send smaller ones")
        into = out.lines.setdefault(origin, bytearray())
        if b"\n" in text:
            *before, text = text.split(b"\n")
            for line in before:
                into += b"%s%s\n" % (head, line)
        if _goes_on(record):
            head = head[:-2] + b"P "
        into += b"%s%s\n" % (head, text)
    return out


def _text(record: dict[Any, Any]) -> bytes:
    """What was written, without the line's end, or the record as JSON."""
    for name in _TEXTS:
        text = record.get(name)
        if isinstance(text, str | bytes):
            if len(record) > 1 and not record.keys() <= _WRAPPING:
                break
            data = text.encode(errors="surrogateescape") if isinstance(text, str) else text
            return data.removesuffix(b"\n").removesuffix(b"\r")
    try:
        return msgspec.json.encode(record, enc_hook=_shown)
    except (ValueError, TypeError, RecursionError):
        pass  # text that is not UTF-8, or keys that JSON has not
    try:
        return json.dumps(record, default=_shown, ensure_ascii=True).encode()
    except (ValueError, TypeError, RecursionError) as e:
        raise ProtocolError(f"sent a record that has no form in JSON ({e})") from None


def _shown(value: Any) -> str:
    """What JSON has no form for. Raises TypeError."""
    if isinstance(value, EventTime):
        return f"{value.ns // 1_000_000_000}.{value.ns % 1_000_000_000:09}"
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    raise TypeError(f"a value of {type(value).__name__}")


def _goes_on(record: dict[Any, Any]) -> bool:
    """Whether the line goes on in the stream's next record: Docker cuts at 16 KiB, as all runtimes do."""
    if record.get("_p") == "P":
        return True
    return record.get("partial_message") in ("true", True) and record.get("partial_last") not in ("true", True)


def _origin(tag: str, record: dict[Any, Any]) -> Origin:
    """Whose a record is that says more of it than its tag does."""
    pod = record.get("kubernetes")
    if isinstance(pod, dict) and (namespace := _word(pod, "namespace_name")) and (name := _word(pod, "pod_name")):
        uid = _word(pod, "pod_id") or _digest(f"{namespace}/{name}")
        return _named(namespace, name, uid, _word(pod, "container_name") or tag)
    container, id_ = _word(record, "container_name").removeprefix("/"), _word(record, "container_id")
    if task := _word(record, "ecs_task_arn").rpartition("/")[2]:
        first = tag.partition(_FIRELENS)[0] if _FIRELENS in tag else container or tag
        return _named(_word(record, "ecs_cluster").rpartition("/")[2] or NAMESPACE, task, task, first)
    if container:
        return _named(NAMESPACE, container, id_ or _digest(container), container)
    return _of_tag(tag)


def _of_tag(tag: str) -> Origin:
    container, firelens, task = tag.partition(_FIRELENS)
    return _named(NAMESPACE, task, task, container) if firelens else _named(NAMESPACE, tag, _digest(tag), tag)


def _word(of: dict[Any, Any], name: str) -> str:
    value = of.get(name)
    return value if isinstance(value, str) else ""


def _digest(text: str) -> str:
    return xxhash.xxh3_64_hexdigest(text.encode(errors="surrogateescape"))


@lru_cache(maxsize=4096)
def _named(namespace: str, pod: str, uid: str, container: str) -> Origin:
    """Names as parts of a path below /var/log/pods, whatever a sender calls itself."""
    words = {"namespace": namespace, "pod": pod, "uid": uid}
    clean = {of: _NOT_NAME.sub("-", word)[: _LONGEST[of]].strip(".") or "unknown" for of, word in words.items()}
    inner = _NOT_CONTAINER.sub("-", container)[: _LONGEST["container"]].strip(".") or "unknown"
    return Origin(clean["namespace"], clean["pod"], clean["uid"], inner, 0)
