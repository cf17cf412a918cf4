"""labels: names and values in, a sample's labels with their text as /metrics has it, out.

Rendering label sets is what a scrape costs, so a set is made once for its container, device or CPU, shared by all its
samples, and kept from scrape to scrape by whoever knows how long the thing lives.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

# What the text formats demand in a label's value; nothing else is changed.
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", '"': '\\"'})


class Labels(dict[str, str]):
    """A sample's labels. Not to be changed after it was made.

    text: `{a="b",c="d"}` in the order given, escaped; "" if there are none.
    """

    __slots__ = ("text",)

    def __init__(self, labels: Mapping[str, str] | Iterable[tuple[str, str]] = (), /, **more: str) -> None:
        super().__init__(labels, **more)
        self.text = text(self)

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(self.text)


def text(labels: Mapping[str, str]) -> str:
    """The labels as the text formats have them, braces included; "" if there are none."""
    if not labels:
        return ""
    return "{" + ",".join([f'{name}="{value.translate(_ESCAPES)}"' for name, value in labels.items()]) + "}"


NONE = Labels()
