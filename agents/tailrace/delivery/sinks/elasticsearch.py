"""elasticsearch: sealed objects to data streams of Elasticsearch or OpenSearch. Guarantee: at least once, and a repeat
is no duplicate: a line's identity is its document's id.

Three data streams: the lines, the ledger's rows, and dead letters: what the index says it will never take, kept there
as text. A line leaves here only if one of them has it. An id is unique in a backing index; a line that is sent again
after a rollover in between is there twice, and its identity tells.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tailrace.config.settings import Setting
from tailrace.config.values import KIB, MIB, Size, Switch, Text
from tailrace.delivery.http import Answer, Http, HttpSettings, refused
from tailrace.delivery.refusal import Refused
from tailrace.delivery.sinks.sink import OF_LEDGER, Finding, PackedSink, Place

if TYPE_CHECKING:
    import pyarrow as pa

    from tailrace.delivery.encode import Encoder
    from tailrace.delivery.formats.bulk import Outcome
    from tailrace.delivery.formats.packed import Request
    from tailrace.delivery.objects import Sealed
    from tailrace.lake import Table

_LEGAL = r"[a-z0-9][a-z0-9_.]{0,80}"  # of the parts of a data stream's name; a dash would divide them
_TYPE = "application/x-ndjson"
_MAY_WRITE = "give the user the privileges create_doc and auto_configure on logs-{dataset}*"
_MAY_INSTALL = (
    "give the user the cluster privileges monitor and manage_index_templates, or install the template yourself "
    "(docs/sinks/elasticsearch.md) and set template: false"
)

log = logging.getLogger("tailrace")


class ElasticsearchSettings(HttpSettings, frozen=True, kw_only=True):
    """Where the data streams are and what they are called."""

    api_key: Annotated[
        str,
        Setting(
            "elasticsearch", Text(), "An API key (encoded), instead of user and password; @FILE reads it from a file.",
            "@key.txt", at_file=True, secret=True,
        ),
    ] = ""  # fmt: skip
    dataset: Annotated[
        str,
        Setting(
            "elasticsearch", Text(), "The data streams are logs-DATASET-NAMESPACE, for the ledger DATASET.ledger.",
            "shop",
        ),
    ] = "tailrace"  # fmt: skip
    namespace: Annotated[
        str, Setting("elasticsearch", Text(), "The last part of the data streams' names.", "production")
    ] = "default"
    template: Annotated[
        bool, Setting("elasticsearch", Switch(), "Whether the index template is installed at the start.", "false")
    ] = True
    request_bytes: Annotated[
        int,
        Setting("elasticsearch", Size(KIB, 100 * MIB), "Bytes of a bulk request, before compression.", "8MiB"),
    ] = 4 * MIB


class ElasticsearchSink(PackedSink):
    """Data streams of a cluster."""

    name: ClassVar = "elasticsearch"
    guarantee: ClassVar = "at least once; a repeat is no duplicate"
    Settings: ClassVar = ElasticsearchSettings
    COUNTERS: ClassVar = (
        ("requests", "Bulk requests that were answered."),
        ("sent_bytes", "Bytes of those requests, as they were sent."),
        ("documents", "Documents that were created."),
        ("repeated", "Documents that were there before."),
        ("returned", "Documents that were to be sent again."),
        ("dead_letters", "Documents that the index will never take, kept in the data stream of dead letters."),
    )

    def __init__(self, http: Http, settings: ElasticsearchSettings) -> None:
        super().__init__()
        self._http, self._settings = http, settings
        self._lines, self._ledger, self._dead = (
            f"logs-{settings.dataset}{what}-{settings.namespace}" for what in ("", ".ledger", ".dead")
        )
        self._installed = not settings.template

    @classmethod
    def open(cls, settings: ElasticsearchSettings, place: Place) -> ElasticsearchSink:  # noqa: ARG003
        """The cluster at `url`. Raises ValueError if a setting is missing or wrong."""
        for name, value in (("dataset", settings.dataset), ("namespace", settings.namespace)):
            if not re.fullmatch(_LEGAL, value):
                raise ValueError(
                    f"{name} of sink elasticsearch is {value!r}, which can't be part of a data stream's name: nothing "
                    "was read; write it with a-z, 0-9, _ and ."
                )
        if settings.api_key and settings.user:
            raise ValueError("sink elasticsearch has api_key and user: nothing was read; remove one of them")
        headers = {"authorization": f"ApiKey {settings.api_key.strip()}"} if settings.api_key else {}
        return cls(Http("sink elasticsearch", settings, headers), settings)

    def encoder(self, table: Table) -> Encoder:
        """Bulk requests."""
        from tailrace.delivery.formats.bulk import BulkEncoder

        return BulkEncoder(table, self._settings.request_bytes, self._settings.compression == "gzip")

    def store(self, sealed: Sealed) -> None:
        """Send what is left of the object's lines, then of its ledger rows. Raises Refused."""
        if not self._installed:
            self._install()
        super().store(sealed)

    def _send(self, key: str, payload: pa.Buffer) -> None:
        """Send what is left, all of it that is taken; then say what was not. Raises Refused."""
        from tailrace.delivery.formats.packed import requests

        stream = self._ledger if key.endswith(OF_LEDGER) else self._lines
        trouble: Refused | None = None
        for number, request in enumerate(requests(payload)):
            left = self._progress.left(key, number)
            if left == ():
                continue
            result = self._bulk_in_parts(stream, request, left)
            self._progress.note(key, number, result.again)
            if result.again:
                self.counters["returned"] += len(result.again)
                trouble = self._returned(result)
                if result.status == 429:
                    break  # it has enough for now
        if trouble:
            raise trouble

    def _bulk_in_parts(self, stream: str, request: Request, left: tuple[int, ...] | None) -> Outcome:
        """Send rows of a request; if that is too long for the server, in halves. Returns with the request's numbers."""
        from tailrace.delivery.formats.bulk import Outcome, select

        todo = tuple(range(request.rows)) if left is None else left
        body, plain = (request.body, request.gzip) if left is None else (select(request.plain(), todo), False)
        answer = self._bulk(stream, body, plain)
        if answer.status == 413 and len(todo) > 1:
            middle = len(todo) // 2
            halves = [self._bulk_in_parts(stream, request, part) for part in (todo[:middle], todo[middle:])]
            return Outcome(
                sum(h.created for h in halves), sum(h.repeated for h in halves),
                tuple(n for h in halves for n in h.again), (),
                next((h.status for h in halves if h.status), 0), next((h.why for h in halves if h.why), ""),
            )  # fmt: skip
        return self._read(stream, answer, request, todo)

    def _bulk(self, stream: str, body: bytes | memoryview, gzip: bool) -> Answer:
        from tailrace.delivery.formats.bulk import FILTER
        from tailrace.delivery.formats.packed import gzipped

        if not gzip and self._settings.compression == "gzip":
            body, gzip = gzipped(bytes(body)), True
        answer = self._http.call("POST", f"/{stream}/_bulk?{FILTER}", body, type=_TYPE, gzip=gzip)
        self.counters["requests"] += 1
        self.counters["sent_bytes"] += len(body)
        return answer

    def _read(self, stream: str, answer: Answer, request: Request, todo: tuple[int, ...]) -> Outcome:
        """What became of the rows `todo` of a request. Raises Refused if the answer is of none of them."""
        from tailrace.delivery.formats.bulk import Outcome, dead_letters, outcome

        if answer.status != 200:
            raise refused(answer, f"the bulk request to {stream}", _MAY_WRITE.format(dataset=self._settings.dataset))
        try:
            found = outcome(answer.body, len(todo))
        except ValueError as e:
            raise Refused("failed", f"the bulk request to {stream}: {e}", "check url") from None
        self.counters["documents"] += found.created
        self.counters["repeated"] += found.repeated
        again = tuple(todo[n] for n in found.again)
        status, why = found.status, found.why
        if found.wrong:
            wrong = tuple((todo[n], reason) for n, reason in found.wrong)
            try:
                self._keep_aside(stream, dead_letters(request.plain(), wrong), wrong)
            except Refused as e:
                again = tuple(sorted((*again, *(n for n, _ in wrong))))
                status, why = status or 503, why or str(e)
        return Outcome(found.created, found.repeated, again, (), status, why)

    def _keep_aside(self, stream: str, letters: bytes, wrong: tuple[tuple[int, str], ...]) -> None:
        """Put dead letters away. Raises Refused unless all of them are safe."""
        from tailrace.delivery.formats.bulk import outcome

        answer = self._bulk(self._dead, letters, False)
        if answer.status != 200:
            raise refused(answer, f"the bulk request to {self._dead}")
        found = outcome(answer.body, len(wrong))
        if found.again or found.wrong:
            raise Refused("rejected", f"{self._dead} takes no dead letters ({found.why or found.wrong[0][1]})")
        self.counters["dead_letters"] += found.created
        log.warning(
            "sink elasticsearch: %s will never take %d documents (%s): they are kept as text in %s; mend the mappings, "
            "then index them from there", stream, len(wrong), wrong[0][1], self._dead,
        )  # fmt: skip

    def _returned(self, result: Outcome) -> Refused:
        told = f"{len(result.again)} documents were returned with {result.status} ({result.why})"
        if "read_only_allow_delete" in result.why or "read-only" in result.why or "flood" in result.why:
            return Refused("full", told, "make room on the cluster's disks, then lift the index's block")
        if result.status == 429:
            return Refused("throttled", told)
        if result.status in (401, 403):
            return Refused("denied", told, _MAY_WRITE.format(dataset=self._settings.dataset))
        if result.status == 404:
            return Refused("missing", told, "allow the cluster to create the data stream, or create it")
        if result.status == 400:
            return Refused("rejected", told, "mend what the cluster names; the documents wait until then")
        return Refused("failed", told)

    def _install(self) -> None:
        """Install the index template, unless this version of it is there. Raises Refused."""
        name = f"/_index_template/tailrace-{self._settings.dataset}"
        template = self._template()
        found = self._http.call("GET", name)
        if found.status not in (200, 404):
            raise refused(found, "the look for the index template", _MAY_INSTALL)
        if found.status == 200:
            there: list[dict[str, Any]] = json.loads(found.body).get("index_templates", [])
            if any(t["index_template"].get("_meta") == template["_meta"] for t in there):
                self._installed = True
                return
        answer = self._http.call("PUT", name, json.dumps(template).encode(), type="application/json")
        if answer.status != 200:
            raise refused(answer, "the installation of the index template", _MAY_INSTALL)
        self._installed = True

    def _template(self) -> dict[str, Any]:
        """The index template for this cluster. Raises Refused if it does not say what it is."""
        from zlib import crc32

        from tailrace.delivery.formats.bulk import mappings

        answer = self._http.call("GET", "/")
        if answer.status != 200:
            raise refused(answer, "the cluster's greeting", _MAY_INSTALL)
        try:
            version = json.loads(answer.body)["version"]
        except (ValueError, KeyError, TypeError):
            raise Refused("missing", f"{self._http.url} is no Elasticsearch or OpenSearch", "mend url") from None
        flat = "flat_object" if version.get("distribution") == "opensearch" else "flattened"
        dataset = self._settings.dataset
        template = {
            "index_patterns": [f"logs-{dataset}-*", f"logs-{dataset}.ledger-*", f"logs-{dataset}.dead-*"],
            "data_stream": {},
            "priority": 300,
            "template": {"settings": {"index.codec": "best_compression"}, "mappings": mappings(flat)},
        }
        text = json.dumps(template, sort_keys=True)
        return {**template, "_meta": {"made_by": "tailrace", "digest": f"{crc32(text.encode()):08x}"}}

    def check(self) -> Iterator[Finding]:
        """Whether the cluster is there, and lets us look at the template. Raises Refused."""
        answer = self._http.call("GET", "/")
        if answer.status != 200:
            problem = refused(answer, "the cluster's greeting", _MAY_INSTALL)
            yield Finding(False, problem.what, problem.mend)
            return
        yield Finding(True, f"{self._http.url} answers")
        if self._settings.template:
            found = self._http.call("GET", f"/_index_template/tailrace-{self._settings.dataset}")
            ok = found.status in (200, 404)
            problem = refused(found, "the look for the index template", _MAY_INSTALL)
            yield Finding(
                ok, "the index template can be looked for" if ok else problem.what, "" if ok else problem.mend
            )

    def close(self) -> None:
        """Close the connection."""
        self._http.close()
