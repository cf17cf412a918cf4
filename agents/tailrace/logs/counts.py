"""counts: what the log agent did, and what it met that was not as it should be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass
class Counts:
    """Totals since the start. accounts: committed lines and bytes, by sink ("" if there is one) and account."""

    lines: int = 0
    not_cri: int = 0
    not_utf8: int = 0
    cut: int = 0
    transform_failures: int = 0
    objects: int = 0
    store_failures: int = 0
    checkpoint_failures: int = 0
    accounts: dict[tuple[str, str], tuple[int, int]] = field(default_factory=dict)

    def take(self, accounts: Mapping[tuple[str, str, str], tuple[int, int]], sink: str = "") -> None:
        """Add what an object committed, by namespace, pod and account."""
        for (_, _, name), (lines, size) in accounts.items():
            had = self.accounts.get((sink, name), (0, 0))
            self.accounts[sink, name] = (had[0] + lines, had[1] + size)

    def story(self) -> list[str]:
        """The totals as sentences, the unusual ones only where there was something."""
        out = [
            f"{sink}{': ' if sink else ''}{name}: {lines:,} lines, {size:,} bytes"
            for (sink, name), (lines, size) in sorted(self.accounts.items())
            if lines or size
        ] or ["nothing was read"]
        out.append(f"{self.objects:,} objects stored")
        for count, meaning in (
            (self.not_cri, "lines were not in the runtime's format (ts is null, the message is the whole line)"),
            (self.not_utf8, "lines were not UTF-8 (a byte 0xNN became U+10FFNN)"),
            (self.cut, "lines are not whole (see the column cut)"),
            (self.transform_failures, "batches went out untransformed, because the SQL failed on them"),
            (self.store_failures, "times an object was refused and offered again"),
            (self.checkpoint_failures, "times the checkpoint could not be written"),
        ):
            if count:
                out.append(f"{count:,} {meaning}")
        return out
