"""alarms.yaml: delivery streams in, an alarm for each thing that can go wrong between Firehose and the lake out.

What the agent itself sees (throttled, refused, waiting in the outbox) is in its own metrics; here is what only Firehose
knows: how old its oldest record is, and what it took and could not convert.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from daemonset.aws.templates import topic
from daemonset.aws.templates.document import number, ref, sub, written
from daemonset.aws.templates.parameters import STREAMS
from tailrace.lake import TABLES


@dataclass(frozen=True)
class Alarm:
    """One metric of AWS/Firehose. above: what it may be (a number or a parameter). silence: what no data means."""

    name: str
    metric: str
    statistic: str
    above: Any
    means: str
    periods: int = 1
    below: bool = False
    silence: str = "notBreaching"


ALARMS = (
    Alarm(
        "late", "DeliveryToS3.DataFreshness", "Maximum", ref("LateSeconds"),
        "its oldest record waits too long: Firehose loses it after 24 hours. Look into its error log: the bucket, its "
        "policy, the key, or the error prefix that it can't write.",
        periods=2,
    ),
    Alarm(
        "throttled", "ThrottledRecords", "Sum", 0,
        "it refuses records: agents wait and try again, and nothing is lost while their outboxes have room. Ask for a "
        "higher quota, or pack more lines into a record.",
        periods=3,
    ),
    Alarm(
        "unconverted", "FailedConversion.Records", "Sum", 0,
        "records were not converted to Parquet and lie below errors/ in the bucket: the Glue table is not the lake's "
        "(deploy lake.yaml again), or somebody else writes into the stream.",
    ),
    Alarm(
        "undelivered", "DeliveryToS3.Success", "Average", 1,
        "it could not write some objects: look into its error log for the permission or the bucket that is missing.",
        periods=2, below=True,
    ),
    Alarm(
        "unpartitioned", "PartitionCountExceeded", "Maximum", 0,
        "lines of too many hours came at once, and those beyond the limit lie below errors/ in the bucket.",
    ),
    Alarm(
        "silent", "IncomingRecords", "Sum", 1,
        "nothing came for 15 minutes: the agents are down, or may not send.",
        periods=3, below=True, silence="breaching",
    ),
)  # fmt: skip
PARAMETERS = {
    "Name": STREAMS,
    "LateSeconds": number(
        "Age of the oldest record that is too much; more than BufferSeconds of firehose.yaml.", 1800, 120, 86400
    ),
    **topic.PARAMETERS,
}


def _alarm(stream: str, alarm: Alarm) -> dict[str, Any]:
    return {
        "Type": "AWS::CloudWatch::Alarm",
        "Properties": {
            "AlarmName": sub(f"{stream}-{alarm.name}"),
            "AlarmDescription": sub(f"{stream}: {alarm.means}"),
            "Namespace": "AWS/Firehose",
            "MetricName": alarm.metric,
            "Dimensions": [{"Name": "DeliveryStreamName", "Value": sub(stream)}],
            "Statistic": alarm.statistic,
            "Period": 300,  # Firehose tells its metrics every five minutes at the latest
            "EvaluationPeriods": alarm.periods,
            "Threshold": alarm.above,
            "ComparisonOperator": "LessThanThreshold" if alarm.below else "GreaterThanThreshold",
            "TreatMissingData": alarm.silence,
            **topic.TELLS,
        },
    }


def template() -> str:
    """The text of alarms.yaml."""
    alarms = {
        f"{table.name.title()}{alarm.name.title()}": _alarm(f"${{Name}}-{table.name}", alarm)
        for table in TABLES
        for alarm in ALARMS
    }
    return written(
        "tailrace: alarms on the delivery streams: late, throttled, not converted, not delivered, silent.",
        Parameters=PARAMETERS,
        Conditions=topic.CONDITIONS,
        Resources={**topic.RESOURCES, **alarms},
        Outputs=topic.OUTPUTS,
    )
