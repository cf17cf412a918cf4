"""policies: the statements of delivery.aws.iam in, a policy for each out, for who does without CloudFormation."""

from __future__ import annotations

import json

from tailrace.delivery.aws.iam import PLACEHOLDERS, STATEMENTS, policy

SETTINGS = frozenset(s.needs for statements in STATEMENTS.values() for s in statements if s.needs)


def policy_json(sink: str, settings: frozenset[str] = frozenset()) -> str:
    """The policy's text; `${…}` is to be filled by envsubst or by hand."""
    return json.dumps(policy(sink, {}, settings), indent=2) + "\n"


def page() -> str:
    """daemonset/iam/README.md: how the policies are filled, what each permission is for, and what some settings add."""
    names = "".join(f"| `{name}` | {help_} | `{example}` |\n" for name, example, help_ in PLACEHOLDERS)
    rows = "".join(
        f"| {sink} | {s.needs or 'always'} | {', '.join(f'`{a}`' for a in s.actions)} | `{s.resource}` | {s.why} |\n"
        for sink, statements in STATEMENTS.items()
        for s in statements
    )
    return f"""# The agent's permissions

<!-- Generated from tailrace.delivery.aws.iam by `make docs`. -->

One policy for each sink, and for the exporter's writer `emf` (its writer `lake` needs the sink's);
`daemonset/aws/agent-role.yaml` makes the same ones with CloudFormation. The files hold what every run needs, and no
action or resource is `*`. Fill the placeholders, for example:

```
export Partition=aws Bucket=my-lake Prefix=prod/
envsubst < s3.json > policy.json
aws iam create-policy --policy-name tailrace-s3 --policy-document file://policy.json
```

A placeholder that is left in place is a variable to IAM that nothing fills: it allows nothing.

| placeholder | what it is | example |
|---|---|---|
{names}
| sink or writer | needed if this is set | actions | resource | what for |
|---|---|---|---|---|
{rows}"""
