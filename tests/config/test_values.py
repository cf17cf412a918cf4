"""What a person may write for each type of setting, and what is told to them when it is wrong."""

import re
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tailrace import cli
from tailrace.config.settings import NAMESPACE, known_settings
from tailrace.config.values import (
    GIB,
    KIB,
    MIB,
    Choice,
    Count,
    Duration,
    Folder,
    Kind,
    Languages,
    Names,
    Size,
    Switch,
    Text,
)  # fmt: skip

WORDS = Names(("email", "card"))
TRACES = Languages(("auto", "none"), ("java", "go"))


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0), ("1048576", MIB), ("1MiB", MIB), ("1mib", MIB), ("1 MiB", MIB), (" 1Mi ", MIB), ("64MB", 64_000_000),
        ("512KiB", 512 * KIB), ("512Ki", 512 * KIB), ("2kB", 2000), ("7B", 7), ("1.5MiB", MIB + 512 * KIB),
        ("64GiB", 64 * GIB),
    ],
)  # fmt: skip
def test_a_size_is_bytes_in_decimal_or_binary_units(text: str, size: int) -> None:
    assert Size().parse(text) == size


@pytest.mark.parametrize(
    "text", ["", " ", "-1", "+1", "1e6", "1_000", "five", "1MiBs", "MiB", "1..5MiB", "0x10", "١MiB"]
)
def test_what_is_not_a_size_is_refused_with_a_size_to_copy(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size; write it like 1MiB"):
        Size().parse(text)


@pytest.mark.parametrize("text", ["64M", "1K", "2g"])
def test_a_unit_that_means_two_things_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        Size().parse(text)


def test_a_part_of_a_byte_is_refused() -> None:
    with pytest.raises(ValueError, match="not a whole number of bytes"):
        Size().parse("0.3KiB")


def test_sizes_are_legal_at_their_bounds_and_not_beyond() -> None:
    kind = Size(KIB, MIB)
    assert (kind.parse("1024"), kind.parse("1025"), kind.parse("1MiB")) == (KIB, KIB + 1, MIB)
    for beyond in ("1023", "1048577"):
        with pytest.raises(ValueError, match="out of bounds; write 1KiB to 1MiB"):
            kind.parse(beyond)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("60", 60), ("60s", 60), ("500ms", 0.5), ("5m", 300), ("1h30m", 5400), ("0.25", 0.25), ("1.5s", 1.5), ("0", 0)],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert Duration().parse(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "5 minutes", "1d", "inf", "nan", "1e3", "5M", "1:30", "30 s", "1m30"])
def test_what_is_not_a_duration_is_refused_with_one_to_copy(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration; write it like 60s"):
        Duration().parse(text)


def test_durations_are_legal_at_their_bounds_and_not_beyond() -> None:
    kind = Duration(0.05, 10.0)
    assert (kind.parse("50ms"), kind.parse("51ms"), kind.parse("10s")) == (0.05, 0.051, 10.0)
    for beyond in ("49ms", "10.001s"):
        with pytest.raises(ValueError, match="out of bounds; write 50ms to 10s"):
            kind.parse(beyond)


@given(st.integers(0, 64 * GIB))
@example(0)
@example(KIB)
@example(GIB + 1)
def test_every_size_is_read_back_from_what_is_shown(size: int) -> None:
    assert Size().parse(Size().show(size)) == size


@given(st.integers(0, 86_400_000_000))
@example(1)
@example(999_999)
@example(86_400_000_000)
def test_every_duration_is_read_back_from_what_is_shown(microseconds: int) -> None:
    seconds = microseconds / 1e6
    assert Duration().parse(Duration().show(seconds)) == seconds


@given(st.from_regex(r"[0-9.]{1,6} ?[KMGkmgiIbBsh]{0,3}", fullmatch=True))
@pytest.mark.parametrize("kind", [Size(), Duration()])
def test_the_schema_takes_the_text_that_the_loader_takes(kind: Size | Duration, text: str) -> None:
    alternatives = kind.schema()["anyOf"]
    assert isinstance(alternatives, list)
    try:
        kind.parse(text)
        taken = True
    except ValueError as error:
        # Bounds and whole bytes cannot be said by a pattern.
        taken = not str(error).startswith("is not a size") and not str(error).startswith("is not a duration")
    assert bool(re.search(alternatives[1]["pattern"], text.strip())) == taken


def test_a_list_is_read_from_a_yaml_list_or_from_commas() -> None:
    assert (
        WORDS.parse("email,card")
        == WORDS.parse(["email", "card"])
        == WORDS.parse(" email , card, ")
        == ("email", "card")
    )


def test_a_list_may_be_empty_and_holds_a_word_once() -> None:
    assert (WORDS.parse(""), WORDS.parse([]), WORDS.parse("card,email,card")) == ((), (), ("card", "email"))


def test_a_word_that_is_not_known_is_named_with_the_words_there_are() -> None:
    with pytest.raises(ValueError, match="holds 'emial', which is not known; write any of email, card"):
        WORDS.parse("email,emial")


@pytest.mark.parametrize("text", ["kube-system/coredns", "Kube", "a b"])
def test_what_no_namespace_can_match_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="which is not a namespace"):
        Names(pattern=NAMESPACE, meaning="a namespace").parse(text)


