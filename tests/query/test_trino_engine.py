"""Trino asked through its client, against a double of its protocol (tests/trino has the real server)."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

import pytest

from tailrace.query import asking
from tailrace.query.answer import Failed
from tailrace.query.packs import find
from tailrace.query.parameters import WrongUse
from tailrace.query.settings import QuerySettings
from tailrace.query.trino_engine import Trino
from tests.query.conftest import Ask
from tests.query.made import window
from tests.servers.answering import Answer, Answering, Asked
from tests.servers.parts import free_port

TEXT = "SELECT 'a%b' AS percent, 100 % 7 AS rest -- %(name)s %s ?"
COLUMNS = (("namespace", "varchar"), ("lines", "bigint"), ("share", "decimal(10,1)"), ("ts", "timestamp(6)"))
ROWS = [["shop", 3, "1.5", "2026-11-20 21:00:00.123456"], [None, 1, None, None], ["jobs", 2, "2.5", None]]


class TrinoDouble(Answering):
    """The statement protocol: each answer names the next one until there is none."""

    def __init__(self, waits: int = 1, failure: dict[str, Any] | None = None) -> None:
        """waits: how many answers say that it still runs."""
        super().__init__()
        self.waits, self.failure = waits, failure

    def answer(self, asked: Asked) -> Answer:
        """As the coordinator's."""
        if asked.method == "DELETE":
            return Answer(204)
        said: dict[str, Any] = {
            "id": "20261121_1", "infoUri": f"{self.url}/ui",
            "stats": {"state": "RUNNING", "physicalInputBytes": 3 << 20, "processedBytes": 1},
        }  # fmt: skip
        if asked.method == "POST" or self.waits > 0:
            self.waits -= asked.method == "GET"
            said["nextUri"] = f"{self.url}/v1/statement/executing/1"
        elif self.failure:
            said["error"] = self.failure
        else:
            said["columns"] = [
                {"name": name, "type": kind, "typeSignature": _signature(kind)} for name, kind in COLUMNS
            ]
            said["data"] = ROWS
        return Answer(200, json.dumps(said).encode(), {"content-type": "application/json"})


def _signature(kind: str) -> dict[str, Any]:
    raw, _, rest = kind.partition("(")
    numbers = [int(number) for number in rest.rstrip(")").split(",") if number]
    if raw == "varchar":
        numbers = numbers or [2**31 - 1]  # as Trino says for no length
    return {"rawType": raw, "arguments": [{"kind": "LONG", "value": number} for number in numbers]}


@pytest.fixture
def double() -> Iterator[TrinoDouble]:
    with TrinoDouble() as running:
        assert isinstance(running, TrinoDouble)
        yield running


def engine(double: TrinoDouble, **known: Any) -> Trino:
    return Trino(QuerySettings(engine="trino", server=double.url, **known))


def test_the_text_is_sent_as_it_is_and_rows_have_their_types(double: TrinoDouble) -> None:
    answer = engine(double, catalog="lake", database="prod", user="sre").run(TEXT)
    first = double.asked[0]
    assert first.body.decode() == TEXT
    named = [first.headers[f"x-trino-{name}"] for name in ("catalog", "schema", "user")]
    assert named == ["lake", "prod", "sre"]
    assert answer.columns == ("namespace", "lines", "share", "ts")
    assert answer.types == ("varchar", "bigint", "decimal(10,1)", "timestamp(6)")
    assert answer.rows[0] == ("shop", 3, Decimal("1.5"), datetime(2026, 11, 20, 21, 0, 0, 123456))
    assert (answer.scanned, answer.query, answer.usd) == (3 << 20, "20261121_1", None)


def test_a_limit_leaves_rows_out_and_says_so(double: TrinoDouble, tell: Ask) -> None:
    words = ("--engine", "trino", "--server", double.url, "--limit", "2", "-o", "csv")
    done = tell("volume/by_namespace", *words)
    assert done.exit_code == 0, done.output
    assert len(done.stdout.splitlines()) == 3
    assert "3.0 MiB read" in done.stderr
    assert "there are more, --limit 2 left them out" in done.stderr


def test_ctrl_c_cancels_the_query_in_trino(capsys: pytest.CaptureFixture[str]) -> None:
    class Interrupting(TrinoDouble):
        def answer(self, asked: Asked) -> Answer:
            if asked.method == "GET":
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
            return super().answer(asked)

    with Interrupting(waits=1000) as running:
        assert isinstance(running, TrinoDouble)
        code = asking.ask(engine(running), find("volume/by_namespace"), window("2026-11-20", "2026-11-21"), "csv", None)
        assert "DELETE" in [asked.method for asked in running.asked]
    assert code == 130
    assert "interrupted: the query was stopped" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("TABLE_NOT_FOUND", "make the tables with `tailrace tables apply`, or name where they are with --catalog"),
        ("PERMISSION_DENIED", "let this user read the lake's tables"),
        ("EXCEEDED_TIME_LIMIT", "narrow --from and --to"),
        ("SYNTAX_ERROR", "show TOPIC/QUESTION --engine trino"),
    ],
)
def test_a_query_that_fails_is_told_with_what_to_do(name: str, told: str) -> None:
    failure = {"message": "line 1:1: it is so", "errorName": name, "errorType": "USER_ERROR", "errorCode": 1}
    with TrinoDouble(failure=failure) as running:
        assert isinstance(running, TrinoDouble)
        with pytest.raises(Failed) as raised:
            engine(running).run(TEXT)
    assert f"Trino failed: {name}: line 1:1: it is so; " in str(raised.value)
    assert told in str(raised.value)


def test_a_server_that_is_not_there_is_told(tell: Ask) -> None:
    done = tell("volume/by_namespace", "--engine", "trino", "--server", f"http://127.0.0.1:{free_port()}")
    assert done.exit_code == 1
    assert "does not answer" in " ".join(done.stderr.split())
    assert "nothing was asked; mend --server" in " ".join(done.stderr.split())


@pytest.mark.parametrize("server", ["localhost:8080", "ftp://x", "http://"])
def test_an_address_that_is_none_is_wrong_use(server: str) -> None:
    with pytest.raises(WrongUse, match="is not a URL such as"):
        Trino(QuerySettings(server=server))


def test_a_password_is_not_sent_in_clear() -> None:
    with pytest.raises(WrongUse, match="use https") as raised:
        Trino(QuerySettings(server="http://trino", password="secret-word"))
    assert "secret-word" not in str(raised.value)


def test_show_says_where_the_tables_are(tell: Ask) -> None:
    done = tell("show", "volume/by_namespace", "--engine", "trino", "--catalog", "lake", "--database", 'pro"d')
    assert 'USE "lake"."pro""d";' in done.stdout
