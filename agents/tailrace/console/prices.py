"""prices: a region in, what AWS asks for there out; each with its source and the day on which it was looked up.

Nobody is asked over the network. A price that is not known for a region is None, never nothing: what needs it has no
sum until it is given with --price.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LOOKED_UP = "2026-11-21"
CALCULATOR = (
    "AWS Pricing API (us-east-2, the same tier), as a copy of AWS's calculator that agrees to the cent cites it"
)
INFRACOST = "infracost's golden files (AWS Pricing API)"


@dataclass(frozen=True)
class Price:
    """US dollars a unit, by region. sure: False if the source is a third party's word and no copy of AWS's own list."""

    name: str
    unit: str
    usd: Mapping[str, float]
    source: str
    sure: bool = True


PRICES = (
    Price(
        "firehose_ingest", "GB, in records of 5 KB steps", {"us-east-1": 0.029, "eu-west-2": 0.035},
        "many third parties; " + INFRACOST,
    ),
    Price(
        "firehose_conversion", "GB ingested, in the same steps", {"us-east-1": 0.018, "eu-west-2": 0.021},
        CALCULATOR + "; " + INFRACOST,
    ),
    Price("firehose_partitioning", "GB partitioned", {"us-east-1": 0.020}, CALCULATOR),
    Price("firehose_partitioned_objects", "1,000 objects", {"us-east-1": 0.005}, CALCULATOR),
    Price("s3_put", "1,000 PUT or LIST requests", {"us-east-1": 0.005, "eu-west-2": 0.0053}, INFRACOST),
    Price("s3_get", "1,000 GET requests", {"us-east-1": 0.0004, "eu-west-2": 0.00042}, INFRACOST),
    Price("s3_storage", "GB and month", {"us-east-1": 0.023, "eu-west-2": 0.024}, INFRACOST),
    Price("cloudwatch_ingest", "GB", {"us-east-1": 0.50}, INFRACOST),
    Price("cloudwatch_storage", "GB, compressed, and month", {"us-east-1": 0.03}, INFRACOST),
    Price("insights_scan", "GB scanned", {"us-east-1": 0.005}, INFRACOST),
    Price("athena_scan", "TB scanned, 10 MB a query at least", {"us-east-1": 5.0}, "athena.guide", sure=False),
)  # fmt: skip
NAMES = tuple(price.name for price in PRICES)
REGIONS = tuple(sorted({region for price in PRICES for region in price.usd}))


def prices(region: str, given: Mapping[str, float]) -> dict[str, float | None]:
    """US dollars by the price's name: what is given, else what is known for the region, else None."""
    return {price.name: given.get(price.name, price.usd.get(region)) for price in PRICES}
