"""What a person may type for a parameter, and what it becomes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tailrace.query.parameters import BEGINNING, END, Parameter, WrongUse, declared, literal, values

NOW = datetime(2026, 11, 20, 22, 5)


def value(kind: str, text: str) -> object:
    return values([Parameter("x", kind, None, "meaning")], {"x": text}, NOW)["x"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", NOW),
        ("-2h", NOW - timedelta(hours=2)),
        ("-7d", NOW - timedelta(days=7)),
        ("+1h30m", NOW + timedelta(minutes=90)),
        ("now - 1h", NOW - timedelta(hours=1)),
        ("beginning", BEGINNING),
        ("end", END),
        ("beginning - 1d", BEGINNING),
        ("end + 1d", END),
        ("2026-11-20", datetime(2026, 11, 20)),
        ("2026-11-20 22:05", NOW),
        ("2026-11-20T22:05:00Z", NOW),
        ("2026-11-20T23:05:00.123456+01:00", datetime(2026, 11, 20, 22, 5, 0, 123456)),
        ("2026-11-20T22:05:00.123456789Z", datetime(2026, 11, 20, 22, 5, 0, 123456)),
    ],
)
def test_a_time_is_a_word_a_step_or_iso_8601_in_utc(text: str, expected: datetime) -> None:
    assert value("timestamp", text) == expected


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("duration", "90s", timedelta(seconds=90)),
        ("duration", "1h30m", timedelta(minutes=90)),
        ("integer", "-5", -5),
        ("number", "0.5", 0.5),
        ("text", " kept as it is ", " kept as it is "),
    ],
)
def test_a_value_has_its_parameters_type(kind: str, text: str, expected: object) -> None:
    assert value(kind, text) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        *(
            ("timestamp", text)
            for text in ("", "yesterday", "-2", "2026-13-01", "now -", "2h", "0001-01-01T00:00+14:00")
        ),
        *(("duration", text) for text in ("", "5", "-5m", "5 m", "5y", "99999999999d")),
        *(("integer", text) for text in ("", "1.5", "1_000", "٣", "1" * 19, "1; DROP TABLE logs")),
        *(("number", text) for text in ("", "nan", "inf", "0x10", "1,5")),
        *(("text", text) for text in ("\0", "\udcff")),
    ],
)
def test_a_bad_value_is_refused_with_the_parameter_its_type_and_an_example(kind: str, text: str) -> None:
    with pytest.raises(WrongUse) as raised:
        value(kind, text)
    assert all(part in str(raised.value) for part in ("x=", kind, "such as", "meaning"))


def test_an_unknown_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(WrongUse, match="did you mean 'namespace'"):
        values(declared('namespace text = % "which"'), {"namepsace": "a"}, NOW)


def test_a_parameter_without_a_default_has_to_be_given() -> None:
    with pytest.raises(WrongUse, match="--param pod="):
        values(declared('pod text "which pod"'), {}, NOW)


def test_a_window_that_ends_before_it_begins_is_refused() -> None:
    window = declared('from timestamp = now - 1h "start"; to timestamp = now "end"')
    with pytest.raises(WrongUse, match="is not before"):
        values(window, {"from": "now", "to": "-1h"}, NOW)


def test_a_default_can_follow_an_earlier_parameter() -> None:
    window = declared('at timestamp = now "when"; from timestamp = at - 1h "start"; to timestamp = at + 1h "end"')
    assert values(window, {"at": "2026-01-01"}, NOW)["from"] == datetime(2025, 12, 31, 23)


def test_a_declaration_has_name_type_default_and_meaning() -> None:
    assert declared('a text = \'\' "one; or two"; b integer "three";') == (
        Parameter("a", "text", "", "one; or two"),
        Parameter("b", "integer", None, "three"),
    )
    with pytest.raises(ValueError, match="is not `name type"):
        declared("a text")


@given(st.datetimes(timezones=st.sampled_from([UTC]), min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))
def test_a_time_reads_back_from_what_it_prints(moment: datetime) -> None:
    assert value("timestamp", moment.isoformat()) == moment.replace(tzinfo=None)


def test_a_negative_number_does_not_make_a_comment() -> None:
    assert f"1 -{literal(-5)}" == "1 -(-5)"
    assert f"1 -{literal(-0.0)}" == "1 -(-0.0)"
