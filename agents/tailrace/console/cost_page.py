"""cost_page: nothing in, docs/cost.md out: what `tailrace estimate` says of three volumes, and the prices it has."""

from __future__ import annotations

from tailrace.config import Settings
from tailrace.console import cost
from tailrace.console.cost import Bills
from tailrace.console.estimate import CRI_PREFIX, LINE_BYTES, PARQUET, ROW_EXTRA, Asked, given_volume
from tailrace.console.prices import LOOKED_UP, PRICES, REGIONS, prices

REGION, KEEP_DAYS = "us-east-1", 30
CLUSTERS = ((10, 5), (100, 20), (1000, 100))  # GB a day and nodes


def dollars(usd: float | None) -> str:
    """As the page shows it."""
    if usd is None:
        return "unknown"
    return f"${usd:,.0f}" if usd >= 100 else f"${usd:,.2f}" if usd >= 0.1 else f"${usd:.4f}"


def markdown() -> str:
    """The page."""
    paid = prices(REGION, {})
    seal = Settings().seal_seconds
    bills = {}
    for gb, nodes in CLUSTERS:
        volume = given_volume(Asked(gb, LINE_BYTES, nodes, KEEP_DAYS, seal))
        bills[gb] = {bill.way: bill for bill in Bills(volume, paid).all()}
    head = "".join(f" {gb:,} GB a day, {nodes} nodes |" for gb, nodes in CLUSTERS)
    middle = bills[CLUSTERS[1][0]]
    months = "".join(
        f"| {way} |" + "".join(f" {dollars(b[way].month)} |" for b in bills.values()) + "\n" for way in middle
    )
    asked = "".join(f"| {way} | {dollars(b.day)} | {dollars(b.few)} |\n" for way, b in middle.items())
    rates = "".join(
        f"| `{p.name}` | {p.unit} |"
        + "".join(f" {p.usd.get(region, 'unknown')} |" for region in REGIONS)
        + f" {p.source}{'' if p.sure else ' (not confirmed)'} |\n"
        for p in PRICES
    )
    return f"""# What it costs

<!-- Generated from agents/tailrace/console/ by `make docs`. -->

`tailrace estimate` compares the ways to keep logs on AWS. For your own lines, measure a lake:
`tailrace estimate --lake ./lake`; for a volume, name it: `tailrace estimate --gb-per-day 100 --nodes 20 --items`.
The figures below are its own, for lines of {LINE_BYTES:.0f} bytes kept {KEEP_DAYS} days in {REGION}, in US dollars at
list prices as known on {LOOKED_UP}, without free tiers and discounts. A GB is 2^30 bytes of log files.

## A month

| |{head}
|---|{"---|" * len(CLUSTERS)}
{months}
Firehose and CloudWatch bill what they are sent, and a line is sent with its columns: {LINE_BYTES:.0f} bytes in the
file are about {LINE_BYTES + ROW_EXTRA:.0f} as NDJSON. In the agent's own Parquet the columns repeat and are nearly
free: {PARQUET:.2f} of the raw bytes, all of them included. Firehose also bills each record in steps of
{cost.STEP // 1024} KB, so a line a record pays for {cost.STEP:,} bytes; packed, up to {cost.RECORD_LINES} lines share
a record.

By arrival or by event says whose hour an object lies in; by event needs dynamic partitioning: [aws.md](aws.md).
`format json` and `format text` are those of the sink cloudwatch: a line with its columns, or its message alone.

## A question over one day of {CLUSTERS[1][0]} GB

| | whole lines | without the message |
|---|---|---|
{asked}
Athena reads only the columns and the hours that a question needs (`errors/by_workload` does not read messages); Logs
Insights always reads whole lines. The s3 sink's share for GETs grows with nodes and shrinks with `seal_seconds`.

## Prices

A price that is `unknown` for your region makes the sums that need it unknown: give it with `--price NAME=USD`.

| price | for each | {" | ".join(REGIONS)} | source |
|---|---|{"---|" * len(REGIONS)}---|
{rates}
## What is assumed

- Agents seal each {seal:g} s, an object of lines and one of the ledger; a node that writes little still seals.
  `--seal-seconds 300` costs a fifth of the PUTs.
- A row is {ROW_EXTRA:.0f} bytes of NDJSON more than its line: 430 measured, and about 270 for a pod's workload, image
  and five labels. A message is {CRI_PREFIX:.0f} bytes less than its line.
- Firehose writes an object each {cost.FIREHOSE_SECONDS} s or {cost.FIREHOSE_BUFFER >> 20} MiB, and Parquet with
  snappy: {cost.SNAPPY} times the agent's with zstd (measured with Arrow on the same rows). A ledger object is one
  record of {cost.LEDGER_ROWS} rows.
- CloudWatch stores {cost.CLOUDWATCH_RATIO} of what it takes, as AWS's own calculator assumes (from memory); what is
  ingested is not tiered.
- A question makes {cost.GETS} GETs of each object, and Athena bills {cost.ATHENA_LEAST >> 20} MB at least.
- Not counted: CPU on the nodes, data that crosses regions or a NAT gateway, KMS requests, tiers beyond 500 TB a month,
  and Firehose's jq hours ($0.07 each in us-east-1; how many a stream takes AWS does not say, so by event costs at
  least what stands above).
"""
