"""influx: metrics to InfluxDB as line protocol, by its HTTP API of version 1 (a database) or 2 (a bucket). Guarantee:
at least once; a point that comes twice has the same time and tags and replaces itself.

The measurement is the metric's name, its labels are tags, the one field is `value`.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated, ClassVar
from urllib.parse import urlencode

from prometheus_client.core import Metric

from tailrace.config.settings import Setting
from tailrace.config.values import Text
from tailrace.delivery.http import Http, HttpSettings, refused
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.sink import Finding
from tailrace.metrics.labels import Labels, text
from tailrace.metrics.writers.sending import Payload, Sending
from tailrace.metrics.writers.writer import BUFFER, BufferBytes, Only, Picked, Place

_LINES = 5000  # of one request: what InfluxData recommends
# A newline ends a point whatever stands before it, so it can't be escaped.
_NAME = str.maketrans({",": r"\,", " ": r"\ ", "\n": r"\ "})
_TAG = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\=", "\n": r"\ "})


class InfluxSettings(HttpSettings, frozen=True, kw_only=True):
    """Where points go."""

    database: Annotated[str, Setting("influx", Text(), "The database (InfluxDB 1).", "metrics")] = "tailrace"
    retention_policy: Annotated[
        str, Setting("influx", Text(), "The retention policy (InfluxDB 1); empty: the database's own.", "two_weeks")
    ] = ""
    org: Annotated[str, Setting("influx", Text(), "The organization (InfluxDB 2).", "platform")] = ""
    bucket: Annotated[
        str, Setting("influx", Text(), "The bucket (InfluxDB 2); with it, version 2 is spoken.", "metrics")
    ] = ""
    token: Annotated[
        str,
        Setting(
            "influx", Text(), "The token (InfluxDB 2); @FILE reads it from a file.", "@token.txt", at_file=True,
            secret=True,
        ),
    ] = ""  # fmt: skip
    only: Only = ()
    buffer_bytes: BufferBytes = BUFFER


class InfluxWriter(Sending):
    """An InfluxDB, or what speaks its protocol (VictoriaMetrics, Telegraf)."""

    name: ClassVar = "influx"
    guarantee: ClassVar = "at least once; a repeated point replaces itself"
    Settings: ClassVar = InfluxSettings

    def __init__(self, http: Http, settings: InfluxSettings, place: Place) -> None:
        super().__init__(settings.buffer_bytes)
        self._http, self._gzip = http, settings.compression == "gzip"
        self._picked = Picked(settings.only)
        if settings.bucket:
            query = {"org": settings.org, "bucket": settings.bucket, "precision": "ms"}
            self._path = f"/api/v2/write?{urlencode(query)}"
        else:
            query = {"db": settings.database, "precision": "ms"}
            query |= {"rp": settings.retention_policy} if settings.retention_policy else {}
            self._path = f"/write?{urlencode(query)}"
        self._whole = {name: value for name, value in (("cluster", place.cluster), ("node", place.node)) if value}
        self._tags: dict[str, str] = {}  # by a label set's text, of the last look

    @classmethod
    def open(cls, settings: InfluxSettings, place: Place) -> InfluxWriter:
        """The server at `url`. Raises ValueError if a setting is missing or wrong."""
        if not settings.bucket and not settings.database:
            raise ValueError("writer influx has no database and no bucket: nothing was started; set one of them")
        if settings.token and settings.user:
            raise ValueError("writer influx has token and user: nothing was started; remove one of them")
        headers = {"authorization": f"Token {settings.token.strip()}"} if settings.token else None
        return cls(Http("writer influx", settings, headers), settings, place)

    def encode(self, metrics: Sequence[Metric], at: float) -> Iterable[Payload]:
        """Requests of some thousand lines each."""
        stamp, lines, tags, names = f" {round(at * 1000)}\n", [], dict[str, str](), dict[str, str]()
        for _, sample in self._picked.of(metrics, self.counters):
            labels = sample.labels
            key = labels.text if type(labels) is Labels else text(labels)
            tag = tags.get(key)
            if tag is None:
                tag = tags[key] = self._tags.get(key) or self._rendered(labels)
            name = names.get(sample.name)
            if name is None:
                name = names[sample.name] = sample.name.translate(_NAME)
            lines.append(f"{name}{tag} value={float(sample.value)!r}{stamp}")
        self._tags = tags
        for first in range(0, len(lines), _LINES):
            some = lines[first : first + _LINES]
            body = "".join(some).encode(errors="replace")
            yield Payload(gzip.compress(body, 1) if self._gzip else body, len(some), at)

    def _rendered(self, labels: Mapping[str, str]) -> str:
        """The tags, sorted, as InfluxDB likes them best. One with an empty value can't be said; none means the same."""
        both = sorted((self._whole | dict(labels)).items())
        # A backslash at the end would escape what comes next, and can't be escaped itself.
        pairs = ((name.translate(_TAG), value.rstrip("\\").translate(_TAG)) for name, value in both)
        return "".join([f",{name}={value}" for name, value in pairs if value])

    def send(self, payload: Payload) -> int:
        """Send a request. Raises Refused."""
        return min(self._write(payload.body, self._gzip), payload.samples)

    def check(self) -> Iterator[Finding]:
        """Whether a write without a point is taken: there is the database, and we may. Raises Refused."""
        self._write(b"", False)
        yield Finding(True, f"{self._http.url}{self._path.partition('?')[0]} takes writes")

    def _write(self, body: bytes, packed: bool) -> int:
        """Returns the points that were not taken."""
        answer = self._http.call("POST", self._path, body, type="text/plain; charset=utf-8", gzip=packed)
        if answer.status in (200, 204):
            return 0
        what = f"the write to {self._http.url}{self._path.partition('?')[0]}"
        if answer.status == 404 and "not found" in answer.said:
            told = f"{what} was answered 404 ({answer.said})"
            raise Refused("missing", told, "create the database or bucket, or mend database, bucket, org")
        if answer.status == 400 and (lost := _partly(answer.body)) is not None:
            return lost
        raise refused(answer, what, "give the user or token permission to write")

    def close(self) -> None:
        """Close the connection."""
        self._http.close()


def _partly(body: bytes) -> int | None:
    """How many points were not taken, if the answer says that the others were."""
    try:
        said = str(json.loads(body)["error"])
    except (ValueError, KeyError, TypeError):
        return None
    head, _, dropped = said.rpartition("dropped=")
    return int(dropped) if head.startswith("partial write") and dropped.isdigit() else None
