"""influx: what a real InfluxDB was sent it gives back: names, tags, values and times."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tailrace.delivery.refusal import Refused
from tailrace.metrics.labels import Labels
from tailrace.metrics.writers.influx import InfluxSettings, InfluxWriter
from tests.metrics.writers.made import AT, PLACE, counted, family, look, samples
from tests.servers import influxdb
from tests.servers.answering import Answer, Answering
from tests.servers.parts import need


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[influxdb.Influxdb]:
    need(influxdb.found(), "influxd")
    folder: Path = tmp_path_factory.mktemp("influx")
    with influxdb.Influxdb(folder) as server:
        server.ask("CREATE DATABASE tailrace")
        yield server


def test_a_real_server_gives_back_each_sample_with_its_labels_and_its_moment(server: influxdb.Influxdb) -> None:
    writer = InfluxWriter.open(InfluxSettings(url=server.url), PLACE)
    writer.write(look(), AT + 0.25)
    writer.write(look(), AT + 0.25)  # sent again, as after an answer that was lost
    rows = server.ask("SELECT * FROM /.*/ GROUP BY *", "tailrace")
    assert {row["time"] for row in rows} == {round((AT + 0.25) * 1000)}
    values = sorted(row["value"] for row in rows)
    expected = {key: value for key, value in samples(look()).items() if value == value}
    assert values == sorted(expected.values())
    (cpu,) = (row for row in rows if row.get("mode") == "user")
    assert {k: v for k, v in cpu.items() if k not in ("time", "value") and v} == {
        "cluster": "c1", "node": "n1", "cpu": "0", "mode": "user",
    }  # fmt: skip
    (odd,) = (row for row in rows if row.get("path"))
    # A backslash at a tag's end can't be said in line protocol, nor can a newline.
    assert (odd["path"], odd["more"], odd.get("empty", "")) == ('a b,c="d"', "é x", "")
    assert (writer.counters.samples, counted(writer.counters.dropped)) == (10, {"not_finite": 2})
    names = {row["name"] for row in server.ask("SHOW MEASUREMENTS", "tailrace") if "name" in row}
    assert names == {name for name, _ in expected}
    writer.close()


def test_a_database_that_is_not_there_is_named_and_the_look_waits(server: influxdb.Influxdb) -> None:
    writer = InfluxWriter.open(InfluxSettings(url=server.url, database="later"), PLACE)
    with pytest.raises(Refused, match=r"database not found.*create the database") as caught:
        writer.write(look(), AT)
    assert (caught.value.reason, writer.waiting > 0) == ("missing", True)
    server.ask("CREATE DATABASE later")
    writer.write(look(1.0), AT + 60)
    assert len(server.ask("SELECT value FROM node_load1", "later")) == 2
    assert writer.waiting == 0


def test_points_that_a_real_server_calls_wrong_are_counted_and_the_others_stored(server: influxdb.Influxdb) -> None:
    server.ask("CREATE DATABASE kinds")
    writer = InfluxWriter.open(InfluxSettings(url=server.url, database="kinds"), PLACE)
    writer.write([family("kept", "gauge", (Labels(), 1.0))], AT)
    server.ask("CREATE RETENTION POLICY short ON kinds DURATION 1h REPLICATION 1 DEFAULT", "kinds")
    writer.write([family("kept", "gauge", (Labels(), 1.0))], AT - 86_400 * 30)
    assert counted(writer.counters.dropped) == {"rejected": 1}
    assert writer.waiting == 0


def test_many_samples_are_requests_of_some_thousand_lines(server: influxdb.Influxdb) -> None:
    server.ask("CREATE DATABASE many")
    writer = InfluxWriter.open(InfluxSettings(url=server.url, database="many", compression="none"), PLACE)
    many = [family("many", "gauge", *((Labels(n=str(n)), float(n)) for n in range(12_001)))]
    assert [payload.samples for payload in writer.encode(many, AT)] == [5000, 5000, 2001]
    writer.write(many, AT)
    (row,) = server.ask("SELECT count(value), sum(value) FROM many", "many")
    assert (row["count"], row["sum"]) == (12_001, 12_000 * 12_001 / 2)


class Version2(Answering):
    """Answers as InfluxDB 2 does to a write."""

    def answer(self, asked: object) -> Answer:  # noqa: ARG002
        return Answer(204)


def test_with_a_bucket_version_2_is_spoken_with_its_token() -> None:
    with Version2() as server:
        settings = InfluxSettings(url=server.url, bucket="b 1", org="o", token="secret", only=("node_load1",))
        InfluxWriter.open(settings, PLACE).write(look(), AT)
    (asked,) = server.asked
    assert asked.path == "/api/v2/write?org=o&bucket=b+1&precision=ms"
    assert (asked.headers["authorization"], asked.headers["content-encoding"]) == ("Token secret", "gzip")
    assert asked.body == b"node_load1,cluster=c1,node=n1 value=0.75 %d\n" % round(AT * 1000)


def test_of_a_write_that_was_taken_in_part_the_rest_is_counted() -> None:
    said = b'{"error":"partial write: points beyond retention policy dropped=2"}'
    with Version2() as server:
        writer = InfluxWriter.open(InfluxSettings(url=server.url), PLACE)
        server.faults.append(Answer(400, said))
        writer.write(look(), AT)
    assert (writer.counters.samples, counted(writer.counters.dropped)) == (3, {"not_finite": 1, "rejected": 2})
    assert writer.waiting == 0


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "needs the server's address"),
        ({"url": "http://h", "database": ""}, "no database and no bucket"),
        ({"url": "http://h", "token": "t", "user": "u"}, "token and user"),
        ({"url": "ftp://h"}, "write it like"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(settings: dict[str, str], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        InfluxWriter.open(InfluxSettings(**settings), PLACE)  # type: ignore[arg-type]
