"""roles: a stage in, the role that it runs with out. Each may do what its script calls, on what the stack made."""

from __future__ import annotations

from typing import Any

from daemonset.aws.templates.document import allow, get, policy, ref, sub

GROUP = "tailrace-deployers"  # in the clusters; deployer.yaml says what it may do there
_OBJECTS = sub("${Artifacts.Arn}/*")
_IMAGES = sub("arn:${AWS::Partition}:ecr:${AWS::Region}:${AWS::AccountId}:repository/${Name}")


def _role(description: str, service: str, *statements: Any) -> dict[str, Any]:
    return {
        "Type": "AWS::IAM::Role",
        "Properties": {
            "Description": description,
            "AssumeRolePolicyDocument": policy(
                {
                    "Sid": "TheService",  # only a project or a pipeline of this account can be given a role of it
                    "Effect": "Allow",
                    "Principal": {"Service": f"{service}.amazonaws.com"},
                    "Action": "sts:AssumeRole",
                }
            ),
            "Policies": [{"PolicyName": "stage", "PolicyDocument": policy(*statements)}],
        },
    }


def _says(stage: str) -> dict[str, Any]:
    group = (
        f"arn:${{AWS::Partition}}:logs:${{AWS::Region}}:${{AWS::AccountId}}:log-group:/aws/codebuild/${{Name}}-{stage}"
    )
    return allow("Log", ["logs:CreateLogStream", "logs:PutLogEvents"], sub(f"{group}:*"))


def _reads() -> dict[str, Any]:
    return allow("TakeFromTheStageBefore", ["s3:GetObject", "s3:GetObjectVersion"], _OBJECTS)


def builder() -> dict[str, Any]:
    """Builds, pushes and waits for the scan. It reaches no cluster."""
    return _role(
        "tailrace's build: pushes one image, reaches no cluster.",
        "codebuild",
        _says("build"),
        _reads(),
        allow("GiveToTheNextStage", ["s3:PutObject"], _OBJECTS),
        # A token is for the whole registry; what it is good for is the next statement.
        allow("LogInToTheRegistry", ["ecr:GetAuthorizationToken"], "*"),
        allow(
            "Push",
            [
                "ecr:BatchCheckLayerAvailability",
                "ecr:InitiateLayerUpload",
                "ecr:UploadLayerPart",
                "ecr:CompleteLayerUpload",
                "ecr:PutImage",
            ],
            _IMAGES,
        ),
        allow("LookAtTheScan", ["ecr:DescribeImages", "ecr:DescribeImageScanFindings"], _IMAGES),
    )


def deployer(stage: str, cluster: str, *more: Any) -> dict[str, Any]:
    """Upgrades the release in one cluster. It changes nothing that the next stage takes."""
    arn = f"arn:${{AWS::Partition}}:eks:${{AWS::Region}}:${{AWS::AccountId}}:cluster/${{{cluster}}}"
    return _role(
        f"tailrace's deployment to {stage}: finds one cluster, is {GROUP} there.",
        "codebuild",
        _says(stage),
        _reads(),
        allow("FindTheCluster", ["eks:DescribeCluster"], sub(arn)),
        *more,
    )


def marks_releases() -> dict[str, Any]:
    """What production's stage does besides: the tag that keeps an image."""
    return allow("TagWhatRuns", ["ecr:DescribeImages", "ecr:BatchGetImage", "ecr:PutImage"], _IMAGES)


def pipeline() -> dict[str, Any]:
    """Starts the stages and asks for the approval."""
    project = "arn:${AWS::Partition}:codebuild:${AWS::Region}:${AWS::AccountId}:project/${Name}"
    return _role(
        "tailrace's pipeline: fetches the source and starts the stages.",
        "codepipeline",
        allow(
            # The service was renamed; a connection's ARN has the name that it was made under.
            "FetchTheSource",
            ["codeconnections:UseConnection", "codestar-connections:UseConnection"],
            ref("ConnectionArn"),
        ),
        allow("HandOver", ["s3:GetObject", "s3:GetObjectVersion", "s3:PutObject"], _OBJECTS),
        allow("FindTheBucket", ["s3:GetBucketLocation", "s3:GetBucketVersioning"], get("Artifacts", "Arn")),
        allow(
            "StartTheStages",
            ["codebuild:StartBuild", "codebuild:BatchGetBuilds"],
            [sub(f"{project}-{stage}") for stage in ("build", "dev", "prod")],
        ),
        allow("AskForApproval", ["sns:Publish"], ref("Approval")),
    )


def entry(role: str, cluster: str) -> dict[str, Any]:
    """The role is the deployers' group in the cluster."""
    return {
        "Type": "AWS::EKS::AccessEntry",
        "Condition": "MakeEntries",
        "Properties": {
            "ClusterName": ref(cluster),
            "PrincipalArn": get(role, "Arn"),
            "KubernetesGroups": [GROUP],
            "Type": "STANDARD",
        },
    }
