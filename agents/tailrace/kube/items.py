"""items: the bytes of a Kubernetes list, piece by piece, in; its items, one by one, and the rest of the list, out.

A node's pods may be many megabytes of JSON, of which a few kilobytes matter: no more than one item and one piece are
held at a time. Where an item ends is found by counting brackets outside of strings, with numpy: no loop over bytes.
"""

from __future__ import annotations

import msgspec
import numpy as np

from tailrace.kube.access import Status
from tailrace.kube.trouble import Trouble

_QUOTE, _OPEN, _CLOSE = ord('"'), ord("{"), ord("}")
_LARGEST = 64 << 20  # bytes of an item: etcd takes no more than a few MiB


class ListMeta(msgspec.Struct):
    """What a list says of itself."""

    resourceVersion: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class Rest(Status):
    """A list without its items."""

    kind: str = ""
    metadata: ListMeta = msgspec.field(default_factory=ListMeta)


class Items:
    """Splits one list. `feed` each piece, then `end`."""

    def __init__(self) -> None:
        self._held = b""
        self._in_string, self._depth = 0, 0
        self._in_list = False
        self._item: bytearray | None = None
        self._rest = bytearray()

    def feed(self, piece: bytes) -> list[bytes]:
        """The items that end in this piece. Raises Trouble if one of them never ends."""
        data = self._held + piece
        clean = data.replace(b"\\\\", b"__").replace(b'\\"', b"__") if b"\\" in data else data
        self._held = b""
        if clean.endswith(b"\\"):  # what it escapes comes with the next piece
            self._held, data, clean = b"\\", data[:-1], clean[:-1]
        items: list[bytes] = []
        begin = 0
        for position, depth, opens in self._brackets(clean):
            if self._item is not None:
                if not opens and depth == 2:
                    self._item += data[begin : position + 1]
                    items.append(bytes(self._item))
                    self._item = None
            elif self._in_list:
                if opens and depth == 3:
                    self._item, begin = bytearray(), position
                elif not opens and depth == 1:
                    self._in_list, begin = False, position
            elif opens and depth == 2 and data[position] != _OPEN:
                self._rest += data[begin : position + 1]
                self._in_list = True
        if self._item is not None:
            self._item += data[begin:]
        elif not self._in_list:
            self._rest += data[begin:]
        if max(len(self._rest), len(self._item or b"")) > _LARGEST:
            raise Trouble("failed", "the answer is no list of Kubernetes objects: an item has no end")
        return items

    def _brackets(self, clean: bytes) -> list[tuple[int, int, bool]]:
        """Position, depth behind it, and whether it opens, of each bracket near the top of the document."""
        text = np.frombuffer(clean, np.uint8)
        within = (np.cumsum(text == _QUOTE, dtype=np.uint8) + self._in_string) & 1  # parity survives the overflow
        folded = text | 0x20  # [ and { are one bit apart, as ] and } are
        at = np.flatnonzero(((folded == _OPEN) | (folded == _CLOSE)) & (within == 0))
        opens = folded[at] == _OPEN
        depth = np.cumsum(np.where(opens, 1, -1)) + self._depth
        if len(text):
            self._in_string = int(within[-1])
        if len(at):
            self._depth = int(depth[-1])
        near = np.flatnonzero(depth <= np.where(opens, 3, 2))
        return list(zip(at[near].tolist(), depth[near].tolist(), opens[near].tolist(), strict=True))

    def end(self) -> Rest:
        """The list without its items. Raises Trouble if the list is not whole, or is none."""
        if self._depth or self._item is not None or self._in_string:
            raise Trouble("unreachable", "the list was cut off before its end")
        try:
            return msgspec.json.decode(bytes(self._rest), type=Rest)
        except msgspec.DecodeError as e:
            said = bytes(self._rest[:100])
            raise Trouble("failed", f"the answer is no list of Kubernetes objects ({e}): it begins {said!r}") from None
