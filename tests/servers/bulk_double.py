"""bulk_double: as much of Elasticsearch as the bulk sink uses, for answers that no real cluster gives on demand.

`refuse` says of a document why it is not taken; everything else is kept in `streams`, once an id.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from tests.servers.answering import Answer, Answering, Asked

Document = dict[str, Any]
Refusal = tuple[int, str, str]  # status, the error's type and reason


class BulkDouble(Answering):
    """A cluster. streams: data stream to id to document. limit: bytes that a request may have, before compression."""

    def __init__(self, distribution: str = "", limit: int = 1 << 30, **more: Any) -> None:
        super().__init__(**more)
        self.streams: dict[str, dict[str, Document]] = {}
        self.templates: dict[str, Document] = {}
        self.refuse: Callable[[str, Document], Refusal | None] = lambda *_: None
        self._version = {"number": "8.19.0", **({"distribution": distribution} if distribution else {})}
        self._limit = limit

    def answer(self, asked: Asked) -> Answer:
        if asked.path == "/":
            return _json(200, {"version": self._version})
        name = asked.path.partition("?")[0].removeprefix("/_index_template/")
        if asked.path.startswith("/_index_template/"):
            return self._template(asked.method, name, asked.body)
        assert asked.path.partition("?")[0].endswith("/_bulk"), asked.path
        if len(asked.body) > self._limit:
            return Answer(413)
        return self._bulk(asked.path.split("/")[1], asked.body)

    def _template(self, method: str, name: str, body: bytes) -> Answer:
        if method == "PUT":
            self.templates[name] = json.loads(body)
            return _json(200, {"acknowledged": True})
        if name not in self.templates:
            return _json(404, {"error": {"type": "resource_not_found_exception"}, "status": 404})
        return _json(200, {"index_templates": [{"name": name, "index_template": self.templates[name]}]})

    def _bulk(self, stream: str, body: bytes) -> Answer:
        lines = body.split(b"\n")
        assert lines.pop() == b"", "a bulk request ends with a newline"
        there = self.streams.setdefault(stream, {})
        items = []
        for action, source in zip(lines[::2], lines[1::2], strict=True):
            number, document = json.loads(action)["create"]["_id"], json.loads(source)
            refusal = self.refuse(stream, document)
            if refusal:
                items.append({"status": refusal[0], "error": {"type": refusal[1], "reason": refusal[2]}})
            elif number in there:
                items.append({"status": 409, "error": {"type": "version_conflict_engine_exception", "reason": number}})
            else:
                there[number] = document
                items.append({"status": 201})
        errors = any(item["status"] != 201 for item in items)
        return _json(200, {"errors": errors, "items": [{"create": item} for item in items]})


def _json(status: int, value: Any) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"content-type": "application/json"})
