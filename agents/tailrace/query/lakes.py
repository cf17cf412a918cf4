"""lakes: what a person typed for --lake to something that lists a lake's hours and objects and opens them for DuckDB.

A folder is read by DuckDB itself. DuckDB's own S3 reader is an extension that has to be downloaded, which a laptop
behind a proxy can't and a node must not: a lake in a bucket is read by boto3 (s3_lake.py).
"""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from tailrace.query.parameters import WrongUse
from tailrace.query.settings import QuerySettings


class Lake(Protocol):
    """A lake that DuckDB can be shown. `root` is what every path of an object begins with, without a slash at its end.

    fault: what went wrong when DuckDB read, which its own error says less well; empty if nothing did.
    """

    root: str
    fault: str

    def hours(self, table: str) -> list[tuple[str, str]]:
        """(dt, hour) of every hour that there may be something of. Raises Failed, WrongUse."""

    def objects(self, table: str, hours: Sequence[tuple[str, str]]) -> list[str]:
        """The paths of the hours' objects, sorted by hour. Raises Failed."""

    def pattern(self, path: str) -> str:
        """An object's path as DuckDB takes it for one object, whatever it is called."""

    def allowed(self) -> tuple[str, ...]:
        """The folders that DuckDB has to be let into."""

    def attach(self, connection: Any) -> None:
        """Let a connection read the objects."""

    def detach(self, connection: Any) -> None:
        """Undo `attach`, before the connection is closed."""

    def needs(self) -> tuple[str, ...]:
        """The statements with which another DuckDB could read the objects."""

    def open(self, path: str) -> BinaryIO:
        """An object, to read from anywhere in it."""


def opened(lake: str, settings: QuerySettings) -> Lake:
    """The lake called `lake`. Raises WrongUse for a folder that is not there, or a name that is none."""
    if "://" not in lake:
        return Folder(Path(lake))
    from tailrace.query.s3_lake import Bucket

    return Bucket.named(lake, settings)


class Folder:
    """A lake in a folder."""

    fault = ""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise WrongUse(
                f"there is no lake at {folder}: write one with `tailrace run logs --sink local --lake {folder}`, or "
                "name another with --lake, a folder or s3://BUCKET/PREFIX"
            )
        self.root = str(folder.resolve())

    def hours(self, table: str) -> list[tuple[str, str]]:
        """As Lake's."""
        found = Path(self.root).glob(f"{table}/dt=*/hour=*/")
        return sorted((hour.parent.name[3:], hour.name[5:]) for hour in found)

    def objects(self, table: str, hours: Sequence[tuple[str, str]]) -> list[str]:
        """As Lake's."""
        folders = (Path(self.root, table, f"dt={dt}", f"hour={hour}") for dt, hour in hours)
        return [str(path) for folder in folders for path in sorted(folder.glob("*.parquet"))]

    def pattern(self, path: str) -> str:
        """As Lake's."""
        return glob.escape(path)

    def allowed(self) -> tuple[str, ...]:
        """As Lake's: the root as it is, and as patterns spell it."""
        return tuple({self.root, glob.escape(self.root)})

    def attach(self, connection: Any) -> None:
        """Nothing: DuckDB reads folders."""

    def detach(self, connection: Any) -> None:
        """Nothing."""

    def needs(self) -> tuple[str, ...]:
        """Nothing."""
        return ()

    def open(self, path: str) -> BinaryIO:
        """As Lake's."""
        return open(path, "rb")


def held(lake: Lake, table: str, newest: bool = True) -> Iterator[str]:
    """The hours that have objects, as `2026-11-20 22h`, from one end."""
    for dt, hour in sorted(lake.hours(table), reverse=newest):
        if lake.objects(table, [(dt, hour)]):
            yield f"{dt} {hour}h"
