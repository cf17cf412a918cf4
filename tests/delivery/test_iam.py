"""iam: what a role needs is said once, and is said so that it can be pasted."""

from __future__ import annotations

import json
import re
from pathlib import Path
from string import Template

import pytest

from tailrace.delivery.aws.iam import PLACEHOLDERS, STATEMENTS, allowing, policy

REPO = Path(__file__).parents[2]
EVERYTHING = frozenset(s.needs for statements in STATEMENTS.values() for s in statements)


def test_every_placeholder_is_explained_and_used() -> None:
    resources = [s.resource for statements in STATEMENTS.values() for s in statements]
    used = {name for resource in resources for name in Template(resource).get_identifiers()}
    assert used == {name for name, _, _ in PLACEHOLDERS}


@pytest.mark.parametrize("sink", sorted(STATEMENTS))
def test_no_policy_allows_everything_or_to_delete(sink: str) -> None:
    statements = policy(sink, {name: example for name, example, _ in PLACEHOLDERS}, EVERYTHING)["Statement"]
    assert len({s["Sid"] for s in statements}) == len(statements) == len(STATEMENTS[sink])
    for s in statements:
        assert re.fullmatch(r"[A-Za-z0-9]+", s["Sid"])
        assert s["Resource"] != "*"
        assert "${" not in s["Resource"]
        assert [a for a in s["Action"] if "*" in a or ":Delete" in a] == []


def test_what_depends_on_a_setting_is_left_out_without_it() -> None:
    def sids(*settings: str) -> list[str]:
        return [s["Sid"] for s in policy("s3", {}, frozenset(settings))["Statement"]]

    assert sids() == ["StoreObjects", "TellWhatIsThere"]
    assert sids("kms_key", "role_arn") == [*sids(), "UseTheKey", "AssumeTheOtherAccountsRole"]


def test_a_denied_action_is_mended_with_all_that_is_needed_of_that_resource() -> None:
    statement = json.loads(allowing("s3:AbortMultipartUpload", "arn:aws:s3:::lake/*"))
    assert statement["Action"] == ["s3:PutObject", "s3:GetObject", "s3:AbortMultipartUpload"]
    assert statement["Resource"] == "arn:aws:s3:::lake/*"
    assert json.loads(allowing("sts:TagSession", "arn:x"))["Action"] == ["sts:TagSession"]


def test_a_stream_that_was_denied_is_mended_for_all_streams_of_its_group() -> None:
    """AWS names the one stream; with a statement for that one, the next pod would be denied again."""
    group = "arn:aws:logs:eu-west-1:123456789012:log-group:/tailrace/shop"
    for action, of in (
        ("logs:CreateLogStream", ":log-stream:web/app"), ("logs:CreateLogGroup", ":log-stream:"),
        ("logs:PutLogEvents", ":*"),
    ):  # fmt: skip
        assert json.loads(allowing(action, group + of))["Resource"] == f"{group}:*"


@pytest.mark.parametrize(
    ("sink", "values"),
    [
        ("s3", {"Partition": "aws", "Bucket": "my-lake", "Prefix": "prod/"}),
        (
            "cloudwatch",
            {"Partition": "aws", "Region": "eu-west-1", "Account": "123456789012", "Group": "/tailrace/*"},
        ),
    ],
)
def test_a_page_shows_the_policy_that_is_needed(sink: str, values: dict[str, str]) -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", (REPO / f"docs/sinks/{sink}.md").read_text(), re.S)
    assert json.loads(shown) == policy(sink, values)
