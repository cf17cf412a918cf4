"""trino: a real Trino of one node over a Glue catalogue and an S3 server. `make parts` fetches it (trino.sh).

`awsdatacatalog` is what Athena is: the Hive connector over Glue, with Athena's partition projection. `iceberg` is the
same Glue for tables in Iceberg. `hive` has its tables in the bucket, because Trino's CREATE TABLE wants statistics of
Glue that moto lacks. It needs Java 24 or newer; without one its tests are skipped, on CI too.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest
import urllib3

from tests.servers import parts
from tests.servers.glue import ACCOUNT, Glue
from tests.servers.glue import REGION as GLUE_REGION
from tests.servers.java import java
from tests.servers.parts import Server, free_port
from tests.servers.versitygw import ACCESS, REGION, SECRET, Versitygw

_HOME = "trino-476"
_OLDEST_JAVA = 24
# The first of what Java's compilers give is enough for questions that are asked once, and starts a third sooner.
_JVM = (
    *("-server", "-Xmx1G", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ReservedCodeCacheSize=150M"),
    *("-XX:+ExitOnOutOfMemoryError", "-Djdk.attach.allowAttachSelf=true", "-Dfile.encoding=UTF-8"),
)
# Without bind-ip it listens on every address of the machine.
_CONFIG = """\
coordinator=true
node-scheduler.include-coordinator=true
http-server.http.port={port}
discovery.uri=http://127.0.0.1:{port}
node.bind-ip=127.0.0.1
node.internal-address=127.0.0.1
node.environment=test
plugin.dir={home}/plugin
query.max-memory=300MB
query.max-memory-per-node=300MB
memory.heap-headroom-per-node=200MB
catalog.config-dir={etc}/catalog
web-ui.enabled=false
http-server.log.enabled=false
"""
_GLUE = """\
hive.metastore.glue.region={glue_region}
hive.metastore.glue.endpoint-url={glue}
hive.metastore.glue.aws-access-key=tailrace-test
hive.metastore.glue.aws-secret-key=tailrace-secret
hive.metastore.glue.catalogid={account}
hive.metastore.glue.default-warehouse-dir=s3://lake-bucket/warehouse
"""
_S3 = """\
fs.native-s3.enabled=true
s3.endpoint={s3}
s3.region={region}
s3.path-style-access=true
s3.aws-access-key={access}
s3.aws-secret-key={secret}
"""
# The second and third line are what a catalog over a lake has to have; column statistics are what moto's Glue lacks.
_HIVE = """\
connector.name=hive
hive.partition-projection-enabled=true
hive.timestamp-precision=MICROSECONDS
hive.table-statistics-enabled=false
hive.security=allow-all
"""
_CATALOGS = (
    ("awsdatacatalog", f"{_HIVE}hive.metastore=glue\n{_GLUE}"),
    ("hive", f"{_HIVE}hive.metastore=file\nhive.metastore.catalog.dir=s3://lake-bucket/metastore\n"),
    ("iceberg", f"connector.name=iceberg\niceberg.catalog.type=glue\n{_GLUE}"),
)


def found() -> bool:
    """Whether it can be started here."""
    return (parts.cache() / _HOME / "ready").exists() and java(_OLDEST_JAVA) is not None


def need() -> None:
    """Skip the test without a Java that is new enough, on CI too; without Trino as any missing part."""
    if java(_OLDEST_JAVA) is None:
        pytest.skip(f"Trino needs Java {_OLDEST_JAVA} or newer: none is in JAVA_HOME, on the PATH or in /usr/lib/jvm")
    parts.need(found(), "Trino")


class Trino:
    """A Trino over one Glue and one S3 server."""

    def __init__(self, folder: Path, glue: Glue, s3: Versitygw) -> None:
        self.port = free_port()
        home, etc = parts.cache() / _HOME, folder / "etc"
        (etc / "catalog").mkdir(parents=True)
        for name, text in _CATALOGS:
            filled = (text + _S3).format(
                glue=glue.url, glue_region=GLUE_REGION, account=ACCOUNT, s3=s3.endpoint, region=REGION, access=ACCESS,
                secret=SECRET,
            )  # fmt: skip
            (etc / f"catalog/{name}.properties").write_text(filled)
        config = etc / "config.properties"
        config.write_text(_CONFIG.format(port=self.port, home=home, etc=etc))
        (etc / "log.properties").write_text("=WARN\n")
        words = [
            str((java(_OLDEST_JAVA) or Path()) / "bin/java"), *_JVM, "-cp", f"{home}/lib/*", f"-Dconfig={config}",
            f"-Dlog.levels-file={etc}/log.properties", "-Dlog.enable-console=true", "io.trino.server.TrinoServer",
        ]  # fmt: skip
        self._server = Server(words, self.port, folder / "trino.txt")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Trino:
        self._server.start(self._ready, 240)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def _ready(self) -> bool:
        try:
            return self.rows("SELECT 1") == [[1]]
        except (urllib3.exceptions.HTTPError, ValueError, RuntimeError):
            return False

    def rows(self, text: str) -> list[list[Any]]:
        """The rows of a statement as Trino's protocol has them, by no client. Raises RuntimeError with its message."""
        return [row for page in self.pages(text) for row in page.get("data", [])]

    def pages(self, text: str) -> Iterator[dict[str, Any]]:
        """The pages of an answer as the protocol has them: `data`, `stats` …"""
        headers = {"X-Trino-User": "test"}
        page = urllib3.request(
            "POST", f"{self.url}/v1/statement", body=text.encode(), headers=headers, retries=False, timeout=1800
        )
        while True:
            if page.status != 200:
                raise RuntimeError(f"{page.status}: {page.data.decode()[:200]}")
            told = page.json()
            if "error" in told:
                raise RuntimeError(told["error"]["message"])
            yield told
            if "nextUri" not in told:
                return
            page = urllib3.request("GET", told["nextUri"], headers=headers, retries=False, timeout=1800)
