"""The user's SQL over batches: what is refused before a line is read, and that no batch ever loses one."""

import subprocess
import sys

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tailrace.lake import LOGS
from tailrace.logs import transform
from tailrace.logs.transform import Transform, TransformError

LEVELS = ("debug", "info", "warn", None)


def batch(rows: list[dict[str, object]]) -> pa.RecordBatch:
    """Lines of file f0 by default, 100 bytes each, with LOGS' schema; a row names only what matters."""
    whole = []
    for index, row in enumerate(rows):
        default = {"file": "f0", "file_offset": 100 * index, "file_bytes": 100, "meta_missing": False, "restart": 0}
        texts = dict.fromkeys(("cluster", "node", "namespace", "pod", "pod_uid", "container", "stream"), "x")
        whole.append({"ts": index, "ingest_ts": 0, "message": f"line {index}", **default, **texts, **row})
    return pa.RecordBatch.from_arrays(
        [pa.array([row.get(f.name) for row in whole], f.type) for f in LOGS.schema], schema=LOGS.schema
    )


FOUR = batch([{"level": level} for level in LEVELS])


def column(lines: pa.RecordBatch, name: str) -> list[object]:
    return lines.column(name).to_pylist()


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELEC * FROM lines", "syntax error"),
        ("SELECT 1; SELECT * FROM lines", "2 statements"),
        ("-- nothing", "0 statements"),
        ("DELETE FROM lines", "no SELECT"),
        ("CREATE TABLE t AS SELECT * FROM lines", "no SELECT"),
        ("COPY lines TO 'out.csv'", "no SELECT"),
        ("ATTACH 'other.db'", "no SELECT"),
        ("INSTALL httpfs", "no SELECT"),
        ("SET threads = 8", "no SELECT"),
        ("SELECT 1 AS message", "does not read the table lines"),
        ("SELECT * FROM lines, read_csv('/etc/passwd')", r"reads read_csv\(\)"),
        ("SELECT * FROM lines, read_text('/etc/passwd')", r"reads read_text\(\)"),
        ("SELECT * FROM lines WHERE message IN (FROM '/etc/passwd')", "reads /etc/passwd"),
        ("SELECT * FROM lines, duckdb_settings()", r"reads duckdb_settings\(\)"),
        ("SELECT * FROM query('SELECT 1')", r"reads query\(\)"),
        ("SELECT * FROM lines JOIN FOUR USING (file)", "reads four"),
        ("SELECT * FROM lines WHERE levle = 'info'", '(?s)levle.*"level".*columns of lines are ts, cluster'),
        ("SELECT * FROM lines WHERE nosuch(message)", "nosuch"),
        ("SELECT *, 1 AS levels FROM lines", "no place for the column levels.*did you mean level"),
        ("SELECT *, 'x' AS level FROM lines", "level twice"),
        ("SELECT * EXCLUDE (file_offset) FROM lines", "leaves out file_offset"),
        ("SELECT * EXCLUDE (message, node) FROM lines", "leaves out node, message"),
        ("SELECT * REPLACE (NULL AS message) FROM lines", "message is null"),
        ("SELECT * REPLACE ('abc' AS restart) FROM lines", "restart|abc"),
        ("SELECT * REPLACE (file_offset + 1 AS file_offset) FROM lines", "was not in the batch"),
        ("SELECT * REPLACE ('y' AS file) FROM lines", "was not in the batch"),
        ("SELECT * REPLACE (file_bytes * 2 AS file_bytes) FROM lines", "file_bytes was changed"),
        ("SELECT lines.* FROM lines, unnest([1, 2])", "more than once"),
        ("SELECT * REPLACE (message::INT AS message) FROM lines", "(?s)Could not convert.*TRY_CAST"),
        ("SELECT * FROM lines WHERE sampled(10)", "fraction from 0 to 1"),
    ],
)
def test_sql_that_cannot_work_is_refused_at_start_up_with_the_reason(sql, says):
    with pytest.raises(TransformError, match=says):
        Transform(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM lines WHERE random() < 0.1",
        "SELECT * FROM lines WHERE RANDOM() < 0.1",
        "SELECT * REPLACE (uuid() AS trace_id) FROM lines",
        "SELECT * REPLACE (now() AS ts) FROM lines",
        "SELECT * REPLACE (Current_Timestamp AS ts) FROM lines",
        "SELECT * FROM lines WHERE ts > ago(INTERVAL 1 HOUR)",
        "SELECT * FROM lines WHERE age(ts) < INTERVAL 1 HOUR",
        "SELECT * FROM lines USING SAMPLE 10%",
        "SELECT * FROM lines TABLESAMPLE 10%",
    ],
)
def test_chance_and_the_clock_are_refused_and_sampled_is_named_instead(sql):
    with pytest.raises(TransformError, match=r"sampled\(0\.1\)"):
        Transform(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM lines LIMIT 100",
        "SELECT DISTINCT * FROM lines",
        "SELECT DISTINCT ON (message) * FROM lines",
        "SELECT * FROM lines QUALIFY row_number() OVER (PARTITION BY pod ORDER BY ts) < 100",
        "SELECT * FROM lines UNION ALL SELECT * FROM lines",
        "SELECT * FROM lines WHERE (SELECT count(*) FROM lines) > 3",
        "SELECT * FROM lines WHERE EXISTS (SELECT 1 FROM lines l WHERE l.trace_id = lines.trace_id)",
        "WITH a AS (FROM lines) SELECT * FROM a WHERE EXISTS (SELECT 1 FROM a b WHERE b.pod = a.pod)",
        "SELECT any_value(COLUMNS(*)) FROM lines GROUP BY file_offset",
        "SELECT * FROM lines GROUP BY ALL",
        "WITH RECURSIVE a AS (SELECT * FROM lines UNION ALL SELECT * FROM a) FROM a",
    ],
)
def test_what_depends_on_where_a_batch_begins_is_refused(sql):
    with pytest.raises(TransformError, match="looked at on its own"):
        Transform(sql)


