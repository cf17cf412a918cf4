"""promql: an expression in; the metrics that it reads and the labels that it asks of each, out.

promtool 2.42 has no way to print what it parsed. What is cut away here is what PromQL's grammar lets stand beside
names: strings, ranges, lists of labels, functions (a name before a parenthesis) and the words below.
"""

from __future__ import annotations

import re

_WORDS = {"and", "or", "unless", "bool", "offset"}
_LABELS = r"\b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\)"


def selectors(expr: str) -> list[tuple[str, frozenset[str]]]:
    """Each metric with the labels of its matchers, in order."""
    plain = re.sub(r'"(\\.|[^"\\])*"', '""', expr)
    plain = re.sub(_LABELS, "", plain)
    plain = re.sub(r"\[\w+\]", "", plain)
    found = re.findall(r"(?<![\w:.])([a-zA-Z_:][\w:]*)\s*(\{[^}]*\}|\()?", plain)
    return [
        (name, frozenset(re.findall(r"(\w+)\s*[=!]", rest)))
        for name, rest in found
        if rest != "(" and name not in _WORDS
    ]
