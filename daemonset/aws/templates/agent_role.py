"""agent-role.yaml: a cluster's OIDC provider in, the role that the agent's service account takes out (IRSA).

Each sink has a policy of its own, made of the statements in tailrace.delivery.aws.iam, and so has a metrics writer that
speaks to AWS itself; one is chosen by saying what it may reach.
"""

from __future__ import annotations

from typing import Any

from daemonset.aws.templates.document import (
    Tagged,
    allow,
    choice,
    get,
    given,
    output,
    policy,
    ref,
    sub,
    text,
    when,
    written,
)
from daemonset.aws.templates.parameters import KMS_KEY, PREFIX
from tailrace.delivery.aws.iam import STATEMENTS, WRITERS, Statement

# What iam's placeholders are here.
FILLED = {"Partition": "AWS::Partition", "Region": "AWS::Region", "Account": "AWS::AccountId", "KmsKey": "KmsKeyArn"}
# The condition under which a statement that depends on a setting is wanted.
NEEDED = {"kms_key": "OwnKey", "tags": "Tagged"}
# Sink or writer to the parameter that chooses it and the condition that says so.
CHOSEN = {
    "s3": ("Bucket", "ToS3"), "firehose": ("Stream", "ToFirehose"), "cloudwatch": ("Group", "ToCloudWatch"),
    "emf": ("InsightsGroup", "ToInsights"),
}  # fmt: skip
ASSUMED = "role_arn"  # statements that need it stand in a policy of their own

TAG_OBJECTS = choice("Sink s3: yes if the agents' setting s3_tags is set.", "no", "yes")
TAGGED = Tagged("Equals", [ref("TagObjects"), "yes"])
PARAMETERS = {
    "OidcProviderArn": text(
        "The cluster's IAM OIDC provider.",
        None,
        r"arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/[A-Za-z0-9./_-]+",
        "is arn:aws:iam::ACCOUNT:oidc-provider/oidc.eks.REGION.amazonaws.com/id/ID",
    ),
    "Namespace": text("The agent's namespace.", "tailrace", "[a-z0-9-]{1,63}", "is a namespace's name"),
    "ServiceAccount": text("The agent's service account.", "tailrace", "[a-z0-9.-]{1,253}", "is a name"),
    "RoleName": text(
        "The role's name; cross-account.yaml trusts it by that.",
        "tailrace-agent",
        r"[\w+=,.@-]{1,64}",
        "is a role's name",
    ),
    "Bucket": text(
        "Sink s3: the lake's bucket in this account. Empty: no such policy.",
        "",
        r"([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])?",
        "is empty or a bucket's name",
    ),
    "Prefix": PREFIX,
    "KmsKeyArn": KMS_KEY,
    "TagObjects": TAG_OBJECTS,
    "Stream": text(
        "Sink firehose: the streams, as tailrace-*. Empty: no such policy.",
        "",
        r"([A-Za-z0-9_.-]+\*?)?",
        "is empty, a stream's name, or its beginning and *",
    ),
    "Group": text(
        "Sink cloudwatch: the log groups, as /tailrace/*. Empty: no such policy.",
        "",
        r"([A-Za-z0-9_./#-]+\*?)?",
        "is empty, a log group's name, or its beginning and *",
    ),
    "InsightsGroup": text(
        "Writer emf: the log group, as /aws/containerinsights/CLUSTER/performance. Empty: no such policy.",
        "",
        r"([A-Za-z0-9_./#-]+\*?)?",
        "is empty, a log group's name, or its beginning and *",
    ),
    "RoleArn": text(
        "The role in the other account (its stack cross-account.yaml tells it). Empty: none is assumed.",
        "",
        r"(arn:[a-z-]+:iam::[0-9]{12}:role/[\w+=,.@/-]+)?",
        "is empty or a role's ARN",
    ),
}


def body(statement: Statement) -> dict[str, Any]:
    """The statement, its placeholders by CloudFormation's names."""
    arn = statement.resource
    for placeholder, name in FILLED.items():
        arn = arn.replace(f"${{{placeholder}}}", f"${{{name}}}")
    return allow(statement.sid, list(statement.actions), sub(arn))


def statements(sink: str) -> list[Any]:
    """The statements of a sink, those that depend on a setting under their condition."""
    found = [s for s in STATEMENTS[sink] if s.needs != ASSUMED]
    return [when(NEEDED[s.needs], body(s)) if s.needs else body(s) for s in found]


def managed(condition: str, description: str, *statements: Any) -> dict[str, Any]:
    """A managed policy of the stack's role, made if the condition holds ("": always)."""
    needed = {"Condition": condition} if condition else {}
    properties = {"Description": description, "PolicyDocument": policy(*statements), "Roles": [ref("Role")]}
    return {"Type": "AWS::IAM::ManagedPolicy", **needed, "Properties": properties}


def _kind(name: str) -> str:
    return "writer" if name in WRITERS else "sink"


def _trust() -> Tagged:
    # The issuer is part of a key, and a key can't be an intrinsic function: the document is made as text.
    told = {"Issuer": Tagged("Select", [1, Tagged("Split", [":oidc-provider/", ref("OidcProviderArn")])])}
    return sub(
        """{
  "Version": "2012-10-17",
  "Statement": [{
    "Sid": "TheAgentsServiceAccount",
    "Effect": "Allow",
    "Principal": {"Federated": "${OidcProviderArn}"},
    "Action": "sts:AssumeRoleWithWebIdentity",
    "Condition": {"StringEquals": {
      "${Issuer}:aud": "sts.amazonaws.com",
      "${Issuer}:sub": "system:serviceaccount:${Namespace}:${ServiceAccount}"
    }}
  }]
}
""",
        told,
    )


def _assume() -> dict[str, Any]:
    # Every sink has the same one.
    needed = {s: body(s) for each in STATEMENTS.values() for s in each if s.needs == ASSUMED}
    return managed("ToAnotherAccount", "tailrace: the role that ships into another account.", *needed.values())


def template() -> str:
    """The text of agent-role.yaml."""
    return written(
        "tailrace: the role of the agent's service account, with one policy for each sink or writer.",
        Parameters=PARAMETERS,
        Conditions={
            **{condition: given(parameter) for parameter, condition in CHOSEN.values()},
            "ToAnotherAccount": given("RoleArn"),
            "OwnKey": given("KmsKeyArn"),
            "Tagged": TAGGED,
        },
        Resources={
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": ref("RoleName"),
                    "Description": "What tailrace's agent may do.",
                    "AssumeRolePolicyDocument": _trust(),
                },
            },
            **{
                f"{condition}Policy": managed(
                    condition, f"tailrace: what the {_kind(sink)} {sink} needs.", *statements(sink)
                )
                for sink, (_, condition) in CHOSEN.items()
            },
            "ToAnotherAccountPolicy": _assume(),
        },
        Outputs={"RoleArn": output("The service account's annotation eks.amazonaws.com/role-arn.", get("Role", "Arn"))},
    )