def test_duckdb_itself_reads_and_writes_nothing_outside_its_batch(tmp_path):
    # Behind the check of the statement stands a second wall: the connection's own settings.
    con = transform._confined()
    for sql in (
        "SELECT * FROM read_csv('/etc/passwd')",
        f"COPY (SELECT 1) TO '{tmp_path}/out'",
        f"ATTACH '{tmp_path}/other.db'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SELECT * FROM FOUR",
        "SET enable_external_access = true",
        "SET threads = 8",
    ):
        with pytest.raises(duckdb.Error):
            con.execute(sql)
    assert list(tmp_path.iterdir()) == []


def test_lines_are_filtered_and_null_is_not_true():
    done = Transform("SELECT * FROM lines WHERE level <> 'debug'").apply(FOUR)
    assert done.error is None
    assert done.lines.schema.equals(LOGS.schema)
    assert column(done.lines, "level") == ["info", "warn"]
    assert done.kept is not None
    assert done.kept.tolist() == [False, True, True, False]


def test_nothing_left_out_gives_no_mask_and_all_left_out_gives_no_lines():
    assert Transform("FROM lines").apply(FOUR).kept is None
    none = Transform("SELECT * FROM lines WHERE false").apply(FOUR)
    assert none.lines.num_rows == 0
    assert none.lines.schema.equals(LOGS.schema)
    assert none.kept is not None
    assert not none.kept.any()


def test_rows_come_back_in_the_order_of_the_batch():
    done = Transform("SELECT * FROM lines ORDER BY message DESC").apply(FOUR)
    assert done.lines.equals(FOUR)


def test_columns_that_are_not_selected_become_null_and_derived_ones_are_kept():
    needed = ", ".join(f.name for f in LOGS.schema if not f.nullable)
    done = Transform(f"SELECT {needed}, upper(message) AS trace_id FROM lines").apply(FOUR)
    assert done.error is None
    assert done.lines.schema.equals(LOGS.schema)
    assert column(done.lines, "level") == [None] * 4
    assert column(done.lines, "trace_id") == ["LINE 0", "LINE 1", "LINE 2", "LINE 3"]


def test_a_table_written_into_the_sql_can_say_what_is_kept():
    rates = "(VALUES ('shop', 0.0), ('bank', 1.0)) AS r(namespace, fraction)"
    sql = f"SELECT lines.* FROM lines LEFT JOIN {rates} USING (namespace) WHERE sampled(coalesce(fraction, 1))"
    done = Transform(sql).apply(batch([{"namespace": n} for n in ("shop", "bank", "other")]))
    assert done.error is None
    assert column(done.lines, "namespace") == ["bank", "other"]


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT * FROM lines WHERE CASE message WHEN 'bad' THEN level::INT = 1 ELSE true END", "Could not convert"),
        ("SELECT * REPLACE (CASE WHEN message <> 'bad' THEN message END AS message) FROM lines", "message is null"),
        ("SELECT * REPLACE (file_bytes + (message = 'bad')::INT AS file_bytes) FROM lines", "file_bytes was changed"),
        ("SELECT * REPLACE (file_offset + (message = 'bad')::INT AS file_offset) FROM lines", "not in the batch"),
        (
            "SELECT * REPLACE (CASE message WHEN 'bad' THEN 'y' ELSE file END AS file) FROM lines",
            "not in the batch",
        ),
        ("SELECT lines.* FROM lines JOIN (VALUES ('{}'), ('bad'), ('bad')) t(m) ON message = m", "more than once"),
        ("SELECT * REPLACE (CASE message WHEN 'bad' THEN 'x' ELSE '1' END AS restart) FROM lines", "int32"),
    ],
)
def test_sql_that_fails_on_a_batch_keeps_every_line_as_it_was(sql, says):
    lines = batch([{"message": "{}"}, {"message": "bad", "level": "info"}, {"message": "{}"}])
    done = Transform(sql).apply(lines)
    assert done.lines.equals(lines)
    assert done.kept is None
    assert done.error is not None
    assert says in done.error
    assert "3 lines, which stay as they were" in done.error


