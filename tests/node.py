"""node: nodes in a folder for tests. One captured from a real kubelet and containerd; others made line by line."""

from __future__ import annotations

import datetime
import json
import logging
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tailrace.config import Settings
from tailrace.logs import run

CAPTURE = Path(__file__).parent / "fixtures" / "node.tar.zst"
UID = "90da818e-f91d-4da3-96bb-af6f0d1fb6da"


def unpack_capture(folder: Path) -> Path:
    """The captured node's logs and truth below `folder`; returns its root. The other 7,900 files stay packed."""
    stream = pa.CompressedInputStream(pa.OSFile(str(CAPTURE)), "zstd")
    found = 0
    with tarfile.open(fileobj=stream, mode="r|") as tar:
        for member in tar:
            if member.name.startswith(("node/var/log", "node/TRUTH.json")):
                tar.extract(member, folder, filter="tar")
                found += 1
    assert found > 40, f"only {found} files in {CAPTURE}"
    return folder / "node"


def stamp(at: float) -> str:
    """A runtime's time stamp for seconds since 1970."""
    moment = datetime.datetime.fromtimestamp(int(at), datetime.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{round(at % 1 * 1_000_000):06d}000Z"


@dataclass
class Writer:
    """One container's log, written as a runtime does."""

    folder: Path
    name: str = "0.log"
    at: float = 1_795_168_800.0

    @property
    def path(self) -> Path:
        return self.folder / self.name

    def raw(self, data: bytes) -> None:
        """Append bytes as they are."""
        with self.path.open("ab") as f:
            f.write(data)

    def record(self, message: str | bytes, stream: str = "stdout", tag: str = "F") -> None:
        """Append one record."""
        self.at += 0.001
        message = message.encode() if isinstance(message, str) else message
        self.raw(f"{stamp(self.at)} {stream} {tag} ".encode() + message + b"\n")

    def records(self, messages: list[str], stream: str = "stdout") -> None:
        """Append many whole records."""
        for message in messages:
            self.record(message, stream)

    def rotate(self, when: str) -> Path:
        """As the kubelet does: rename, and begin anew."""
        old = self.folder / f"{self.name}.{when}"
        self.path.rename(old)
        self.path.touch()
        return old


def writer(root: Path, pod: str = "web", namespace: str = "shop", container: str = "app", uid: str = UID) -> Writer:
    """A writer for a new container below `root`."""
    folder = root / "var/log/pods" / f"{namespace}_{pod}_{uid}" / container
    folder.mkdir(parents=True, exist_ok=True)
    return Writer(folder)


@dataclass
class World:
    """A node, its lake and an agent's state, in one folder."""

    folder: Path

    @property
    def root(self) -> Path:
        return self.folder / "root"

    @property
    def lake(self) -> Path:
        return self.folder / "lake"

    def settings(self, **changes: Any) -> Settings:
        base = {
            "root": self.root,
            "lake": str(self.lake),
            "state": self.folder / "state",
            "node": "n1",
            "cluster": "c1",
        }
        return Settings(**{**base, **changes})

    def run(self, **changes: Any) -> int:
        """`tailrace run logs --once`."""
        return run.run(self.settings(**changes), once=True)

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of `sql` over the tables logs and ledger of the lake. An empty lake has empty tables."""
        from tailrace.lake import TABLES

        con = duckdb.connect()
        con.execute("SET TimeZone = 'UTC'")
        for table in TABLES:
            files = sorted(map(str, self.lake.glob(f"{table.name}/*/*/*.parquet")))
            if files:
                con.execute(
                    f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet({files!r}, hive_partitioning=false)"
                )
            else:
                con.register(table.name, pa.Table.from_batches([], table.schema))
        return con.execute(sql).fetchall()

    def messages(self, where: str = "true") -> list[str]:
        """The messages in the lake, in the order of their files."""
        return [
            m for (m,) in self.ask(f"SELECT message FROM logs WHERE {where} ORDER BY pod, container, file, file_offset")
        ]

    def assert_sound(self) -> None:
        """No line twice; ledger ranges neither overlap nor leave a gap; they account for every byte up to their end."""
        assert self.ask("SELECT file, file_offset FROM logs GROUP BY ALL HAVING count(*) > 1") == []
        bad = self.ask(
            "SELECT * FROM (SELECT file, from_offset, "
            "lag(to_offset, 1, 0) OVER (PARTITION BY file ORDER BY from_offset) AS due FROM ledger) "
            "WHERE from_offset <> due"
        )
        assert bad == []
        assert self.ask("SELECT sum(lines) FROM ledger WHERE account = 'delivered'")[0][0] in (
            None,
            *self.ask("SELECT count(*) FROM logs")[0],
        )


def warnings(caplog: Any) -> str:
    """What the agent warned of, as one text."""
    return "\n".join(r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING)


def truth(root: Path) -> dict[str, Any]:
    """What each program of the captured node printed."""
    found: dict[str, Any] = json.loads((root / "TRUTH.json").read_text())
    return found
