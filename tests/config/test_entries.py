"""Several sinks, each below a name of its own in the file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tailrace.config import Loaded, SettingsError, SinkEntry, load
from tailrace.config.values import MIB
from tests.config.made import SINKS

Write = Callable[[str], Path]
TWO = """
lake: pail://lake
sinks:
  everything:
    sink: pail
    seal_bytes: 128MiB
    region: eu-west-1
    tags: [a=b, c=d]
    strict: true
  errors:
    sink: pipe
    where: |
      level IN ('error', 'fatal')
    lake: elsewhere
    seal_seconds: 5s
    outbox_bytes: 0
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def _write(text: str) -> Path:
        file = tmp_path / "t.yaml"
        file.write_text(text)
        return file

    return _write


def read(file: Path, flags: dict[str, str] | None = None, environ: dict[str, str] | None = None) -> Loaded:
    return load(flags or {}, environ or {}, file, SINKS)


def errors_of(
    file: Path, flags: dict[str, str] | None = None, environ: dict[str, str] | None = None
) -> tuple[str, ...]:
    with pytest.raises(SettingsError) as raised:
        read(file, flags, environ)
    return raised.value.errors


def test_each_entry_has_its_own_settings_and_leaves_the_others_to_the_agent(write: Write) -> None:
    settings = read(write(TWO)).settings
    own = {"region": "eu-west-1", "tags": ("a=b", "c=d"), "strict": True}
    assert settings.sinks == (
        SinkEntry(name="everything", sink="pail", seal_bytes=128 * MIB, settings=own),
        SinkEntry(
            name="errors", sink="pipe", where="level IN ('error', 'fatal')\n", lake="elsewhere", seal_seconds=5.0,
            outbox_bytes=0,
        ),
    )  # fmt: skip
    assert (settings.lake, settings.sink_settings) == ("pail://lake", {})


def test_settings_that_differ_in_one_entry_are_not_equal(write: Write) -> None:
    one, same = read(write(TWO)).settings, read(write(TWO)).settings
    assert one == same
    assert one != read(write(TWO.replace("eu-west-1", "eu-west-2"))).settings
    assert one != read(write(TWO.replace("'fatal'", "'warn'"))).settings


def test_every_value_is_told_with_its_line_and_those_of_a_sink_that_is_not_in_use_are_not(write: Write) -> None:
    file = write(TWO)
    rows = {name: (value, origin) for name, value, origin in read(file).rows()}
    assert rows["sinks.everything.sink"] == ("pail", f"file {file}:5")
    assert rows["sinks.everything.tags"] == ("a=b,c=d", f"file {file}:8")
    assert rows["sinks.everything.parts"] == ("10", "default")
    assert rows["sinks.errors.seal_seconds"] == ("5s", f"file {file}:15")
    assert "sinks.everything.seal_seconds" not in rows
    assert not {"sink", "pail_region", "pipe_format", "sinks.errors.region"} & rows.keys()


def test_a_secret_is_masked_and_never_repeated_and_may_stand_in_a_file(write: Write, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("hunter2")
    loaded = read(write("sinks:\n  a:\n    sink: pail\n    key: '@key'\n"))
    assert loaded.settings.sinks[0].settings == {"key": "hunter2"}
    assert "hunter2" not in str(list(loaded.rows()))
    (told,) = errors_of(write("sinks:\n  a:\n    sink: pail\n    key: [hunter2]\n"))
    assert told.endswith(
        ".key (file " + str(tmp_path / "t.yaml") + ":4): what is set there (not shown) is no legal text"
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("sinks:\n", ":1): names no sink; below `sinks:` write a name of your choice for each sink"),
        ("sinks: {}\n", ":1): names no sink"),
        ("sinks: [pail]\n", ":1): names no sink"),
        ("sinks:\n  a:\n", "sinks.a (file {file}:2): has nothing below it"),
        ("sinks:\n  a: pail\n", "sinks.a (file {file}:2): has nothing below it"),
        ("sinks:\n  a:\n    region: x\n", "sinks.a (file {file}:2): has no `sink`, so nobody knows where its lines go"),
        (
            "sinks:\n  a:\n    sink: pial\n",
            "sinks.a.sink (file {file}:3): 'pial' is not known; write local, pail or pipe",
        ),
        ("sinks:\n  a:\n    sink:\n", "sinks.a.sink (file {file}:3): has no value"),
        ("sinks:\n  A: {sink: pipe}\n", "sinks.A (file {file}:2): is no name for a sink"),
        ("sinks:\n  -a: {sink: pipe}\n", "sinks.-a (file {file}:2): is no name for a sink"),
        ("sinks:\n  " + "a" * 32 + ": {sink: pipe}\n", "is no name for a sink"),
        ("sinks:\n  a: {sink: pipe}\n  a: {sink: pipe}\n", "sinks.a (file {file}:3): is set twice, first at {file}:2"),
        ("sinks:\n  a:\n    sink: pipe\n    sink: pail\n", "sinks.a.sink (file {file}:4): is set twice"),
        ("sinks:\n  ? [a]\n  : {sink: pipe}\n", ":2: a key that is not a word"),
        ("sinks:\n  a:\n    sink: pipe\n    format: {a: b}\n", "sinks.a.format (file {file}:4): has keys below it"),
        (
            "sinks:\n  a:\n    sink: pipe\n    pipe_format: text\n",
            "pipe_format (file {file}:4): no such setting; did you",
        ),
        ("sinks:\n  a:\n    sink: pipe\n    region: x\n", "no such setting; here may stand sink, where, lake"),
        ("sinks:\n  a:\n    sink: pail\n    partBytes: 8MiB\n", "no such setting; did you mean part_bytes?"),
        ("sinks:\n  a:\n    sink: pail\n    tick: 1s\n", "sinks.a.tick (file {file}:4): no such setting"),
        ("sinks:\n  a: &a\n    sink: pail\n    where: *a\n", "sinks.a.where (file {file}:4): has keys below it"),
        ("sinks: &a\n  a: *a\n", "sinks.a (file {file}:2): has no `sink`"),
    ],
)
def test_what_is_wrong_below_sinks_is_one_clear_error(text: str, told: str, write: Write) -> None:
    file = write(text)
    (error,) = errors_of(file)
    assert told.format(file=file) in error


def test_the_errors_of_all_entries_and_of_the_agent_are_told_at_once(write: Write) -> None:
    text = "tick: x\nsinks:\n  a:\n    sink: pail\n    parts: 0\n    seal_bytes: 1\n  b: {sink: no, quiet: 1s}\n"
    assert [error.split()[0] for error in errors_of(write(text), {"max_line": "1"})] == [
        "tick", "sinks.a.parts", "sinks.a.seal_bytes", "sinks.b.sink", "max_line",
    ]  # fmt: skip


def test_one_sink_and_several_in_one_run_are_refused_wherever_the_one_is_named(write: Write) -> None:
    file = write("pipe_format: text\n" + TWO)
    (error,) = errors_of(file, {"sink": "pipe"}, {"TAILRACE_PAIL_REGION": "x"})
    assert error.startswith(f"sinks (file {file}:4): stands beside sink (flag --sink), ")
    for named in ("pail_region (environment TAILRACE_PAIL_REGION)", f"pipe_format (file {file}:1)", "remove one"):
        assert named in error


def test_a_name_may_be_31_long_and_begin_with_a_digit(write: Write) -> None:
    entries = read(write("sinks:\n  " + "1" * 31 + ": {sink: pipe}\n  b-: {sink: pipe}\n")).settings.sinks
    assert [entry.name for entry in entries] == ["1" * 31, "b-"]
