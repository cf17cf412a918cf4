"""`tailrace report` over sound, empty, damaged, hostile and large lakes."""

from __future__ import annotations

import base64
import hashlib
import re
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tailrace.console.report import asking, shown, volume
from tailrace.console.report.weighing import Hour, hours
from tailrace.lake import LEDGER
from tailrace.query import lakes
from tailrace.query.settings import QuerySettings
from tests.console.reported import ANSI, HOSTILE, HOUR, full, ledger, lines, told
from tests.query.made import line, write

NEXT = HOUR + timedelta(hours=1)


def headline(page: str) -> str:
    found = re.search(r"<h1[^>]*>(.*?)</h1>", page, re.S)
    assert found
    return re.sub("<[^>]*>", "", found[1]).strip(" ✓✗!?·")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    done, page = told(full(tmp_path_factory.mktemp("report") / "lake"))
    assert done.exit_code == 0, done.output
    return page


def test_it_begins_with_the_ledger_s_verdict(page: str) -> None:
    assert headline(page) == "600 lines read, 600 delivered, 0 lost"
    assert "the lake holds what the ledger says, once" in page


def test_each_section_has_its_answer(page: str) -> None:
    shown_in = {
        "volume": "600 lines", "errors": "60 × shop/web", "routes": "/a&lt;b&gt;", "restarts": "exit code 137",
        "neighbours": "waits for its neighbours", "costs": "web&lt;b&gt;", "budgets": "spent",
        "ledger": "Where the bytes went",
    }  # fmt: skip
    sections = dict(re.findall(r'<section id="(\w+)">(.*?)</section>', page, re.S))
    assert set(sections) == set(shown_in)
    assert [key for key, words in shown_in.items() if words not in sections[key]] == []


def test_what_a_program_wrote_is_shown_and_is_no_html_and_no_control_character(page: str) -> None:
    assert HOSTILE.replace("<", "&lt;").split(">")[0] in page
    assert "<script" not in page.replace("&lt;script", "")
    assert "\\x1b[31mred" in page
    assert not set(page) & set("\x00\x07\x1b\u202e")


def test_it_names_no_other_host_and_its_policy_allows_its_own_style_alone(page: str) -> None:
    assert re.findall(r'(?:src|href|action)="(?!#|data:,")', page) == []
    assert re.findall(r"url\(|@import|<script|<link(?! rel=\"icon\" href=\"data:,\")", page) == []
    style = re.search("<style>(.*?)</style>", page, re.S)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src &#39;none&#39;; style-src &#39;sha256-{digest}&#39;".replace("&#39;", "'") in page


def test_an_empty_lake_has_a_report_that_says_so(tmp_path: Path) -> None:
    (tmp_path / "lake").mkdir()
    done, page = told(tmp_path / "lake")
    assert done.exit_code == 0, done.output
    assert headline(page) == "No line in this window"
    assert "This lake has no table logs (the log agent writes it: tailrace run logs)." in page


def test_a_window_without_lines_says_where_the_lines_are(tmp_path: Path) -> None:
    write(tmp_path / "lake", HOUR, [line(HOUR)])
    done, page = told(tmp_path / "lake", "--from", "2026-11-19", "--to", "2026-11-20")
    assert done.exit_code == 0, done.output
    assert "logs holds 2026-11-20 22h to 2026-11-20 22h UTC: widen --from and --to" in page


def test_one_line_without_a_ledger_is_reported_and_nobody_claims_that_none_is_lost(tmp_path: Path) -> None:
    write(tmp_path / "lake", HOUR, [line(HOUR)])
    done, page = told(tmp_path / "lake")
    assert done.exit_code == 0, done.output
    assert headline(page) == "Nobody can say whether a line was lost"
    assert "1 line, 100 bytes" in page


def test_stretches_in_which_no_line_has_a_level_have_no_errors(tmp_path: Path) -> None:
    write(tmp_path / "lake", HOUR, [line(HOUR, n, level=None) for n in range(5)])
    done, page = told(tmp_path / "lake")
    assert done.exit_code == 0, done.output
    assert "5 lines, 500 bytes; 0 errors" in page


def test_a_line_that_is_not_in_logs_is_counted_as_lost(tmp_path: Path) -> None:
    rows = list(lines(20))
    write(tmp_path / "lake", HOUR, [row for row in rows if row["file_offset"] != 700])
    write(tmp_path / "lake", HOUR, ledger(rows), table=LEDGER)
    done, page = told(tmp_path / "lake")
    assert done.exit_code == 1
    assert headline(page) == "20 lines read, 20 delivered, 1 lost"
    assert "lines not in logs" in page


def test_bytes_that_were_given_up_and_lines_that_are_there_twice_are_told(tmp_path: Path) -> None:
    rows = list(lines(20))
    given_up = ledger(rows)[0] | {
        "from_offset": 2000, "to_offset": 5000, "account": "abandoned", "lines": 7, "reason": "gone", "object": None
    }  # fmt: skip
    write(tmp_path / "lake", HOUR, rows)
    write(tmp_path / "lake", HOUR, rows[:3], "twice")
    write(tmp_path / "lake", HOUR, [*ledger(rows), given_up], table=LEDGER)
    done, page = told(tmp_path / "lake")
    assert done.exit_code == 1
    assert headline(page) == "27 lines read, 20 delivered, 7 lost, 3 doubled"
    assert "let the kubelet keep more (containerLogMaxFiles)" in page


