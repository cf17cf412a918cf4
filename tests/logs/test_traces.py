"""traces: a stack trace is one line, in whatever steps it is read, and nothing that merely looks like one is joined."""

from __future__ import annotations

from pathlib import Path

import pytest

from tailrace.logs import source
from tests.node import World, writer

JAVA = """\
Exception in thread "main" java.lang.IllegalStateException: outer
\tat com.example.Service.run(Service.java:42)
\tat com.example.Main.main(Main.java:7) ~[app.jar:1.0]
Caused by: java.io.IOException: inner: with a colon
\tat com.example.Disk.read(Disk.java:13)
\t... 12 more
\tSuppressed: java.lang.RuntimeException: on close
\t\tat com.example.Disk.close(Disk.java:99)
\t\t... 3 common frames omitted
Caused by: java.lang.Error: root
\tat java.base/java.lang.Thread.run(Thread.java:840)"""
PYTHON = """\
Traceback (most recent call last):
  File "/app/main.py", line 10, in <module>
    run()
  File "/app/main.py", line 6, in run
    raise ValueError("first")
ValueError: first

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/app/main.py", line 12, in <module>
    clean()
    ^^^^^^^
KeyError: 'second'

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/app/main.py", line 14, in <module>
    raise SystemExit("third") from e
SystemExit: third"""
GO = """\
panic: runtime error: index out of range [5] with length 3

goroutine 1 [running]:
main.work(...)
\t/app/main.go:12
main.main()
\t/app/main.go:8 +0x1d
created by main.start in goroutine 1
\t/app/main.go:5 +0x2f

goroutine 18 [chan receive, 5 minutes]:
main.wait(0xc000012345)
\t/app/wait.go:33 +0x45
exit status 2"""
JAVASCRIPT = """\
TypeError: Cannot read properties of undefined (reading 'id')
    at handler (/app/server.js:10:15)
    at Layer.handle [as handle_request] (/app/node_modules/express/lib/router/layer.js:95:5)
    at async Promise.all (index 0)"""
DOTNET = """\
Unhandled exception. System.InvalidOperationException: outer
 ---> System.ArgumentNullException: Value cannot be null. (Parameter 'x')
   at App.Inner() in /src/App.cs:line 12
   --- End of inner exception stack trace ---
   at App.Outer() in /src/App.cs:line 20
--- End of stack trace from previous location ---
   at App.Main(String[] args)"""
RUBY = """\
/app/main.rb:3:in 'divide': divided by 0 (ZeroDivisionError)
\tfrom /app/main.rb:7:in 'block in run'
\tfrom /app/main.rb:6:in 'Array#each'
\tfrom /app/main.rb:11:in '<main>'"""
TRACES = {"java": JAVA, "python": PYTHON, "go": GO, "javascript": JAVASCRIPT, "dotnet": DOTNET, "ruby": RUBY}


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.mark.parametrize("name", TRACES)
def test_a_stack_trace_is_one_line(world: World, name: str) -> None:
    w = writer(world.root)
    for part in ("before", TRACES[name], "between", TRACES[name], "after"):
        w.records(part.split("\n"))
    assert world.run() == 0
    assert world.messages() == ["before", TRACES[name], "between", TRACES[name], "after"]
    assert world.ask("SELECT sum(file_bytes) FROM logs") == [(w.path.stat().st_size,)]
    world.assert_sound()


