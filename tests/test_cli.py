"""What a person or a script meets: commands, exit codes, and which of stdout and stderr says what."""

import json
import re
import subprocess
import sys
from itertools import takewhile
from pathlib import Path
from types import ModuleType

import click
import pytest
from click.testing import CliRunner, Result

from tailrace import __version__, cli
from tailrace.config import SETTINGS, DeclaredSink, Settings, SinkEntry
from tailrace.config.settings import known_settings
from tests.generated import every_command, help_of

BROKEN = "max_line: 5 bananas\nmax_lin: 1\n"


def tailrace(*arguments: str, **environ: str) -> Result:
    return CliRunner().invoke(cli.main, list(arguments), env=environ, prog_name="tailrace")


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Settings, bool]]:
    """What `run logs` handed to the agent; the agent's exit code is 1."""
    calls: list[tuple[Settings, bool]] = []
    agent = ModuleType("agent")
    agent.run = lambda settings, once, *_: calls.append((settings, once)) or 1  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "tailrace.logs.run", agent)
    return calls


def test_the_version_is_the_packages() -> None:
    assert tailrace("--version").output == f"tailrace {__version__}\n"


def examples_of(help_text: str) -> list[list[str]]:
    """The words of each example that follows the first line after the usage."""
    lines = help_text.partition("\n\n")[2].splitlines()[1:]
    examples = takewhile(lambda line: re.match(r"\s*([A-Z_]+=\S+ )*tailrace ", line), filter(None, lines))
    # Two spaces set off a remark; a second command may follow the first.
    alone = [re.split(r"  | && | \| | > ", line.strip())[0].split() for line in examples]
    return [words[words.index("tailrace") :] for words in alone]


def test_every_help_starts_with_examples_and_every_command_has_one_line_of_help() -> None:
    commands = dict(every_command())
    assert {"tailrace", "tailrace run", "tailrace run logs", "tailrace check", "tailrace config"} <= commands.keys()
    assert {"tailrace query", "tailrace demo"} <= commands.keys()
    for path, command in commands.items():
        assert examples_of(help_of(path, command)), path
        assert command.get_short_help_str() not in ("", "Examples:"), path


def test_every_example_in_a_help_is_a_command_that_exists_with_flags_that_exist() -> None:
    for path, command in every_command():
        for example in examples_of(help_of(path, command)):
            named, *words = example
            found: click.Command = cli.main
            while isinstance(found, click.Group) and words and not words[0].startswith("-"):
                child = found.get_command(click.Context(found, info_name=named), words.pop(0))
                assert child is not None, f"{path}: {example}"
                found = child
            parameters = found.get_params(click.Context(found, info_name=named))
            flags = {flag for parameter in parameters for flag in (*parameter.opts, *parameter.secondary_opts)}
            assert {word.split("=")[0] for word in words if re.match("--?[a-z]", word)} <= flags, f"{path}: {example}"


def test_every_setting_is_a_flag_of_run_logs_or_of_run_metrics() -> None:
    commands = dict(every_command())
    flags = {flag for name in ("logs", "metrics") for p in commands[f"tailrace run {name}"].params for flag in p.opts}
    assert {declared.flag for declared in known_settings(cli.SINKS)} | {"--once", "--config"} == flags


@pytest.mark.parametrize(("name", "sinks"), [("logs", cli.OF_LINES), ("metrics", cli.SINKS)])
def test_every_flag_stands_below_its_sections_title(name: str, sinks: tuple[DeclaredSink, ...]) -> None:
    command = dict(every_command())[f"tailrace run {name}"]
    flags = {flag for parameter in command.params for flag in parameter.opts}
    text = help_of(f"tailrace run {name}", command)
    titles = [text.find(f"\n{sink.title}:\n") for sink in sinks if sink.own]
    assert -1 < text.find("\nHow the agent itself works:\n") < titles[0]
    assert titles == sorted(titles)
    for flag in flags:
        assert f"  {flag} " in text