def test_a_transform_that_failed_on_one_batch_works_on_the_next():
    some = Transform("SELECT * FROM lines WHERE CASE message WHEN '{}' THEN true ELSE message::INT = 1 END")
    assert some.apply(batch([{"message": "x"}])).error is not None
    done = some.apply(batch([{"message": "0"}, {"message": "1"}]))
    assert (done.error, column(done.lines, "message")) == (None, ["1"])


def test_redaction_comes_before_the_sql_which_can_copy_no_secret():
    sql = "SELECT * REPLACE (message AS trace_id) FROM lines"
    done = Transform(sql, ("email",)).apply(batch([{"message": "to joe@example.com"}]))
    assert column(done.lines, "trace_id") == ["to [email]"]
    assert column(done.lines, "message") == ["to [email]"]


def test_sql_that_fails_on_a_batch_still_yields_redacted_lines():
    sql = "SELECT * FROM lines WHERE CASE message WHEN '{}' THEN true ELSE message::INT = 1 END"
    done = Transform(sql, ("email",)).apply(batch([{"message": "to joe@example.com"}]))
    assert column(done.lines, "message") == ["to [email]"]
    assert done.error is not None
    assert "joe@" not in done.error


def test_redaction_that_fails_withholds_messages_and_keeps_the_lines(monkeypatch):
    def fails(*_):
        raise MemoryError

    monkeypatch.setattr(transform, "redact", fails)
    done = Transform("SELECT * FROM lines WHERE level = 'info'", ("email",)).apply(FOUR)
    assert column(done.lines, "message") == [transform.WITHHELD]
    assert done.error is not None
    assert "MemoryError" in done.error


def test_a_redaction_that_does_not_exist_is_refused_with_a_suggestion():
    with pytest.raises(TransformError, match="did you mean email"):
        Transform(redact=("emial",))


def test_without_sql_there_is_nothing_to_do_and_duckdb_is_not_imported():
    assert not Transform().active
    assert not Transform(" \n").active
    assert Transform(redact=("email",)).active
    assert Transform("FROM lines").active
    code = (
        "import sys; from tailrace.logs.transform import Transform; Transform(redact=('email',)); "
        "assert 'duckdb' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_sample_is_the_same_lines_however_they_are_batched():
    lines = batch([{"file": f"f{i % 3}", "file_offset": i} for i in range(3000)])
    some = Transform("SELECT * FROM lines WHERE sampled(0.1)")
    together = some.apply(lines).lines
    assert 200 < together.num_rows < 400
    apart = [some.apply(lines.slice(start, 700)).lines for start in range(0, 3000, 700)]
    again = pa.Table.from_batches(apart)
    assert again.column("file_offset").to_pylist() == column(together, "file_offset")


ROW = st.fixed_dictionaries(
    {
        "level": st.sampled_from(LEVELS),
        "file": st.sampled_from(("f0", "f1", "f2")),
        "message": st.text(max_size=6),
        "trace_id": st.one_of(st.none(), st.text(max_size=3)),
    }
)

CONDITION = "WHERE level IS DISTINCT FROM 'debug' AND file <> 'f2' OR length(message) > 3"


@pytest.fixture(scope="module")
def both() -> tuple[Transform, Transform]:
    """The same filter twice: asked for one boolean a line, and taking every column through DuckDB and back."""
    return Transform(f"SELECT * FROM lines {CONDITION}"), Transform(f"FROM (FROM lines) {CONDITION}")


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(ROW, max_size=20), offsets=st.permutations(range(20)), start=st.integers(0, 5))
def test_filtering_by_mask_equals_filtering_by_sql(both, rows, offsets, start):
    lines = batch([{**row, "file_offset": offset} for row, offset in zip(rows, offsets, strict=False)]).slice(start)
    by_mask, by_sql = both
    assert by_mask._statement.condition is not None
    assert by_sql._statement.condition is None
    one, other = by_mask.apply(lines), by_sql.apply(lines)
    assert (one.error, other.error) == (None, None)
    assert one.lines.to_pylist() == other.lines.to_pylist()
    assert other.lines.schema.equals(LOGS.schema)
    kept = [np.ones(lines.num_rows, bool) if done.kept is None else done.kept for done in (one, other)]
    assert np.array_equal(*kept)
    assert lines.filter(pa.array(kept[0])).to_pylist() == one.lines.to_pylist()
