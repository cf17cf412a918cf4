"""`tailrace report` over a lake in a bucket of a real S3 server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.console.reported import WINDOW, full, told
from tests.servers import versitygw
from tests.servers.parts import need
from tests.servers.versitygw import BUCKET, Versitygw


def answers(page: str) -> list[str]:
    """What the page says but for commands, the lake's name and when it was made."""
    bare = re.sub(r"<code>.*?</code>|<footer>.*?</footer>|<span class=\"lake\">.*?</span>", "", page, flags=re.S)
    return bare.splitlines()


def test_a_lake_in_a_bucket_has_the_report_of_the_same_lake_in_a_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need(versitygw.found(), "versitygw")
    with Versitygw(tmp_path / "s3") as server:
        for name, value in server.env.items():
            monkeypatch.setenv(name, value)
        full(server.bucket / "prod")
        words = (*WINDOW, "--lake", f"s3://{BUCKET}/prod", "--endpoint", server.endpoint)
        done, there = told(server.bucket / "prod", *words, file=tmp_path / "there.html")
        assert done.exit_code == 0, done.output
        _, here = told(server.bucket / "prod", file=tmp_path / "here.html")
    assert "600 lines read, 600 delivered, 0 lost" in there
    assert answers(there) == answers(here)
