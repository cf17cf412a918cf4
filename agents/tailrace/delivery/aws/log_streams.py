"""log_streams: names of groups and streams of CloudWatch Logs in, groups and streams that are there, out. They are made
when AWS says that they are missing, so that nothing is listed or asked.
"""

from __future__ import annotations

from typing import Any

from tailrace.delivery.aws.client import calling

# What PutRetentionPolicy takes.
_DAYS = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)


def retention_problem(days: int) -> str:
    """What is wrong with a retention, "" if nothing is. 0: for ever."""
    return "" if not days or days in _DAYS else f"AWS takes 0 (for ever) or {', '.join(map(str, _DAYS))}"


class LogStreams:
    """Makes groups and streams. counters: `groups` and `streams` count those that were made."""

    def __init__(self, client: Any, retention_days: int, counters: dict[str, float]) -> None:
        """client: of the service logs. retention_days: of groups that are made; 0: for ever."""
        self._client, self._days, self._counters = client, retention_days, counters

    def arn(self, group: str) -> str:
        """As policies have to name a group and its streams."""
        meta = self._client.meta
        return f"arn:{meta.partition}:logs:{meta.region_name}:*:log-group:{group}:*"

    def make(self, group: str, stream: str) -> None:
        """Make a stream, and its group if there is none. Raises Refused."""
        exceptions = self._client.exceptions
        with calling("logs:CreateLogStream", self.arn(group)):
            try:
                self._make_stream(group, stream)
                return
            except exceptions.ResourceNotFoundException:
                pass
        with calling("logs:CreateLogGroup", self.arn(group)):
            try:
                self._client.create_log_group(logGroupName=group)
                self._counters["groups"] += 1
            except exceptions.ResourceAlreadyExistsException:
                pass  # another node was faster, or this one was ended before the retention was set
        if self._days:
            with calling("logs:PutRetentionPolicy", self.arn(group)):
                self._client.put_retention_policy(logGroupName=group, retentionInDays=self._days)
        with calling("logs:CreateLogStream", self.arn(group)):
            self._make_stream(group, stream)

    def _make_stream(self, group: str, stream: str) -> None:
        try:
            self._client.create_log_stream(logGroupName=group, logStreamName=stream)
            self._counters["streams"] += 1
        except self._client.exceptions.ResourceAlreadyExistsException:
            pass
