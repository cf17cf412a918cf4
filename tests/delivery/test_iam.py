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


def test_the_page_about_s3_shows_the_policy_that_is_needed() -> None:
    (shown,) = re.findall(r"```json\n(.*?)```", (REPO / "docs/sinks/s3.md").read_text(), re.S)
    assert json.loads(shown) == policy("s3", {"Partition": "aws", "Bucket": "my-lake", "Prefix": "prod/"})
