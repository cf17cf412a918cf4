"""rotated: the name of a host's log file to the name under which it was written, and how it lies now.

logrotate's names: `messages.1`, `messages-20261121`, with a time behind the date, with `extension .log`
(`app-20261121.log`), each also with `.gz`. A file that is still written to under such a name is read all the same.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from tailrace.logs.source.scan import Kind

_ROTATED = re.compile(
    r"(?P<stem>.+?)(?:\.(?P<number>\d{1,4})|[.-](?P<day>(?:19|20)\d\d-?\d\d-?\d\d(?:[T_-]?\d{1,10})?))?"
    r"(?P<extension>\.log|\.txt)?(?P<packed>\.gz)?"
)
_LARGEST = 10_000  # logrotate counts up: the larger the number, the older the file


class Name(NamedTuple):
    """live: the name under which it was written. when: by what rotated files of one name are sorted, oldest first."""

    live: str
    kind: Kind
    when: str


def name_of(path: str) -> Name:
    """What a path, or a file's name, says."""
    folder, slash, base = path.rpartition("/")
    match = _ROTATED.fullmatch(base)
    if match is None or not (match["number"] or match["day"]):
        plain = base.removesuffix(".gz")
        return Name(folder + slash + plain, Kind.LIVE if plain == base else Kind.PACKED, "")
    live = folder + slash + match["stem"] + (match["extension"] or "")
    when = f"{_LARGEST - int(match['number']):05}" if match["number"] else match["day"]
    return Name(live, Kind.PACKED if match["packed"] else Kind.ROTATED, when)
