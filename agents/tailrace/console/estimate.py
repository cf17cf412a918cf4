"""estimate: `tailrace estimate`: a volume, given or measured from a lake, in; what each way of keeping it costs out."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tailrace.config import Settings
from tailrace.console.cost import GB, Bill, Bills, Volume
from tailrace.console.prices import LOOKED_UP, NAMES, PRICES, REGIONS, prices
from tailrace.query import output

# Measured over 64 MiB of tests/bench/gen_logs.py (JSON, access logs, stack traces), 289 bytes a line: 718 as NDJSON
# without a pod's metadata; workload, image and five labels add about 270.
ROW_EXTRA, PARQUET, FEW = 700.0, 0.174, 0.016
CRI_PREFIX = 44.0  # time, stream and tag before each message
LINE_BYTES = 235.0
SHORT = 3600.0  # seconds that a lake must span, or a day is little more than a guess
SUMMARY = ("way", "month", "per GB", "question, whole lines", "question, no message")
ITEMS = ("way", "item", "quantity", "unit", "price", "month")


@dataclass(frozen=True)
class Asked:
    """What was asked for on the command line; None: not given."""

    gb_per_day: float | None
    line_bytes: float
    nodes: int | None
    keep_days: int
    seal_seconds: float


def given_volume(asked: Asked) -> Volume:
    """The volume that was named. Raises ValueError if none was."""
    if asked.gb_per_day is None:
        raise ValueError("name a volume with --gb-per-day, or a lake to measure with --lake")
    raw = asked.gb_per_day * GB
    lines = raw / asked.line_bytes
    return _volume(
        asked, raw, lines, asked.line_bytes + ROW_EXTRA, max(1, asked.line_bytes - CRI_PREFIX), raw * PARQUET, FEW, 1
    )


def measured_volume(asked: Asked, lake: Path) -> Volume:
    """A day like those in the lake; with --gb-per-day, of that many GB of its lines. Raises ValueError, OSError."""
    from tailrace.console.measured import weigh

    found = weigh(lake)
    if asked.gb_per_day is None and found.seconds < SHORT:
        output.talk(
            f"warning: the lake spans {found.seconds:.0f} s, and a day is made of that; give --gb-per-day to use only "
            "what its lines weigh"
        )
    raw = found.raw_per_day if asked.gb_per_day is None else asked.gb_per_day * GB
    times = raw / found.raw
    return _volume(
        asked, raw, found.lines * times, found.row, found.message, found.parquet * times, found.few, found.nodes
    )


def _volume(
    asked: Asked, raw: float, lines: float, row: float, message: float, parquet: float, few: float, nodes: int
) -> Volume:
    return Volume(
        raw=raw,
        lines=lines,
        row=row,
        message=message,
        parquet=parquet,
        few=few,
        nodes=asked.nodes or nodes,
        seal_bytes=Settings().seal_bytes,
        seal_seconds=asked.seal_seconds,
        keep_days=asked.keep_days,
    )


def given_prices(pairs: tuple[str, ...]) -> dict[str, float]:
    """`NAME=USD` each. Raises ValueError."""
    found = {}
    for pair in pairs:
        name, _, usd = pair.partition("=")
        if name not in NAMES:
            raise ValueError(f"no price is called {name!r}; there are {', '.join(NAMES)}")
        try:
            found[name] = float(usd)
        except ValueError:
            found[name] = -1.0
        if not 0 <= found[name] < float("inf"):
            raise ValueError(f"{pair!r} is no price: write {name}=0.029, in US dollars")
    return found


def summary(bills: tuple[Bill, ...], volume: Volume) -> list[tuple[Any, ...]]:
    """A row a way: US dollars a month, a raw GB, and a question over a whole day."""
    monthly = volume.raw / GB * 30
    return [
        (b.way, _cents(b.month), _cents(b.month and b.month / monthly, 4), _cents(b.day, 4), _cents(b.few, 4))
        for b in bills
    ]


def detail(bills: tuple[Bill, ...]) -> list[tuple[Any, ...]]:
    """A row an item of every bill."""
    return [(b.way, i.what, round(i.quantity, 1), i.unit, i.price, _cents(i.usd)) for b in bills for i in b.items]


def _cents(usd: float | None, digits: int = 2) -> float | None:
    return None if usd is None else round(usd, digits)


@click.command(short_help="What a month of logs costs on AWS.")
@click.option(
    "--gb-per-day", type=click.FloatRange(0, min_open=True), help="GB (2^30 bytes) of log files in a day, all nodes."
)
@click.option(
    "--line-bytes", type=click.FloatRange(1), default=LINE_BYTES, show_default=True, help="Bytes of a line in its file."
)
@click.option(
    "--lake", type=click.Path(exists=True, file_okay=False, path_type=Path), help="Measure this folder instead."
)
@click.option("--nodes", type=click.IntRange(1), help="Worker nodes.  [default: the lake's, else 1]")
@click.option("--keep-days", type=click.IntRange(1), default=30, show_default=True, help="Days that lines are kept.")
@click.option(
    "--seal-seconds",
    type=click.FloatRange(0.05),
    default=Settings().seal_seconds,
    show_default=True,
    help="The agents' setting: fewer and larger objects cost less.",
)
@click.option("--region", type=click.Choice(REGIONS), default="us-east-1", show_default=True, help="Whose prices.")
@click.option("--price", "pairs", multiple=True, metavar="NAME=USD", help="Another price; may be repeated.")
@click.option("--items", is_flag=True, help="Show every item of every bill.")
@click.option(
    "-o", "--output", "form", type=click.Choice(output.FORMS), default="table", show_default=True, help="Form."
)
def estimate(lake: Path | None, region: str, pairs: tuple[str, ...], items: bool, form: str, **asked: Any) -> None:
    """\b
    Examples:
      tailrace estimate --gb-per-day 100 --nodes 20
      tailrace estimate --lake ./lake                        measured: its lines, its sizes
      tailrace estimate --lake ./lake --gb-per-day 500 --nodes 80 --items
      tailrace estimate --gb-per-day 100 --region eu-west-2 --price cloudwatch_ingest=0.60

    What a month of logs costs, in US dollars: in S3 directly, through Firehose, in CloudWatch Logs; and what a question
    over one day of them costs, in Athena and in Logs Insights. Prices come with tailrace, with their sources
    (docs/cost.md); no network is asked.
    """
    try:
        changed = given_prices(pairs)
        want = Asked(**asked)
        volume = given_volume(want) if lake is None else measured_volume(want, lake)
    except (ValueError, OSError) as error:
        raise click.UsageError(str(error)) from None
    paid = prices(region, changed)
    bills = Bills(volume, paid).all()
    head, rows = (ITEMS, detail(bills)) if items else (SUMMARY, summary(bills, volume))
    if form == "table":
        rows = [tuple("unknown" if value is None else value for value in row) for row in rows]
    output.write(form, head, rows, sys.stdout)
    say(volume, region, paid)


def say(volume: Volume, region: str, paid: Mapping[str, float | None]) -> None:
    """What the figures rest on, to stderr."""
    output.talk(
        f"\n{volume.raw / GB:,.1f} GB a day in lines of {volume.raw / volume.lines:.0f} bytes, {volume.row:.0f} as "
        f"NDJSON, {volume.parquet / volume.raw:.3f} of the raw bytes as Parquet; {volume.nodes} nodes seal every "
        f"{volume.seal_seconds:g} s; kept {volume.keep_days} days. US dollars, {region}, list prices as of {LOOKED_UP}."
    )
    missing = sorted(name for name, usd in paid.items() if usd is None)
    if missing:
        output.talk(f"unknown in {region}: {', '.join(missing)}; give them with --price NAME=USD")
    unsure = [price.name for price in PRICES if not price.sure and region in price.usd]
    if unsure:
        output.talk(f"by a third party's word only: {', '.join(unsure)}")
