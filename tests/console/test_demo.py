"""`tailrace demo`: whose folders it touches, whom it leaves running, and that its promise holds."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tailrace.console import demo as module
from tailrace.console.demo import MARKER, demo, prepare, running


def test_a_new_or_empty_folder_becomes_a_marked_lake(tmp_path):
    prepare(tmp_path / "a" / "lake")
    assert (tmp_path / "a" / "lake" / MARKER).is_file()
    (tmp_path / "empty").mkdir()
    prepare(tmp_path / "empty")
    assert (tmp_path / "empty" / MARKER).is_file()


@pytest.mark.parametrize("content", ["logs/dt=2026-11-20/hour=22/real.parquet", "letter.txt"])
def test_a_folder_that_no_demo_made_is_refused_and_not_touched(tmp_path, content):
    path = tmp_path / content
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("precious")
    done = CliRunner().invoke(demo, ["--lake", str(tmp_path)])
    assert done.exit_code == 2
    assert "no demo made it; nothing was touched" in " ".join(done.output.split())
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [path]


def test_an_earlier_demo_s_lake_is_replaced(tmp_path):
    prepare(tmp_path)
    (tmp_path / "logs/dt=2026-11-20").mkdir(parents=True)
    prepare(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [MARKER]


def test_an_earlier_demo_s_lake_with_something_else_in_it_is_refused(tmp_path):
    prepare(tmp_path)
    (tmp_path / "logs").mkdir()
    (tmp_path / "letter.txt").write_text("precious")
    with pytest.raises(click.UsageError, match=r"holds letter\.txt; nothing was touched"):
        prepare(tmp_path)
    assert (tmp_path / "logs").is_dir()


def test_a_file_in_the_lake_s_place_is_refused(tmp_path):
    (tmp_path / "lake").write_text("precious")
    with pytest.raises(click.UsageError, match="is a file"):
        prepare(tmp_path / "lake")


def test_a_child_is_gone_when_its_context_ends_even_by_ctrl_c(tmp_path):
    def interrupted() -> None:
        with running(sys.executable, "-c", "import signal; signal.pause()", log=tmp_path / "log") as child:
            children.append(child)
            raise KeyboardInterrupt

    children: list[subprocess.Popen[bytes]] = []
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [child.returncode for child in children] == [-signal.SIGTERM]


def test_a_signal_that_comes_while_a_child_is_born_still_ends_it(tmp_path, monkeypatch):
    children = []

    class Late(subprocess.Popen):
        def __init__(self, *arguments, **named):
            super().__init__(*arguments, **named)
            children.append(self)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(subprocess, "Popen", Late)
    with (
        pytest.raises(KeyboardInterrupt),
        running(sys.executable, "-c", "import signal; signal.pause()", log=tmp_path / "log"),
    ):
        pass
    assert [child.returncode for child in children] == [-signal.SIGTERM]


def test_a_pod_process_that_fails_ends_the_demo_with_its_words(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PODS", (sys.executable, "-c", "import sys; sys.exit('no room')"))
    done = CliRunner().invoke(demo, ["--lake", str(tmp_path / "lake"), "--seconds", "1"])
    assert done.exit_code == 1
    assert "no room" in done.output


def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(tmp_path), "NO_COLOR": "1"}


def test_the_demo_loses_nothing_doubles_nothing_and_answers_its_questions(tmp_path):
    (tmp_path / "tmp").mkdir()
    command = [*module.TAILRACE, "demo", "--lake", tmp_path / "lake", "--seconds", "2"]
    done = subprocess.run(command, env=environment(tmp_path / "tmp"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    verdict = re.search(r"([\d,]+) lines written, ([\d,]+) in the lake, 0 lost, 0 doubled", done.stdout)
    assert verdict, done.stdout
    assert verdict[1] == verdict[2] != "0"
    shown = ("delivered", "errors/by_workload", "errors/fingerprints", "latency/by_path", "/api/checkout", "audit/gaps")
    assert [word for word in shown if word not in done.stdout] == []
    assert done.stdout.splitlines()[-1].endswith("lake/report.html")
    assert " delivered, 0 lost · tailrace report</title>" in (tmp_path / "lake" / "report.html").read_text()
    assert list((tmp_path / "tmp").iterdir()) == []


def test_an_agent_that_fails_ends_the_demo_at_once_with_its_words(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "TAILRACE", (sys.executable, "-c", "import sys; sys.exit('no state')"))
    done = CliRunner().invoke(demo, ["--lake", str(tmp_path / "lake"), "--seconds", "600"])
    assert done.exit_code == 1
    assert "no state" in done.output


def test_ctrl_c_leaves_neither_a_child_nor_a_folder(tmp_path):
    (tmp_path / "tmp").mkdir()
    command = [*module.TAILRACE, "demo", "--lake", tmp_path / "lake", "--seconds", "600"]
    started = subprocess.Popen(
        command, env=environment(tmp_path / "tmp"), stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
    )
    assert started.stderr is not None
    assert "Six pods write" in started.stderr.readline()
    started.send_signal(signal.SIGINT)
    started.communicate()
    assert started.returncode == 1
    assert list((tmp_path / "tmp").iterdir()) == []
    with_lake = [
        path.parent.name
        for path in Path("/proc").glob("[0-9]*/cmdline")
        if str(tmp_path).encode() in _read(path) and path.parent.name != str(os.getpid())
    ]
    assert with_lake == []


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # the process ended between the listing and the reading
        return b""
