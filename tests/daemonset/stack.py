"""stack: a template's file and parameters in, the resources that CloudFormation would make out, all functions filled.

It knows what our templates use. A parameter that its own limits forbid is refused, a default too. A resource without a
name of its own is called by its logical one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parents[2] / "daemonset" / "aws"
NAMES = ("lake", "firehose", "agent-role", "cross-account", "alarms")
ACCOUNT = "123456789012"
PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-west-1",
    "AWS::AccountId": ACCOUNT,
    "AWS::URLSuffix": "amazonaws.com",
    "AWS::StackName": "tailrace",
    "AWS::NoValue": None,
}
KEY = f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/0f1e"
# Every stack with all that can be turned on, in a lake that has a prefix.
ALL = {
    "lake": {
        "BucketName": "my-lake", "Prefix": "prod/", "KmsKeyArn": KEY, "ColderAfterDays": "30", "ExpireAfterDays": "400"
    },
    "firehose": {"Bucket": "my-lake", "Prefix": "prod/", "KmsKeyArn": KEY},
    "agent-role": {
        "OidcProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/oidc.eks.eu-west-1.amazonaws.com/id/AB12",
        "Bucket": "my-lake", "Prefix": "prod/", "KmsKeyArn": KEY, "TagObjects": "yes", "Stream": "tailrace-*",
        "Group": "/tailrace/*", "InsightsGroup": "/aws/containerinsights/prod/performance",
        "RoleArn": "arn:aws:iam::999999999999:role/tailrace-writer",
    },
    "cross-account": {
        "Accounts": "111111111111,222222222222", "ExternalId": "tailrace-prod", "Bucket": "my-lake", "Prefix": "prod/",
        "KmsKeyArn": KEY, "TagObjects": "yes",
    },
    "alarms": {"Email": "ops@example.com"},
}  # fmt: skip


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _function(loader: yaml.SafeLoader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.SequenceNode):
        return {tag: loader.construct_sequence(node, deep=True)}
    return {tag: loader.construct_scalar(node)}


_Loader.add_multi_constructor("!", _function)


@dataclass
class Stack:
    """A stack of one of our templates."""

    name: str
    given: dict[str, str] = field(default_factory=dict)
    folder: Path = FOLDER

    def __post_init__(self) -> None:
        self.template = yaml.load((self.folder / f"{self.name}.yaml").read_text(), _Loader)
        unknown = self.given.keys() - self.template["Parameters"].keys()
        assert not unknown, f"{self.name} has no parameters {unknown}"
        self.values = {name: self._value(name, p) for name, p in self.template["Parameters"].items()}

    def _value(self, name: str, parameter: dict[str, Any]) -> Any:
        value = self.given.get(name, parameter.get("Default"))
        assert value is not None, f"{self.name} needs the parameter {name}"
        value = str(value)
        many = value.split(",") if parameter["Type"] == "List<String>" else [value]
        for each in many:
            assert re.search(parameter.get("AllowedPattern", ""), each), f"{name}={each!r}"
            assert each in map(str, parameter.get("AllowedValues", [each])), f"{name}={each!r}"
        if "MinValue" in parameter:
            assert parameter["MinValue"] <= int(value) <= parameter["MaxValue"], f"{name}={value}"
        return many if parameter["Type"] == "List<String>" else value

    @property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Logical name to the resource, its properties filled; those whose condition does not hold are missing."""
        return {
            name: {**resource, "Properties": self.filled(resource["Properties"])}
            for name, resource in self.template["Resources"].items()
            if "Condition" not in resource or self.holds(resource["Condition"])
        }

    @property
    def outputs(self) -> dict[str, Any]:
        """What it says."""
        return {name: self.filled(told["Value"]) for name, told in self.template["Outputs"].items()}

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Logical name to properties, of the resources of a type."""
        return {name: r["Properties"] for name, r in self.resources.items() if r["Type"] == kind}

    def holds(self, condition: str) -> bool:
        """Whether a condition does."""
        return bool(self.filled(self.template["Conditions"][condition]))

    def filled(self, value: Any) -> Any:
        """The value without functions; what is AWS::NoValue is left out."""
        if isinstance(value, list):
            return [v for v in map(self.filled, value) if v is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1 and (tag := next(iter(value)))[0].isupper() and hasattr(self, f"_{tag.lower()}"):
            return getattr(self, f"_{tag.lower()}")(value[tag])
        return {k: f for k, v in value.items() if (f := self.filled(v)) is not None}

    def _ref(self, name: str) -> Any:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.values:
            return self.values[name]
        properties = self.template["Resources"][name]["Properties"]
        named = ("BucketName", "LogGroupName", "LogStreamName", "DeliveryStreamName", "RoleName", "RepositoryName")
        kind = self.template["Resources"][name]["Type"].rpartition("::")[2]
        own = [n for n in named if n == f"{kind}Name" and n in properties]
        return self.filled(properties[own[0]]) if own else name

    def _getatt(self, path: str) -> str:
        name, _, attribute = path.partition(".")
        assert attribute == "Arn", path
        kind = self.template["Resources"][name]["Type"]
        return {
            "AWS::S3::Bucket": f"arn:aws:s3:::{self._ref(name)}",
            "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{self._ref(name)}",
            "AWS::StepFunctions::StateMachine": f"arn:aws:states:eu-west-1:{ACCOUNT}:stateMachine:{name}",
        }[kind]

    def _sub(self, value: Any) -> str:
        text, names = value if isinstance(value, list) else (value, {})

        def fill(match: re.Match[str]) -> str:
            name = match[1]
            if name.startswith("!"):
                return f"${{{name[1:]}}}"
            if name in names:
                return str(self.filled(names[name]))
            return self._getatt(name) if "." in name else str(self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", fill, text)

    def _if(self, value: list[Any]) -> Any:
        return self.filled(value[1] if self.holds(value[0]) else value[2])

    def _equals(self, value: list[Any]) -> bool:
        return str(self.filled(value[0])) == str(self.filled(value[1]))

    def _not(self, value: list[Any]) -> bool:
        return not self.filled(value[0])

    def _and(self, value: list[Any]) -> bool:
        return all(self.filled(value))

    def _condition(self, value: Any) -> bool:
        return self.holds(value) if isinstance(value, str) else {"Condition": self.filled(value)}  # type: ignore[return-value]

    def _split(self, value: list[Any]) -> list[str]:
        return str(self.filled(value[1])).split(value[0])

    def _select(self, value: list[Any]) -> Any:
        return self.filled(value[1])[int(value[0])]
