"""insights: athena/insights/*/*.cwl in, queries for CloudWatch Logs Insights out.

A file begins with `#` comments as front matter: title, question, asks (the question of the packs that it mirrors, or
`nothing` where there is none), reads. It reads the records of the sink `cloudwatch` in its format json, or, `reads:
performance`, the events of the writer `emf`; with `control plane` those that EKS itself writes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parents[3] / "athena" / "insights"
# Where what is read lies, as CloudFormation fills it; empty: the sink's groups are one a namespace, and chosen by hand.
GROUPS = {
    "lines": "",
    "performance": "/aws/containerinsights/${Cluster}/performance",
    "control plane": "/aws/eks/${Cluster}/cluster",
}
KEYS = ("title", "question", "asks", "reads")
FRONT = re.compile(r"#\s*(?P<key>[a-z]+):\s*(?P<rest>.*)")


@dataclass(frozen=True)
class Query:
    """One query. asks: `topic/question` of the packs, or None. saved: what is saved, its question on top."""

    name: str
    title: str
    question: str
    asks: str | None
    reads: str
    text: str

    @property
    def group(self) -> str:
        """The log group, for `!Sub`; empty if who asks chooses."""
        return GROUPS[self.reads]

    @property
    def saved(self) -> str:
        """The text with its question as a comment."""
        return f"# {self.question}\n{self.text}\n"


def queries(folder: Path = FOLDER) -> tuple[Query, ...]:
    """Every query, by name. Raises ValueError where a front matter is malformed, or there is none at all."""
    found = tuple(read(path) for path in sorted(folder.glob("*/*.cwl")))
    if not found:
        raise ValueError(f"there are no queries for Logs Insights in {folder}")
    return found


def read(path: Path) -> Query:
    """The query in one file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    matches = [FRONT.fullmatch(line) for line in lines[: len(KEYS)]]
    front = {match["key"]: match["rest"].strip() for match in matches if match}
    if tuple(front) != KEYS or front["reads"] not in GROUPS:
        raise ValueError(f"{path}: it begins with lines `# key: …` for {', '.join(KEYS)}; reads: {', '.join(GROUPS)}")
    return Query(
        name=f"{path.parent.name}/{path.stem}",
        title=front["title"],
        question=front["question"],
        asks=None if front["asks"] == "nothing" else front["asks"],
        reads=front["reads"],
        text="\n".join(lines[len(KEYS) :]).strip(),
    )