def test_help_loads_neither_arrow_nor_duckdb_nor_aws_nor_rich() -> None:
    code = """
import sys
import tailrace.cli
for arguments in (["--help"], ["run", "logs", "--help"], ["config"], ["run", "logs", "--tick", "x"]):
    try:
        tailrace.cli.main(arguments)
    except SystemExit:
        pass
print(sorted({"pyarrow", "numpy", "duckdb", "rich", "sqlglot", "boto3", "botocore"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_run_logs_hands_flags_environment_and_file_to_the_agent(
    runs: list[tuple[Settings, bool]], tmp_path: Path
) -> None:
    file = tmp_path / "tailrace.yaml"
    file.write_text("lake: /lake\ntick: 2s\nredact: [email]\n")
    flags = ("--once", "--max-line", "2KiB", "--exclude", "a", "--exclude", "b,c")
    done = tailrace("run", "logs", *flags, TAILRACE_CONFIG=str(file), TAILRACE_TICK="3s", TAILRACE_TOCK="1s")
    assert done.exit_code == 1
    assert runs == [(Settings(lake="/lake", tick=3.0, max_line=2048, exclude=("a", "b", "c"), redact=("email",)), True)]
    assert done.stdout == ""
    assert "warning: TAILRACE_TOCK is set" in done.stderr
    assert "did you mean TAILRACE_TICK?" in done.stderr


def test_run_logs_follows_unless_told_once(runs: list[tuple[Settings, bool]]) -> None:
    tailrace("run", "logs", "--sink", "stdout")
    assert runs == [(Settings(sink="stdout"), False)]


def test_a_lake_that_is_missing_stops_the_run_before_it_begins(runs: list[tuple[Settings, bool]]) -> None:
    done = tailrace("run", "logs")
    assert (done.exit_code, runs, done.stdout) == (2, [], "")
    assert done.stderr.startswith("error: sink local needs a folder for the lake")


def test_sql_that_cannot_be_used_stops_the_run_before_it_begins(runs: list[tuple[Settings, bool]]) -> None:
    done = tailrace("run", "logs", "--lake", "l", "--transform", "SELEC * FROM lines")
    assert (done.exit_code, runs, done.stdout) == (2, [], "")
    assert done.stderr.startswith("error: transform (flag --transform): ")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("run", "logs", "--max-line", "5 bananas"), "error: max_line (flag --max-line): '5 bananas' is not a size"),
        (("run", "logs", "--max-lin", "1KiB"), "No such option '--max-lin'"),
        (("run", "logs", "--tick"), "requires an argument"),
        (("run", "logs", "now"), "unexpected extra argument"),
        (("run", "logs", "--config", "none.yaml"), "'none.yaml' does not exist"),
        (("chek", "a.yaml"), "no command 'chek'; did you mean check?"),
        (("zzz",), "no command 'zzz'; the commands are "),
        (("run", "pods"), "No such command 'pods'"),
        (("run", "metrics"), "error: nobody would get the metrics: nothing was started; say where"),
        (("run", "metrics", "--listen", ":0", "--disks-exclude", "("), "error: disks_exclude is not a pattern"),
        (("check",), "Missing argument 'FILE'"),
        (("check", "none.yaml"), "'none.yaml' does not exist"),
        (("config", "-o", "xml"), "'xml' is not one of"),
    ],
)
def test_wrong_usage_exits_2_with_one_clear_message(arguments: tuple[str, ...], told: str) -> None:
    done = tailrace(*arguments)
    assert (done.exit_code, done.stdout) == (2, "")
    assert told in done.stderr
    assert done.stderr.lower().count("error:") == 1
    assert isinstance(done.exception, SystemExit)


def test_check_says_how_many_settings_a_good_file_has(tmp_path: Path) -> None:
    file = tmp_path / "tailrace.yaml"
    file.write_text("lake: /lake\nredact: [email]\ntransform: SELECT * FROM lines WHERE level = 'error'\n")
    done = tailrace("check", str(file))
    assert (done.stdout, done.stderr, done.exit_code) == (f"{file}: ok, 3 settings\n", "", 0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (BROKEN, ["max_line (file {file}:1): '5 bananas'", "max_lin (file {file}:2): no such setting"]),
        ("tick: 1s\n", ["sink local needs a folder for the lake"]),
        ("lake: l\nmultiline_start: (\n", ["multiline_start is not a pattern"]),
        ("lake: l\ntransform: SELEC * FROM lines\n", ["transform (file {file}:2): "]),
        ("lake: l\ntransform: SELECT nothing_of_the_kind FROM lines\n", ["transform (file {file}:2): "]),
        ("lake: s3://l\n", ["lake is 's3://l', but the sink local writes to a folder"]),
        (
            "sinks:\n  a:\n    sink: local\n  b:\n    sink: stdout\n    where: levl = 'x'\n"
            "  c:\n    sink: stdout\n    where: level = = 'x'\n  d:\n    sink: stdout\n    where: random() > 0.5\n",
            [
                "sinks.a.sink (file {file}:3): sink local needs a folder",
                "sinks.b.where (file {file}:6): the SQL can't be used: Binder Error",
                'sinks.c.where (file {file}:9): the SQL can\'t be used: syntax error at or near "=" (character 9)',
                "sinks.d.where (file {file}:12): the SQL can't be used: random() gives another value each time",
            ],
        ),
    ],
)
def test_check_tells_every_error_of_a_bad_file_and_exits_1(text: str, told: list[str], tmp_path: Path) -> None:
    file = tmp_path / "tailrace.yaml"
    file.write_text(text)
    done = tailrace("check", str(file))
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.count("error: ") == len(told)
    for error in told:
        assert "error: " + error.format(file=file) in done.stderr


def test_a_run_refuses_what_check_refuses_in_the_same_words(tmp_path: Path) -> None:
    file = tmp_path / "tailrace.yaml"
    file.write_text(BROKEN)
    done = tailrace("run", "logs", "--config", str(file))
    assert (done.exit_code, done.stderr) == (2, tailrace("check", str(file)).stderr)


def test_run_logs_hands_several_sinks_to_the_agent(runs: list[tuple[Settings, bool]], tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text("lake: l\nsinks:\n  a:\n    sink: local\n  b:\n    sink: stdout\n    where: level = 'x'\n")
    tailrace("run", "logs", "--config", str(file), "--tick", "2s")
    entries = (SinkEntry(name="a", sink="local"), SinkEntry(name="b", sink="stdout", where="level = 'x'"))
    assert runs == [(Settings(lake="l", tick=2.0, sinks=entries), False)]
    done = tailrace("run", "logs", "--config", str(file), "--stdout-format", "text")
    assert (done.exit_code, len(runs)) == (2, 1)
    assert f"error: sinks (file {file}:2): stands beside stdout_format (flag --stdout-format)" in done.stderr


def test_check_online_asks_each_sink_and_says_what_it_found_a_line_each(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(f"sinks:\n  a:\n    sink: local\n    lake: {tmp_path}/lake\n  b:\n    sink: stdout\n")
    done = tailrace("check", str(file), "--online")
    assert (done.exit_code, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        f"ok       a: the folder {tmp_path}/lake can be written",
        "ok       b: there is nothing that could be tried",
        f"{file}: ok, 3 settings",
    ]


def test_check_online_exits_1_when_a_sink_would_not_work_and_asks_the_others_all_the_same(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(f"sinks:\n  a:\n    sink: local\n    lake: {file}/lake\n  b:\n    sink: stdout\n")
    assert tailrace("check", str(file)).exit_code == 0
    done = tailrace("check", str(file), "--online")
    told = f"problem  a: the folder {file}/lake can't be written: Not a directory; mend it, or set lake"
    assert (done.exit_code, done.stdout.splitlines()[0]) == (1, told)
    assert done.stdout.splitlines()[1:] == ["ok       b: there is nothing that could be tried"]


def test_check_online_does_not_ask_when_the_file_is_bad(tmp_path: Path) -> None:
    file = tmp_path / "t.yaml"
    file.write_text(f"lake: {tmp_path}/lake\ntick: x\n")
    assert (tailrace("check", str(file), "--online").exit_code, (tmp_path / "lake").exists()) == (1, False)


def test_config_shows_each_value_and_where_it_came_from(tmp_path: Path) -> None:
    file = tmp_path / "tailrace.yaml"
    file.write_text("lake: /lake\ntransform: |\n  SELECT *\n  FROM lines\n")
    table = tailrace("config", "--config", str(file), TAILRACE_MAX_LINE="65536").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["setting", *(declared.name for declared in SETTINGS)]
    rows = [line.split() for line in table]
    assert ["max_line", "64KiB", "environment", "TAILRACE_MAX_LINE"] in rows
    assert ["lake", "/lake", "file", f"{file}:1"] in rows
    assert ["transform", "SELECT", "*", "FROM", "lines", "file", f"{file}:2"] in rows
    assert ["tick", "1s", "default"] in rows


def test_config_gives_json_that_can_be_written_back(tmp_path: Path) -> None:
    done = tailrace("config", "-o", "json", TAILRACE_SEAL_SECONDS="90")
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["seal_seconds"] == {"name": "seal_seconds", "value": "90s", "from": "environment TAILRACE_SEAL_SECONDS"}
    assert "warning: sink local needs a folder for the lake" in done.stderr
    (tmp_path / "all.yaml").write_text("".join(f"{name}: {json.dumps(row['value'])}\n" for name, row in rows.items()))
    again = tailrace("config", "-o", "json", "--config", str(tmp_path / "all.yaml"))
    assert {row["name"]: row["value"] for row in json.loads(again.stdout)} == {n: r["value"] for n, r in rows.items()}


def test_a_command_whose_extra_is_not_installed_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    lazy = cli.Lazy("query", "module_that_is_not_there", "Ask.", "query")
    monkeypatch.setattr(cli, "LAZY", (lazy,))
    done = tailrace("query")
    assert (done.exit_code, done.stdout) == (1, "")
    assert "pip install 'tailrace[query]'" in done.stderr
    assert tailrace("--help").exit_code == 0


def test_a_lazy_command_is_run_with_its_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("asks")
    module.query = click.Command(  # type: ignore[attr-defined]
        "query", params=[click.Argument(["name"])], callback=lambda name: click.echo(f"asked {name}")
    )
    monkeypatch.setitem(sys.modules, "asks", module)
    monkeypatch.setattr(cli, "LAZY", (cli.Lazy("query", "asks", "Ask.", "query"),))
    assert tailrace("query", "errors/by_workload").output == "asked errors/by_workload\n"
