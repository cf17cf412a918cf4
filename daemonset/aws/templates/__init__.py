"""templates: the lake's tables, the sinks' permissions, the questions in; CloudFormation and IAM files out. Nothing is
said twice.

    lake.py           the bucket, and the tables in Glue      agent_role.py     the role of the agent (IRSA)
    firehose.py       the delivery streams                    cross_account.py  a role to ship into another account
    alarms.py         when Firehose is in trouble             policies.py       the same policies as JSON
    athena.py         the workgroup and every saved query: of saved.py for Athena, of insights.py for Logs Insights
    compaction.py     the schedule by which Athena makes few large files of many small ones

`document.py` writes YAML, `parameters.py` has what several stacks ask for. `GENERATED` names the files.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from daemonset.aws.templates import agent_role, alarms, athena, compaction, cross_account, firehose, lake, policies
from tailrace.delivery.aws.iam import STATEMENTS

STACKS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("daemonset/aws/lake.yaml", lake.template),
    ("daemonset/aws/firehose.yaml", firehose.template),
    ("daemonset/aws/agent-role.yaml", agent_role.template),
    ("daemonset/aws/cross-account.yaml", cross_account.template),
    ("daemonset/aws/alarms.yaml", alarms.template),
)
GENERATED: tuple[tuple[str, Callable[[], str]], ...] = (
    *STACKS,
    ("athena/stack.yaml", athena.template),
    ("athena/compaction.yaml", compaction.template),
    *((f"daemonset/iam/{sink}.json", partial(policies.policy_json, sink)) for sink in STATEMENTS),
    ("daemonset/iam/README.md", policies.page),
)
