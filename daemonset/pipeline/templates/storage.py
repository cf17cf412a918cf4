"""storage: nothing in, the stack's places out: the images' repository, the bucket between the stages, the logs."""

from __future__ import annotations

import json
from typing import Any

from daemonset.aws.templates.document import ref, sub

RELEASED = "released-"  # deploy.sh gives an image this tag and its commit once production runs it
_EXPIRE = {"type": "expire"}


def _kept(tagged: str, count: int | str, number: int) -> dict[str, Any]:
    """A rule that keeps the newest images of a tag's beginning ("": of all that no rule before it has named)."""
    chosen = {"tagStatus": "tagged", "tagPrefixList": [tagged]} if tagged else {"tagStatus": "any"}
    return {
        "rulePriority": number,
        "selection": {**chosen, "countType": "imageCountMoreThan", "countNumber": count},
        "action": _EXPIRE,
    }


def _lifecycle() -> Any:
    # An image that an earlier rule names is never expired by a later one: what production ran is not counted with
    # the builds, of which there may be hundreds between two releases.
    rules = [_kept(RELEASED, "KeepReleases", 1), _kept("", "KeepBuilds", 2)]
    text = json.dumps({"rules": rules}, indent=2)
    for name in ("KeepReleases", "KeepBuilds"):
        text = text.replace(f'"{name}"', f"${{{name}}}")
    return sub(text + "\n")


def repository() -> dict[str, Any]:
    """The images. A tag means one image for ever, and each is scanned when it comes."""
    return {
        "Type": "AWS::ECR::Repository",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "RepositoryName": ref("Name"),
            "ImageTagMutability": "IMMUTABLE",
            "ImageScanningConfiguration": {"ScanOnPush": True},
            "EncryptionConfiguration": {"EncryptionType": "AES256"},
            "LifecyclePolicy": {"LifecyclePolicyText": _lifecycle()},
        },
    }


def bucket() -> dict[str, Any]:
    """What a stage hands to the next: of use for as long as an approval may take."""
    return {
        "Type": "AWS::S3::Bucket",
        "DeletionPolicy": "Retain",
        "UpdateReplacePolicy": "Retain",
        "Properties": {
            "BucketEncryption": {
                "ServerSideEncryptionConfiguration": [{"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]
            },
            "PublicAccessBlockConfiguration": {
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
            "OwnershipControls": {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]},
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "Id": "end",
                        "Status": "Enabled",
                        "ExpirationInDays": 30,
                        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 2},
                    }
                ]
            },
        },
    }


def log(stage: str) -> dict[str, Any]:
    """What a stage's build says."""
    return {
        "Type": "AWS::Logs::LogGroup",
        "Properties": {"LogGroupName": sub(f"/aws/codebuild/${{Name}}-{stage}"), "RetentionInDays": 90},
    }
