"""pipeline: nothing in, pipeline.yaml out: source, build and test, development, an approval, production."""

from __future__ import annotations

import json
from typing import Any

from daemonset.aws.templates.document import Tagged, choice, get, number, only_tls, output, ref, sub, text, written
from daemonset.pipeline.templates import roles, storage

VALUES = (r"daemonset/([A-Za-z0-9_.-]+/)*[A-Za-z0-9_.-]+\.yaml", "is a file of the repository below daemonset/")
CLUSTER = (r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}", "is a cluster's name")
PARAMETERS = {
    "Name": text(
        "What the pipeline, its stages and the images' repository are called.", "tailrace", "[a-z][a-z0-9-]{1,49}",
        "is up to 50 of a-z, 0-9 and -",
    ),
    "ConnectionArn": text(
        "The connection to where the source is (Developer Tools, Connections); it has to be accepted there.", None,
        r"arn:[a-z-]+:(codeconnections|codestar-connections):[a-z0-9-]+:[0-9]{12}:connection/[A-Za-z0-9-]+",
        "is a connection's ARN",
    ),
    "Repository": text("The repository of the source.", None, r"[\w.-]+(/[\w.-]+)+", "is OWNER/NAME"),
    "Branch": text("The branch that is rolled out.", "main", r"[\w./-]{1,255}", "is a branch's name"),
    "DevCluster": text("The EKS cluster that gets every build; of this account and region.", None, *CLUSTER),
    "ProdCluster": text("The EKS cluster that gets what was approved; of this account and region.", None, *CLUSTER),
    "DevValues": text("The values of the first.", "daemonset/chart/values-dev.yaml", *VALUES),
    "ProdValues": text("The values of the second.", "daemonset/chart/values-prod.yaml", *VALUES),
    "Approvers": text("Who is asked for the approval, by mail.", None, r"[^@\s]+@[^@\s]+", "is an address"),
    "AccessEntries": choice(
        f"yes: both deployments become the group {roles.GROUP} of their cluster. no: you map their roles yourself.",
        "yes", "no",
    ),
    "PythonImage": text(
        "The image's base, by its digest or from your own mirror. Empty: what the Dockerfile says.", "", r"\S*",
        "is empty or an image",
    ),
    "KeepBuilds": number("How many images of builds are kept.", 30, 2, 1000),
    "KeepReleases": number("How many images are kept that production runs or ran.", 20, 2, 1000),
}  # fmt: skip


def _project(stage: str, description: str, script: str, minutes: int, **environment: Any) -> dict[str, Any]:
    """A build. Only that of the image speaks to Docker, which takes `privileged`."""
    builds = stage == "build"
    return {
        "Type": "AWS::CodeBuild::Project",
        "Properties": {
            "Name": sub(f"${{Name}}-{stage}"),
            "Description": description,
            "ServiceRole": get(f"{stage.title()}Role", "Arn"),
            "Source": {"Type": "CODEPIPELINE", "BuildSpec": f"daemonset/pipeline/{script}"},
            "Artifacts": {"Type": "CODEPIPELINE"},
            "Environment": {
                "Type": "LINUX_CONTAINER",
                "ComputeType": "BUILD_GENERAL1_MEDIUM" if builds else "BUILD_GENERAL1_SMALL",
                "Image": "aws/codebuild/standard:7.0",
                "PrivilegedMode": builds,
                "EnvironmentVariables": [{"Name": name, "Value": value} for name, value in environment.items()],
            },
            "LogsConfig": {"CloudWatchLogs": {"Status": "ENABLED", "GroupName": ref(f"{stage.title()}Log")}},
            "TimeoutInMinutes": minutes,
        },
    }


def _action(name: str, category: str, owner_and_provider: tuple[str, str], **more: Any) -> dict[str, Any]:
    owner, provider = owner_and_provider
    kind = {"Category": category, "Owner": owner, "Provider": provider, "Version": "1"}
    return {"Name": name, "ActionTypeId": kind, **more}


