"""What the declaration promises, and what no setting shows alone."""

import re
import socket

import pytest

from tailrace.config import SETTINGS, Settings, node_name, problems
from tailrace.config.settings import SECTIONS


def test_every_setting_is_declared_whole() -> None:
    assert {d.name for d in SETTINGS} == {*Settings.__struct_fields__} - {"sink_settings", "sinks", "writer_settings"}
    assert len(SETTINGS) >= 20
    for declared in SETTINGS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*", declared.name)
        assert declared.setting.section in dict(SECTIONS)
        assert declared.setting.help.endswith(".")
        assert declared.setting.example
        assert re.fullmatch(r"--[a-z]+(-[a-z]+)*", declared.flag)
        assert declared.variable == f"TAILRACE_{declared.name.upper()}"


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Settings().tick = 2.0  # type: ignore[misc]


def test_the_node_is_the_setting_then_node_name_then_the_host() -> None:
    assert node_name(Settings(node="a"), {"NODE_NAME": "b"}) == "a"
    assert node_name(Settings(), {"NODE_NAME": "b"}) == "b"
    assert node_name(Settings(), {"NODE_NAME": ""}) == node_name(Settings(), {}) == socket.gethostname()


def test_a_start_pattern_is_compiled_as_the_agent_compiles_it() -> None:
    assert problems(Settings(lake="l", multiline_start=r"^\d{4}-")) == ()
    for pattern in ("(", "(?=lookahead is not RE2)"):
        (problem,) = problems(Settings(lake="l", multiline_start=pattern))
        assert problem.startswith("multiline_start is not a pattern that RE2 takes")
