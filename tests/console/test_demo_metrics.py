"""demo_metrics: what the demo shows of this machine's own metrics."""

from __future__ import annotations

import sys

import pytest

from tailrace.console import demo_metrics


def test_some_lines_of_this_machines_metrics_are_shown_as_they_are_and_the_rest_is_counted() -> None:
    *shown, rest = demo_metrics.lines()
    names = {line.split("{")[0].split(" ")[0] for line in shown}
    assert {"node_load1", "node_memory_MemTotal_bytes", "node_uname_info"} <= names
    assert len(shown) <= 30
    words = rest.split()
    assert (words[:2], words[3:]) == (["…", "and"], ["other", "series"])
    assert int(words[2]) > 300


def test_an_exporter_that_does_not_start_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo_metrics, "COMMAND", (sys.executable, "-c", "import sys; sys.exit('no such thing')"))
    with pytest.raises(RuntimeError, match="gave nothing; it said:\nno such thing"):
        demo_metrics.lines()