def test_what_was_filtered_is_not_called_lost(tmp_path: Path) -> None:
    rows = list(lines(20))
    filtered = ledger(rows)[0] | {"from_offset": 2000, "to_offset": 5000, "account": "filtered", "lines": 30}
    write(tmp_path / "lake", HOUR, rows)
    write(tmp_path / "lake", HOUR, [*ledger(rows), filtered], table=LEDGER)
    done, page = told(tmp_path / "lake")
    assert done.exit_code == 0, done.output
    assert headline(page) == "50 lines read, 20 delivered, 0 lost"
    assert "On purpose not delivered: 30 filtered." in page


def test_a_damaged_object_is_named_and_the_rest_is_reported(tmp_path: Path) -> None:
    lake = full(tmp_path / "lake")
    (lake / "logs/dt=2026-11-20/hour=22/torn.parquet").write_bytes(b"PAR1 torn")
    done, page = told(lake)
    assert done.exit_code == 1
    assert headline(page) == "600 lines read, 600 delivered, 0 lost"
    assert "logs/dt=2026-11-20/hour=22/torn.parquet" in page


def test_thousands_of_namespaces_are_the_largest_and_others(tmp_path: Path) -> None:
    rows = [line(HOUR, n, namespace=f"ns-{n:05}", file_bytes=100 + n) for n in range(3000)]
    write(tmp_path / "lake", HOUR, rows)
    done, page = told(tmp_path / "lake")
    assert done.exit_code == 0, done.output
    assert "ns-02999" in page
    assert "(others: 2,993 or more)" in page
    assert "ns-01000" not in page
    assert len(page) < 60_000


def test_a_window_that_holds_too_much_is_looked_at_from_its_end_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def heavy(_lake: lakes.Lake, _start: datetime, _stop: datetime) -> tuple[Hour, ...]:
        return (Hour(HOUR.replace(tzinfo=None), 12_000_000, 800_000_000),)

    monkeypatch.setattr(asking, "hours", heavy)
    done, page = told(full(tmp_path / "lake"))
    assert done.exit_code == 0, done.output
    assert "errors/fingerprints was asked from 2026-11-20 22:45:00 UTC on" in page
    assert "volume/over_time was asked from 2026-11-20 22:30:00 UTC on" in page
    assert "15 × shop/web" in page
    assert "audit/gaps and audit/duplicates: not asked: too many lines" in page
    done, page = told(tmp_path / "lake", *("--from", "2026-11-20T22:00:00Z", "--to", "2026-11-20T23:00:00Z", "--whole"))
    assert "was asked from" not in page
    assert "60 × shop/web" in page


def test_an_hour_is_weighed_by_its_objects_sizes_and_footers(tmp_path: Path) -> None:
    write(tmp_path, HOUR, lines(600))
    write(tmp_path, NEXT, lines(600))
    (tmp_path / "logs/dt=2026-11-20/hour=23/torn.parquet").write_bytes(b"PAR1")
    lake = lakes.opened(str(tmp_path), QuerySettings())
    found = hours(lake, HOUR.replace(tzinfo=None), NEXT.replace(tzinfo=None) + timedelta(minutes=1))
    assert [hour.begun.hour for hour in found] == [22, 23]
    assert [abs(hour.lines - 600) < 10 for hour in found] == [True, True]
    assert found[0].bytes > 600 * 20
    assert [hour.begun.hour for hour in hours(lake, HOUR.replace(tzinfo=None), NEXT.replace(tzinfo=None))] == [22]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--from", "yesterday"), "'yesterday' is not a time"),
        (("--from", "now", "--to", "-1h"), "that window holds nothing"),
        (("--settle", "soon"), "is not a length of time such as 90s, 15m"),
        (("--lake", "nowhere"), "there is no lake at nowhere"),
    ],
)
def test_wrong_use_is_refused_before_anything_is_written(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "lake").mkdir()
    done, page = told(tmp_path / "lake", *words)
    assert done.exit_code == 2
    assert said in " ".join(done.output.split())
    assert page == ""


def test_all_time_is_a_window_too(tmp_path: Path) -> None:
    done, page = told(full(tmp_path / "lake"), "--from", "beginning", "--to", "end")
    assert done.exit_code == 0, done.output
    assert headline(page) == "600 lines read, 600 delivered, 0 lost"


def test_stretches_of_time_are_few_and_round() -> None:
    start = datetime(2026, 11, 20)
    steps = {hours: volume.step(start, start + timedelta(hours=hours)) for hours in (0.01, 1, 24, 24 * 30)}
    assert steps == {0.01: 1, 1: 60, 24: 1800, 720: 43200}
    assert [volume.each(seconds) for seconds in (1, 60, 1800, 43200)] == [
        "a second", "a minute", "in each 30 min", "in each 12 h"
    ]  # fmt: skip


def test_text_is_cut_where_it_is_long_and_escaped_where_it_is_not_printable() -> None:
    assert shown.text("x" * 2000) == "x" * 1000 + " … (cut)"
    assert shown.text(ANSI).isprintable()
    assert shown.lines("a\n\tb\r") == "a\n\tb\\r"
    sizes = [shown.size(size) for size in (None, 0, 1023, 1536, 3 << 30)]
    assert sizes == ["", "0 bytes", "1,023 bytes", "1.5 KiB", "3.0 GiB"]
