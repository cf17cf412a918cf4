"""Which sinks a run has, with which settings, and what they say of themselves before it begins."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, ClassVar

import msgspec
import pytest

from tailrace.config import Settings, SinkEntry, load
from tailrace.config.settings import Setting
from tailrace.config.values import Count, Text
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks import SINKS, Finding, Place, Sink
from tailrace.delivery.sinks.chosen import Chosen, chosen, declared
from tailrace.delivery.sinks.local import LocalSink
from tailrace.delivery.sinks.stdout import StdoutSettings, StdoutSink
from tailrace.lake import Table

PAGE = Path(__file__).parents[2] / "docs/sinks/several.md"


class PailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """One setting that open refuses if it is empty, one with a default."""

    region: Annotated[str, Setting("pail", Text(), "The region.", "eu-west-1")] = ""
    parts: Annotated[int, Setting("pail", Count(1), "How many parts.", "3")] = 10


class Pail(Sink):
    """A bucket nearby."""

    name: ClassVar = "pail"
    guarantee: ClassVar = "at least once"
    Settings: ClassVar = PailSettings
    found: ClassVar[tuple[Finding | OSError, ...]] = ()
    closed: ClassVar[int] = 0

    def __init__(self, settings: PailSettings, place: Place) -> None:
        super().__init__()
        self.settings, self.place = settings, place

    @classmethod
    def open(cls, settings: PailSettings, place: Place) -> "Pail":
        if not settings.region:
            raise ValueError("pail has no region; write one")
        return cls(settings, place)

    def encoder(self, table: Table) -> Any:
        raise NotImplementedError

    def store(self, sealed: object) -> None:
        raise NotImplementedError

    def check(self) -> Iterator[Finding]:
        for finding in self.found:
            if isinstance(finding, OSError):
                raise finding
            yield finding

    def close(self) -> None:
        type(self).closed += 1


THREE = (LocalSink, StdoutSink, Pail)


def test_one_sink_has_its_types_name_the_agents_settings_and_all_lines() -> None:
    settings = Settings(lake="l", cluster="c", node="n", seal_seconds=7.0, seal_bytes=8192, outbox_bytes=9)
    (one,) = chosen(settings, THREE)
    assert (one.name, one.where, one.sink, one.place) == ("local", "", LocalSink, Place("l", "c", "n"))
    assert (one.seal_seconds, one.seal_bytes, one.outbox_bytes) == (7.0, 8192, 9)


def test_flat_settings_go_to_the_sink_in_use_and_those_of_others_nowhere() -> None:
    flat = {"pail_region": "r", "stdout_format": "text"}
    (one,) = chosen(Settings(sink="pail", sink_settings=flat), THREE)
    assert one.settings == PailSettings(region="r", parts=10)
    (other,) = chosen(Settings(sink="stdout", sink_settings=flat), THREE)
    assert other.settings == StdoutSettings(format="text")


def test_each_entry_is_a_sink_whose_gaps_the_agents_settings_fill() -> None:
    entries = (
        SinkEntry(name="all", sink="pail", settings={"region": "r"}, lake="pail://x", seal_seconds=1.0, outbox_bytes=0),
        SinkEntry(name="some", sink="pail", where=" level = 'x'\n", seal_bytes=4096, settings={"parts": 2}),
    )
    first, second = chosen(Settings(lake="l", node="n", sinks=entries), THREE)
    assert (first.name, first.where, first.settings) == ("all", "", PailSettings(region="r"))
    assert (second.name, second.where, second.settings) == ("some", "level = 'x'", PailSettings(parts=2))
    assert (first.place.lake, second.place.lake) == ("pail://x", "l")
    assert (first.seal_seconds, first.seal_bytes, first.outbox_bytes) == (1.0, Settings().seal_bytes, 0)
    assert (second.seal_seconds, second.seal_bytes) == (Settings().seal_seconds, 4096)


def test_a_sink_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match="there is no sink 'pial'; there are local, stdout, pail"):
        chosen(Settings(sink="pial"), THREE)


def test_what_a_sink_declares_is_read_from_flags_variables_and_entries(tmp_path: Path) -> None:
    loaded = load({"sink": "pail", "pail_parts": "3"}, {"TAILRACE_PAIL_REGION": "r"}, None, declared(THREE))
    assert chosen(loaded.settings, THREE)[0].settings == PailSettings(region="r", parts=3)
    file = tmp_path / "t.yaml"
    file.write_text("sinks:\n  a:\n    sink: pail\n    region: r\n    parts: 3\n")
    assert chosen(load({}, {}, file, declared(THREE)).settings, THREE)[0].settings == PailSettings(region="r", parts=3)


def test_a_sinks_title_is_made_of_its_name_its_first_sentence_and_its_guarantee() -> None:
    assert [sink.title for sink in declared(THREE)] == [
        "Sink local: A lake in a folder (exactly once)",
        "Sink stdout: Standard output (at least once)",
        "Sink pail: A bucket nearby (at least once)",
    ]


def test_every_sink_is_declared_whole() -> None:
    for sink, one in zip(SINKS, declared(), strict=True):
        assert re.fullmatch(r"[a-z][a-z0-9]*", sink.name)
        assert len(one.own) == len(sink.Settings.__struct_fields__), f"a field of {sink.name} carries no Setting"
        assert sink.Settings(), f"a field of {sink.name} has no default"
        assert len(one.title) <= 120
        for field in one.own.values():
            assert field.setting.help.endswith("."), field.name
            assert field.setting.example, field.name
            assert re.fullmatch(r"--[a-z][a-z0-9]*(-[a-z0-9]+)*", field.flag)


def findings(*found: Finding | OSError) -> list[Finding]:
    class Checked(Pail):
        pass

    Checked.found = found
    one = Chosen("a", "", Checked, PailSettings(region="r"), Place(), 1.0, 1, 1)
    try:
        return list(one.findings())
    finally:
        assert Checked.closed == 1


def test_a_check_gives_the_sinks_own_findings_and_closes_it() -> None:
    two = (Finding(True, "it is there"), Finding(False, "it is shut", "open it"))
    assert findings(*two) == list(two)


def test_a_check_that_finds_nothing_says_so() -> None:
    assert findings() == [Finding(True, "there is nothing that could be tried")]


def test_what_a_check_could_not_do_is_a_finding_with_what_mends_it() -> None:
    refused = Refused("denied", "it may not be listed", "allow s3:ListBucket")
    assert findings(Finding(True, "it is there"), refused) == [
        Finding(True, "it is there"),
        Finding(False, "it may not be listed", "allow s3:ListBucket"),
    ]
    assert findings(OSError(5, "Input/output error")) == [Finding(False, "[Errno 5] Input/output error")]


def test_a_check_of_a_sink_that_does_not_open_raises() -> None:
    with pytest.raises(ValueError, match="pail has no region"):
        list(Chosen("a", "", Pail, PailSettings(), Place(), 1.0, 1, 1).findings())


def test_the_file_on_the_page_is_taken_as_it_stands(tmp_path: Path) -> None:
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "t.yaml").write_text(text)
    everything, errors = chosen(load({}, {}, tmp_path / "t.yaml", declared()).settings)
    assert (everything.name, everything.where, everything.sink) == ("everything", "", LocalSink)
    assert (errors.name, errors.settings, errors.seal_seconds) == ("errors", StdoutSettings(format="text"), 5.0)
    assert errors.where.startswith("level IN")