def test_languages_are_one_word_that_stands_alone_or_several() -> None:
    assert (TRACES.parse("auto"), TRACES.parse("none"), TRACES.parse("go")) == ("auto", "none", "go")
    assert TRACES.parse("java, go") == TRACES.parse(["java", "go"]) == "java,go"


@pytest.mark.parametrize(
    ("text", "told"), [("auto,java", "'auto' beside others"), ("perl", "'perl'"), ("", "is empty")]
)
def test_languages_that_contradict_each_other_are_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        TRACES.parse(text)


@pytest.mark.parametrize("text", ["", "Local", "locals"])
def test_a_choice_is_one_of_its_words(text: str) -> None:
    assert Choice(("local", "stdout")).parse(" local ") == "local"
    with pytest.raises(ValueError, match="is not known; write local or stdout"):
        Choice(("local", "stdout")).parse(text)


def test_a_count_is_a_whole_number_within_its_bounds() -> None:
    assert [Count(1, 500).parse(text) for text in ("1", " 500 ", "007")] == [1, 500, 7]
    for beyond in ("0", "501", "9999999999"):
        with pytest.raises(ValueError, match="out of bounds; write 1 to 500"):
            Count(1, 500).parse(beyond)


@pytest.mark.parametrize("text", ["", "-1", "1.5", "1k", "1e3", "0x1", "٣", "1" * 11])
def test_what_is_not_a_whole_number_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a whole number; write it in digits"):
        Count().parse(text)


def test_a_switch_is_true_or_false_and_nothing_that_looks_like_it() -> None:
    assert [Switch().parse(text) for text in ("true", "false", " True ", "FALSE")] == [True, False, True, False]
    for text in ("", "yes", "no", "on", "1", "0", "t"):
        with pytest.raises(ValueError, match="is not known; write true or false"):
            Switch().parse(text)


def test_many_choices_are_told_as_a_person_lists_them() -> None:
    assert [Choice(names).limits for names in (("a",), ("a", "b"), ("a", "b", "c"))] == ["a", "a or b", "a, b or c"]


def test_a_relative_folder_is_taken_from_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Folder().parse("state") == tmp_path / "state"
    assert Folder().parse("/a") == Path("/a")
    with pytest.raises(ValueError, match="is empty"):
        Folder().parse("")


@pytest.mark.parametrize("text", ["prod\n", "a\0b", "\x1b[31m", "\x7f"])
def test_control_characters_are_refused_in_one_line_of_text(text: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        Text().parse(text)


def test_sql_may_run_over_lines() -> None:
    assert Text(lines=True).parse("SELECT *\n\tFROM lines\n") == "SELECT *\n\tFROM lines\n"
    with pytest.raises(ValueError, match="control character"):
        Text(lines=True).parse("SELECT\0")


def test_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(ValueError, match="not UTF-8"):
        Text().parse("caf\udce9")


@pytest.mark.parametrize("kind", [Size(), Duration(), Text(), Folder(), Choice(("a",)), Count(), Switch()])
def test_a_list_is_refused_where_one_value_stands(kind: Kind) -> None:
    with pytest.raises(ValueError, match="is a list; write one value"):
        kind.parse(["a"])


@pytest.mark.parametrize("declared", known_settings(cli.SINKS), ids=lambda declared: declared.name)
def test_the_default_and_the_example_of_each_setting_are_legal(declared) -> None:  # type: ignore[no-untyped-def]
    kind = declared.setting.kind
    assert kind.parse(kind.show(declared.default)) == declared.default
    value = kind.parse(declared.setting.example)
    assert kind.parse(kind.show(value)) == value
