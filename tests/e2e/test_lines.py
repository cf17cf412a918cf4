"""Every line that the pods wrote: in the lake, once, where it belongs; and the lake can prove it."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.e2e.machine import Machine
from tests.e2e.story import CRASHES, Told


def test_every_line_that_a_pod_wrote_is_in_the_lake(told: Told) -> None:
    assert told.truth.missing(told.silent) == []


def test_no_line_is_there_twice_and_none_that_was_not_written(told: Told) -> None:
    assert told.truth.too_many(told.silent) == []


def test_a_line_is_told_from_every_other_by_node_file_and_offset(told: Told) -> None:
    ((lines, places),) = told.truth.ask("SELECT count(*), count(DISTINCT (node, file, file_offset)) FROM logs")
    assert lines == places > 40_000


def test_the_files_were_rotated_while_they_were_read(told: Told) -> None:
    (noisy,) = told.seen.named("data", "noisy")
    ((files,),) = told.truth.ask(f"SELECT count(DISTINCT file) FROM lines WHERE pod_uid = '{noisy}'")
    assert files >= 3


def test_each_attempt_of_a_crash_loop_is_there_though_its_files_were_deleted(told: Told) -> None:
    (crashy,) = told.seen.named("shop", "crashy")
    rows = told.truth.ask(f"SELECT DISTINCT restart FROM lines WHERE pod_uid = '{crashy}' ORDER BY 1")
    assert [restart for (restart,) in rows][:CRASHES] == list(range(CRASHES))


def test_init_containers_are_read_as_others_are(told: Told) -> None:
    rows = told.truth.ask("SELECT DISTINCT container FROM lines WHERE workload = 'web' ORDER BY 1")
    assert [name for (name,) in rows] == ["app", "migrate", "proxy", "sidecar"]


def test_the_last_line_without_an_end_is_cut_as_the_runtime_left_it(told: Told) -> None:
    (blip,) = told.seen.named("shop", "blip")
    rows = told.truth.ask(f"SELECT message FROM lines WHERE pod_uid = '{blip}' AND cut IS NOT NULL")
    assert [message.split()[1] for (message,) in rows] == ["seq=19"]


def test_the_lines_of_a_pod_that_nobody_wants_are_filtered(told: Told) -> None:
    (silent,) = told.silent
    ranges = f"SELECT account, to_offset - from_offset AS bytes FROM ledger WHERE pod_uid = '{silent}'"
    rows = told.truth.ask(f"SELECT account, sum(bytes) > 0 FROM ({ranges}) GROUP BY 1")
    assert rows == [("filtered", True)]


@pytest.mark.parametrize("question", ["gaps", "duplicates", "balance"])
def test_the_audits_find_nothing(told: Told, machine: Machine, question: str) -> None:
    assert told  # the story is over
    words = [sys.executable, "-m", "tailrace", "query", f"audit/{question}", "--lake", str(machine.lake), "-o", "json"]
    settle = ["--param", "settle=0s"] if question == "gaps" else []
    done = subprocess.run([*words, *settle], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    found = [json.loads(row.rstrip(",")) for row in done.stdout.strip("[]\n ").split("\n") if row.strip()]
    if question == "balance":  # a row for each file
        assert found
        found = [row for row in found if row["balanced"] != "yes" or row["abandoned"]]
    assert found == []
