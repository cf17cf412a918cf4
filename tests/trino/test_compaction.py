"""Compaction on a real Trino, into Iceberg: the same rows and answers in fewer files, however often it is run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from tailrace.lake import LOGS, TABLES, Table
from tailrace.query.compaction import Compaction
from tests.answers import golden
from tests.query.test_packs import GIVEN
from tests.servers.versitygw import BUCKET
from tests.trino.stage import Stage
from tests.trino.test_trino import ask

DAY, HOUR = "2026-11-20", "22"
# One of each table, those that look at objects by name, and one that joins four tables.
ASKED = (
    *("volume/by_namespace", "events/warnings", "capacity/no_limits", "noisy/neighbours", "events/why_restarted"),
    *("audit/balance", "audit/gaps", "audit/duplicates"),
)


@dataclass(frozen=True)
class Compacted:
    """A database of Iceberg tables beside a raw one."""

    stage: Stage
    raw: str

    @property
    def statements(self) -> Compaction:
        into = f"{self.raw}_compact"
        return Compaction("trino", f"awsdatacatalog.{self.raw}", f"iceberg.{into}", f"s3://{BUCKET}/{into}/")

    def rows(self, text: str) -> list[list[object]]:
        return self.stage.ask(text, f"{self.raw}_compact", "iceberg").rows

    def make(self, *tables: Table) -> Compacted:
        self.rows(self.statements.schema())
        for table in tables:
            self.rows(self.statements.table(table))
        return self

    def merge(self, table: Table, day: str = DAY, hour: str = HOUR) -> int:
        ((taken,),) = self.rows(self.statements.merge(table, day, hour))
        return int(str(taken))

    def audit(self, table: Table, day: str = DAY, hour: str = HOUR) -> tuple[object, ...]:
        (row,) = self.rows(self.statements.audit(table, day, hour))
        return tuple(row)

    def snapshots(self, table: Table) -> int:
        ((found,),) = self.rows(f'SELECT count(*) FROM {self.statements.into}."{table.name}$snapshots"')
        return int(str(found))


def hours(lake: Path, table: Table) -> list[tuple[str, str]]:
    return sorted((path.parent.name[3:], path.name[5:]) for path in lake.glob(f"{table.name}/dt=*/hour=*"))


@pytest.fixture(scope="module")
def whole(stage: Stage, small_lake: Path) -> Compacted:
    """Every hour of the small lake, compacted."""
    made = Compacted(stage, "tailrace").make(*TABLES)
    for table in TABLES:
        assert hours(small_lake, table)
        for day, hour in hours(small_lake, table):
            assert made.merge(table, day, hour) > 0
    return made


@pytest.fixture
def own(stage: Stage, lake: Path, tmp_path: Path) -> Compacted:
    """Two hours of logs of the test's own, not compacted yet."""
    name = f"own_{abs(hash(tmp_path))}"
    stage.tables(name, lake)
    return Compacted(stage, name).make(LOGS)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_hour_has_the_same_rows_afterwards(whole: Compacted, small_lake: Path, table: Table) -> None:
    for day, hour in hours(small_lake, table):
        before, after, same = whole.audit(table, day, hour)
        assert before == after
        assert same is True


@pytest.mark.parametrize("name", ASKED)
def test_a_question_to_the_compacted_database_has_the_same_answer(whole: Compacted, name: str) -> None:
    words = ("--catalog", "iceberg", *GIVEN.get(name, ()))
    done = ask(whole.stage, name, "-o", "csv", *words, database="tailrace_compact")
    assert done.exit_code == 0, done.output
    assert golden.comparable(done.stdout) == golden.path(name).read_text()


def test_an_hour_of_many_objects_is_one_file_and_one_commit_and_once_more_takes_nothing(
    own: Compacted, lake: Path
) -> None:
    assert len(list(lake.glob(f"logs/dt={DAY}/hour={HOUR}/*.parquet"))) > 1
    before = own.snapshots(LOGS)
    assert own.merge(LOGS) > 0
    assert own.snapshots(LOGS) == before + 1
    assert own.rows(f'SELECT file_count FROM {own.statements.into}."logs$partitions"') == [[1]]
    assert own.merge(LOGS) == 0
    before, after, same = own.audit(LOGS)
    assert (before, same) == (after, True)
    assert own.audit(LOGS, hour="21")[1:] == (0, False)


def test_what_comes_late_is_taken_and_nothing_else(own: Compacted, lake: Path) -> None:
    late = max(lake.glob(f"logs/dt={DAY}/hour={HOUR}/*.parquet"), key=lambda path: path.stat().st_size)
    key = f"{own.raw}/{late.relative_to(lake)}"
    client = own.stage.s3.client()
    client.delete_object(Bucket=BUCKET, Key=key)
    first = own.merge(LOGS)
    client.put_object(Bucket=BUCKET, Key=key, Body=late.read_bytes())
    before, after, same = own.audit(LOGS)
    assert (after, same) == (first, False)
    assert own.merge(LOGS) == int(str(before)) - first
    assert own.audit(LOGS) == (before, before, True)
    own.rows(own.statements.optimize(LOGS, DAY))
    assert own.rows(f'SELECT file_count FROM {own.statements.into}."logs$partitions"') == [[1]]
    assert own.audit(LOGS) == (before, before, True)


def test_a_line_that_lies_in_the_lake_twice_is_taken_once(own: Compacted, lake: Path) -> None:
    (before, _, _) = own.audit(LOGS)
    for path in lake.glob(f"logs/dt={DAY}/hour={HOUR}/*.parquet"):
        key = f"{own.raw}/logs/dt={DAY}/hour={HOUR}/again-{path.name}"
        own.stage.s3.client().put_object(Bucket=BUCKET, Key=key, Body=path.read_bytes())
    assert own.merge(LOGS) == before
    assert own.audit(LOGS) == (before, before, True)


@pytest.mark.parametrize(
    "fault", ["DELETE FROM {} WHERE level = 'error'", "UPDATE {} SET message = 'x' WHERE restart = 0"]
)
def test_the_audit_sees_a_row_that_is_missing_or_is_another(own: Compacted, fault: str) -> None:
    own.merge(LOGS)
    own.rows(fault.format(f"{own.statements.into}.logs"))
    assert own.audit(LOGS)[2] is False


def test_old_snapshots_end_without_a_row_being_lost(own: Compacted) -> None:
    own.merge(LOGS)
    own.rows(own.statements.expire(LOGS))
    assert own.audit(LOGS)[2] is True