def _build(name: str, stage: str, takes: str, **more: Any) -> dict[str, Any]:
    variables = [{"name": "COMMIT", "value": "#{Source.CommitId}", "type": "PLAINTEXT"}]
    configuration = {"ProjectName": ref(f"{stage.title()}Project"), "EnvironmentVariables": json.dumps(variables)}
    # A deployment, too, is a build to CodePipeline: CodeBuild provides nothing else.
    action = _action(name, "Build", ("AWS", "CodeBuild"), Configuration=configuration, **more)
    return {"Name": name, "Actions": [{**action, "InputArtifacts": [{"Name": takes}]}]}


def _stages() -> list[dict[str, Any]]:
    source = _action(
        "Source", "Source", ("AWS", "CodeStarSourceConnection"), Namespace="Source",
        Configuration={
            "ConnectionArn": ref("ConnectionArn"), "FullRepositoryId": ref("Repository"), "BranchName": ref("Branch")
        },
        OutputArtifacts=[{"Name": "source"}],
    )  # fmt: skip
    asked = "The development cluster runs #{Source.CommitId}: #{Source.CommitMessage}"
    approval = _action(
        "Approve", "Approval", ("AWS", "Manual"),
        Configuration={"NotificationArn": ref("Approval"), "CustomData": asked},
    )  # fmt: skip
    return [
        {"Name": "Source", "Actions": [source]},
        _build("Build", "build", "source", OutputArtifacts=[{"Name": "built"}]),
        _build("Development", "dev", "built"),
        {"Name": "Approval", "Actions": [approval]},
        _build("Production", "prod", "built"),
    ]


def _uri() -> Tagged:
    return sub("${AWS::AccountId}.dkr.ecr.${AWS::Region}.${AWS::URLSuffix}/${Images}")


def _resources() -> dict[str, Any]:
    return {
        "Images": storage.repository(),
        "Artifacts": storage.bucket(),
        "ArtifactsPolicy": only_tls("Artifacts"),
        **{f"{stage.title()}Log": storage.log(stage) for stage in ("build", "dev", "prod")},
        "Approval": {
            "Type": "AWS::SNS::Topic",
            "Properties": {
                "TopicName": sub("${Name}-approval"),
                "Subscription": [{"Protocol": "email", "Endpoint": ref("Approvers")}],
            },
        },
        "BuildRole": roles.builder(),
        "DevRole": roles.deployer("dev", "DevCluster"),
        "ProdRole": roles.deployer("prod", "ProdCluster", roles.marks_releases()),
        "PipelineRole": roles.pipeline(),
        "DevEntry": roles.entry("DevRole", "DevCluster"),
        "ProdEntry": roles.entry("ProdRole", "ProdCluster"),
        "BuildProject": _project(
            "build", "tailrace: tests, then the image.", "buildspec.yml", 60,
            REPOSITORY=_uri(), PYTHON_IMAGE=ref("PythonImage"),
        ),
        "DevProject": _project(
            "dev", "tailrace: helm upgrade to development.", "deploy.yml", 60,
            CLUSTER=ref("DevCluster"), VALUES=ref("DevValues"),
        ),
        "ProdProject": _project(
            "prod", "tailrace: helm upgrade to production.", "deploy.yml", 60,
            CLUSTER=ref("ProdCluster"), VALUES=ref("ProdValues"), RELEASED=storage.RELEASED,
        ),
        "Pipeline": {
            "Type": "AWS::CodePipeline::Pipeline",
            "Properties": {
                "Name": ref("Name"),
                "PipelineType": "V2",
                "RoleArn": get("PipelineRole", "Arn"),
                "ArtifactStore": {"Type": "S3", "Location": ref("Artifacts")},
                "Stages": _stages(),
            },
        },
    }  # fmt: skip


def template() -> str:
    """The text of pipeline.yaml."""
    page = written(
        "tailrace: from a commit to production, by way of tests, a scanned image, development and an approval.",
        Parameters=PARAMETERS,
        Conditions={"MakeEntries": Tagged("Equals", [ref("AccessEntries"), "yes"])},
        Resources=_resources(),
        Outputs={
            "Images": output("The value image.repository of the chart.", _uri()),
            "DevRole": output("Whom the development cluster has to know.", get("DevRole", "Arn")),
            "ProdRole": output("Whom the production cluster has to know.", get("ProdRole", "Arn")),
        },
    )
    return page.replace("daemonset/aws/templates", "daemonset/pipeline/templates", 1)
