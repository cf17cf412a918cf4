"""page: the address of a /metrics in; the samples that top shows out, and the moment they are of."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

_PATIENCE = 3.0  # seconds
_LARGEST = 64 << 20  # bytes: a node with 20,000 containers shows less

Labels = tuple[tuple[str, str], ...]  # sorted by name
Samples = Mapping[str, Mapping[Labels, float]]


class Away(Exception):
    """There is no page. The message says why, in a few words."""


@dataclass(frozen=True)
class Page:
    """samples: by name and labels. at: seconds, of whatever clock tells its age."""

    samples: Samples
    at: float

    def total(self, name: str, **labels: str) -> float:
        """The sum of the series that have these labels."""
        return sum(v for k, v in self.samples.get(name, {}).items() if labels.items() <= dict(k).items())

    def by(self, name: str, label: str, **labels: str) -> dict[str, float]:
        """The sums of the series that have these labels, by another label's value."""
        found: dict[str, float] = {}
        for key, value in self.samples.get(name, {}).items():
            mine = dict(key)
            if labels.items() <= mine.items():
                found[mine.get(label, "")] = found.get(mine.get(label, ""), 0.0) + value
        return found

    def label(self, name: str, label: str) -> str:
        """The value of a label of the first of a name's series; "" if there is none."""
        return next((dict(key).get(label, "") for key in self.samples.get(name, {})), "")


def url_of(address: str) -> str:
    """`host:port`, `:port` or a URL, as the URL of its /metrics."""
    if "://" not in address:
        host, _, port = address.rpartition(":")
        address = f"http://{'127.0.0.1' if host in ('', '0.0.0.0', '[::]') else host}:{port}"
    parts = urlsplit(address)
    return address if parts.path not in ("", "/") else f"{address.rstrip('/')}/metrics"


def fetch(url: str, names: Collection[str]) -> Page:
    """The samples of these names. Raises Away."""
    opener = build_opener(ProxyHandler({}))  # mostly on this node; and a proxy has no business with it elsewhere
    try:
        with opener.open(url, timeout=_PATIENCE) as answer:
            text = answer.read(_LARGEST).decode(errors="replace")
    except (OSError, ValueError) as error:  # URLError and HTTPError are OSErrors
        reason = getattr(error, "reason", None) or error
        raise Away(getattr(reason, "strerror", None) or str(reason)) from None
    return Page(parsed(text, names), time.monotonic())


def parsed(text: str, names: Collection[str]) -> Samples:
    """The samples of these names out of Prometheus' text format. Raises Away if it is none."""
    from prometheus_client.parser import text_string_to_metric_families

    # Of a page of 15,000 samples a few hundred are shown: parsing the others would take most of a second each time.
    wanted = tuple(names)
    lines = [line for line in text.split("\n") if line.startswith(wanted)]
    if text.strip() and not lines and not text.startswith("#"):
        raise Away("what answers there shows no metrics")
    found: dict[str, dict[Labels, float]] = {}
    try:
        for family in text_string_to_metric_families("\n".join(lines) + "\n"):
            for sample in family.samples:
                if sample.name in names:
                    found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    except ValueError as error:
        raise Away(f"its metrics can't be read: {error}") from None
    return found


def rate(new: Page, old: Page | None, value: float, before: float, seconds: float | None = None) -> float:
    """How much a counter grew in a second. One that began anew counts from 0; without an earlier page it is 0."""
    if old is None:
        return 0.0
    passed = new.at - old.at if seconds is None else seconds
    return (value - before if value >= before else value) / passed if passed > 0 else 0.0