@pytest.mark.parametrize("name", TRACES)
@pytest.mark.parametrize("share", [1, 150, 400])
def test_a_stack_trace_over_the_borders_of_blocks_loses_no_line_and_is_cut_at_its_empty_lines_at_most(
    world: World, name: str, share: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An empty line may end a block; what links it to the trace before is not read yet, so it stands alone then."""
    monkeypatch.setattr(source, "SHARE", share)
    w = writer(world.root)
    for part in ("before", TRACES[name], "after"):
        w.records(part.split("\n"))
    assert world.run(block_bytes=1024) == 0
    got = world.messages()
    assert "\n".join(got) == f"before\n{TRACES[name]}\nafter", "each physical line once, in its place"
    assert (got[0], got[-1]) == ("before", "after")
    pieces = got[1:-1]
    if name == "python":
        assert len(pieces) <= 7, "three traces, two sentences between them, and what stands alone"
        assert sum(p.startswith("Traceback") or "\nTraceback" in p for p in pieces) >= 1
        assert not any(p.startswith(("  ", "\t")) for p in pieces)
    else:
        assert pieces == [TRACES[name]]
    world.assert_sound()


def test_traces_of_two_streams_and_two_pods_written_at_once_stay_apart(world: World) -> None:
    a, b = writer(world.root, pod="a"), writer(world.root, pod="b")
    for out, err, other in zip(JAVA.split("\n"), DOTNET.split("\n") + [""] * 9, PYTHON.split("\n"), strict=False):
        a.record(out, "stdout")
        if err:
            a.record(err, "stderr")
        b.record(other, "stdout")
    for rest in PYTHON.split("\n")[len(JAVA.split("\n")) :]:
        b.record(rest)
    assert world.run() == 0
    assert world.messages("stream = 'stdout' AND pod = 'a'") == [JAVA]
    assert world.messages("stream = 'stderr'") == [DOTNET]
    assert world.messages("pod = 'b'") == [PYTHON]
    world.assert_sound()


@pytest.mark.parametrize("name", TRACES)
def test_nothing_is_joined_where_multiline_is_none(world: World, name: str) -> None:
    w = writer(world.root)
    w.records(TRACES[name].split("\n"))
    assert world.run(multiline="none") == 0
    assert world.messages() == TRACES[name].split("\n")
    world.assert_sound()


def test_only_the_languages_that_are_named_are_joined(world: World) -> None:
    w = writer(world.root)
    for part in (RUBY, "between", GO):
        w.records(part.split("\n"))
    assert world.run(multiline="go") == 0
    assert world.messages() == [*RUBY.split("\n"), "between", GO]
    world.assert_sound()


def test_lines_that_merely_look_like_a_trace_stay_apart(world: World) -> None:
    w = writer(world.root)
    lines = [
        "at the beginning", "  indented text", "\tindented by a tab", "Caused a problem", "from here", "  attention",
        "ValueError: no traceback before", "", "goroutines: 5", "panicking", "exit status 2", "created by hand",
        "-- End", "--- a diff", "  - at", " " * 30 + "at far away", "Traceback of a letter", "File not found",
        '"quoted"', "",
    ]  # fmt: skip
    w.records(lines)
    assert world.run() == 0
    assert world.messages() == lines
    world.assert_sound()


def test_an_indented_line_is_joined_only_right_below_a_trace_of_its_own(world: World) -> None:
    w = writer(world.root)
    trace = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n    f()\nKeyError: 1'
    lines = ["a list:", "  one", "    two", *trace.split("\n"), "after", "  three", "KeyError: 2"]
    w.records(lines)
    assert world.run(multiline="python") == 0
    assert world.messages() == ["a list:", "  one", "    two", trace, "after", "  three", "KeyError: 2"]
    world.assert_sound()


def test_a_group_of_pythons_exceptions_is_one_line(world: World) -> None:
    w = writer(world.root)
    group = """\
  + Exception Group Traceback (most recent call last):
  |   File "/app/main.py", line 3, in <module>
  |     raise ExceptionGroup("two", [ValueError(1), KeyError(2)])
  | ExceptionGroup: two (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | ValueError: 1
    +---------------- 2 ----------------
    | KeyError: 2
    +------------------------------------"""
    w.records(["before", *group.split("\n"), "after"])
    assert world.run() == 0
    assert world.messages() == ["before", group, "after"]
    world.assert_sound()


def test_a_custom_pattern_begins_a_line_and_all_else_continues_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "SHARE", 200)
    w = writer(world.root)
    lines = ["2026-11-20 one", "more", "", "  and more", "2026-11-20 two", "2026-11-21 three", "end"]
    w.records(["a head without the pattern", *lines])
    w.records(["err"], "stderr")
    assert world.run(multiline_start=r"^\d{4}-\d\d-\d\d ", block_bytes=1024) == 0
    assert world.messages("stream = 'stdout'") == [
        "a head without the pattern", "2026-11-20 one\nmore\n\n  and more", "2026-11-20 two", "2026-11-21 three\nend",
    ]  # fmt: skip
    assert world.messages("stream = 'stderr'") == ["err"]
    world.assert_sound()


def test_a_trace_may_hold_lines_that_came_in_pieces(world: World) -> None:
    w = writer(world.root)
    w.record("java.lang.Error: a long ", tag="P")
    w.record("message")
    w.record("\tat com.example.", tag="P")
    w.record("Main.main(Main.java:7)")
    w.record("\tat com.example.End")
    w.record("after")
    assert world.run() == 0
    assert world.messages() == [
        "java.lang.Error: a long message\n\tat com.example.Main.main(Main.java:7)\n\tat com.example.End",
        "after",
    ]
    world.assert_sound()


def test_a_trace_longer_than_max_line_is_cut_and_all_its_bytes_are_accounted_for(world: World) -> None:
    w = writer(world.root)
    w.record("java.lang.StackOverflowError")
    w.records([f"\tat com.example.Deep.call(Deep.java:{n})" for n in range(400)])
    size = w.path.stat().st_size
    w.record("after")
    assert world.run(max_line=2048) == 0
    rows = world.ask("SELECT length(message), cut, file_bytes FROM logs ORDER BY file_offset")
    assert rows == [(2048, "size", size), (5, None, 46)]
    ((lost,),) = world.ask("SELECT sum(to_offset - from_offset) FROM ledger WHERE account = 'truncated'")
    assert size - 6000 < lost < size - 2048
    world.assert_sound()
