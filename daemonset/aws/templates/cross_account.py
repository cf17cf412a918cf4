"""cross-account.yaml: other accounts in, a role beside the lake out that their agents take to write into it.

It is deployed in the account that holds the lake. An agent takes the role if it runs in one of the accounts, under the
role's name that agent-role.yaml gives it, and says the external id.
"""

from __future__ import annotations

from daemonset.aws.templates.agent_role import TAG_OBJECTS, TAGGED, managed, statements
from daemonset.aws.templates.document import get, given, output, policy, ref, sub, text, written
from daemonset.aws.templates.parameters import EXTERNAL_ID, KMS_KEY, PREFIX, bucket

PARAMETERS = {
    "Accounts": {
        "Type": "List<String>",
        "Description": "The accounts from which agents may ship, as 111111111111,222222222222.",
        "AllowedPattern": "^[0-9]{12}$",
        "ConstraintDescription": "is account ids of twelve digits, with commas between them",
    },
    "AgentRoleName": text("The agents' role over there.", "tailrace-agent", r"[\w+=,.@-]{1,64}", "is a role's name"),
    "ExternalId": text(
        "What the agents say when they take the role (their setting s3_external_id).",
        None,
        EXTERNAL_ID,
        "is 2 to 1,224 letters, digits and +=,.@:/_-",
    ),
    "RoleName": text("The role's name.", "tailrace-writer", r"[\w+=,.@-]{1,64}", "is a role's name"),
    "Bucket": bucket(),
    "Prefix": PREFIX,
    "KmsKeyArn": KMS_KEY,
    "TagObjects": TAG_OBJECTS,
}


def template() -> str:
    """The text of cross-account.yaml."""
    trust = {
        "Sid": "AgentsOfTheAccounts",
        "Effect": "Allow",
        "Principal": {"AWS": ref("Accounts")},
        "Action": "sts:AssumeRole",
        "Condition": {
            "StringEquals": {"sts:ExternalId": ref("ExternalId")},
            # By name and not as the principal: a role that is made anew over there is trusted still.
            "ArnLike": {"aws:PrincipalArn": sub("arn:${AWS::Partition}:iam::*:role/${AgentRoleName}")},
        },
    }
    return written(
        "tailrace: a role in the lake's account that agents in other accounts take to write into the lake.",
        Parameters=PARAMETERS,
        Conditions={"OwnKey": given("KmsKeyArn"), "Tagged": TAGGED},
        Resources={
            "Role": {
                "Type": "AWS::IAM::Role",
                "Properties": {
                    "RoleName": ref("RoleName"),
                    "Description": "What tailrace's agents in other accounts may do here.",
                    "AssumeRolePolicyDocument": policy(trust),
                },
            },
            "ToS3Policy": managed("", "tailrace: what the sink s3 needs.", *statements("s3")),
        },
        Outputs={
            "RoleArn": output("The agents' setting s3_role_arn, and RoleArn of agent-role.yaml.", get("Role", "Arn"))
        },
    )
