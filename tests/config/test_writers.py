"""The settings of the exporter's writers, which are declared beside the sinks' and are not theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec
import pytest

from tailrace.config import DeclaredSink, Settings, SettingsError, load, problems
from tailrace.config.example import example
from tailrace.config.reference import schema
from tailrace.config.settings import Setting, known_settings
from tailrace.config.values import Text
from tests.config.made import SINKS


class MailSettings(msgspec.Struct, frozen=True, kw_only=True):
    """A writer with one setting; a sink may have the same name."""

    url: Annotated[str, Setting("writer", Text(), "Where to.", "mail://x")] = ""


MAIL = DeclaredSink.of("metrics_pail", "Writer pail: letters (at least once)", MailSettings, True)
ALL = (*SINKS, MAIL)


def test_a_writers_settings_have_metrics_before_its_name_and_stand_apart_from_those_of_a_sink_so_called() -> None:
    loaded = load(
        {"writers": "pail", "metrics_pail_url": "mail://y", "pail_region": "r", "sink": "pail"}, {}, None, ALL
    )
    assert loaded.settings.writer_settings == {"metrics_pail_url": "mail://y"}
    assert loaded.settings.sink_settings == {"pail_region": "r"}
    assert loaded.warnings == ()
    rows = {name: (value, origin) for name, value, origin in loaded.rows()}
    assert rows["metrics_pail_url"] == ("mail://y", "flag --metrics-pail-url")


def test_a_writers_settings_come_from_the_environment_and_the_file_too(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("writers: [pail]\nmetrics_pail_url: mail://file\n")
    assert load({}, {}, tmp_path / "a.yaml", ALL).settings.writer_settings == {"metrics_pail_url": "mail://file"}
    environ = {"TAILRACE_METRICS_PAIL_URL": "mail://environ"}
    loaded = load({}, environ, tmp_path / "a.yaml", ALL)
    assert loaded.settings.writer_settings == {"metrics_pail_url": "mail://environ"}


def test_a_setting_of_a_writer_that_is_not_used_is_a_warning() -> None:
    (warning,) = load({"metrics_pail_url": "mail://y"}, {}, None, ALL).warnings
    assert warning == "metrics_pail_url (flag --metrics-pail-url) does nothing: pail is none of the writers"


def test_a_writer_is_no_sink(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="metrics_pail"):
        load({"sink": "metrics_pail"}, {}, None, ALL)
    (tmp_path / "a.yaml").write_text("sinks:\n  a:\n    sink: metrics_pail\n")
    with pytest.raises(SettingsError, match="metrics_pail"):
        load({}, {}, tmp_path / "a.yaml", ALL)
    assert '"const": "metrics_pail"' not in schema(ALL)
    assert '"metrics_pail_url"' in schema(ALL)
    assert "sink: metrics_pail" not in example(ALL)


def test_several_sinks_may_stand_beside_a_writers_settings(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("writers: [pail]\nmetrics_pail_url: mail://y\nsinks:\n  a:\n    sink: local\n")
    loaded = load({}, {}, tmp_path / "a.yaml", ALL)
    assert loaded.settings.writer_settings == {"metrics_pail_url": "mail://y"}
    assert [entry.sink for entry in loaded.settings.sinks] == ["local"]


def test_each_setting_is_declared_once() -> None:
    names = [declared.name for declared in known_settings(ALL)]
    assert len({*names}) == len(names)


@pytest.mark.parametrize(
    "name", ["mounts_exclude", "filesystems_exclude", "disks_exclude", "network_exclude", "network_info_exclude"]
)
def test_a_pattern_of_the_exporter_is_compiled_before_a_run(name: str) -> None:
    (problem,) = problems(Settings(**{name: "("}))
    assert problem.startswith(f"{name} is not a pattern that Python takes")
    assert problems(Settings(**{name: ""})) == ()
