"""cache: what is known of pods to a file and back, so that a restarted agent knows them before it asks anybody.

Temp file, fsync, rename, fsync of the folder: a crash leaves the file as it was before or as it is after. A file that
can't be used is left out with a warning: the API server says it all again.
"""

from __future__ import annotations

import logging
from pathlib import Path

import msgspec

from tailrace.durable import replace_file
from tailrace.kube.known import Known
from tailrace.kube.pod import Pod

VERSION = 1

log = logging.getLogger("tailrace")


class _File(msgspec.Struct):
    version: int
    node: str
    pods: list[Pod]
    gone: dict[str, float]
    namespaces: dict[str, dict[str, str]]


class _Version(msgspec.Struct):
    version: int
    node: str


def load(path: Path, node: str, known: Known) -> None:
    """Tell `known` what the file holds. Of another node, or of another version: nothing. Raises nothing."""
    try:
        data = path.read_bytes()
        head = msgspec.json.decode(data, type=_Version)
        if head.version != VERSION or head.node != node:
            log.info("kube: %s is of node %s, version %d: it is not used", path, head.node, head.version)
            return
        file = msgspec.json.decode(data, type=_File)
    except FileNotFoundError:
        return
    except (OSError, ValueError) as e:  # DecodeError and UnicodeDecodeError are ValueErrors
        log.warning(
            "kube: the cache of pods %s can't be used (%s): until the API server is reached, lines carry no labels; "
            "it is written anew, nothing is to be done",
            path, str(e)[:200],
        )  # fmt: skip
        return
    known.take(file.pods, file.gone, file.namespaces)


def save(path: Path, node: str, known: Known) -> None:
    """Write what is known. Raises OSError."""
    data = msgspec.json.encode(_File(VERSION, node, *known.holding()))
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, data)
