"""The delivery pipeline's stack: its stages in order, and roles that may do what their scripts call and no more."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml

from daemonset.aws.templates.document import NOTICE
from daemonset.pipeline.templates import GENERATED
from tests.daemonset.helm import REPO
from tests.daemonset.stack import ACCOUNT, Stack

FOLDER = REPO / "daemonset" / "pipeline"
GIVEN = {
    "ConnectionArn": f"arn:aws:codeconnections:eu-west-1:{ACCOUNT}:connection/0f1e",
    "Repository": "owner/tailrace",
    "DevCluster": "dev",
    "ProdCluster": "prod",
    "Approvers": "ops@example.com",
}
STACK = Stack("pipeline", GIVEN, FOLDER)
ROLES = {name: r["Policies"][0]["PolicyDocument"]["Statement"] for name, r in STACK.of_type("AWS::IAM::Role").items()}
STAGES = STACK.of_type("AWS::CodePipeline::Pipeline")["Pipeline"]["Stages"]
PROJECTS = STACK.of_type("AWS::CodeBuild::Project")


def actions(role: str, service: str) -> set[str]:
    """What a role may do with a service."""
    return {a for statement in ROLES[role] for a in statement["Action"] if a.startswith(f"{service}:")}


def called(script: str, service: str) -> set[str]:
    """What a script's `aws SERVICE …` commands are called in a policy."""
    words = re.findall(rf"aws {service} ([a-z-]+)", (FOLDER / script).read_text())
    return {f"{service}:" + word.title().replace("-", "") for word in words}


def test_the_file_is_what_the_code_says() -> None:
    ((path, text),) = GENERATED
    assert (REPO / path).read_text() == text()
    assert "daemonset/pipeline/templates" in text().splitlines()[0] != NOTICE


def test_production_comes_after_an_approval_and_gets_what_development_got() -> None:
    assert [stage["Name"] for stage in STAGES] == ["Source", "Build", "Development", "Approval", "Production"]
    _, build, dev, approval, prod = (stage["Actions"][0] for stage in STAGES)
    assert approval["ActionTypeId"]["Category"] == "Approval"
    assert build["OutputArtifacts"] == dev["InputArtifacts"] == prod["InputArtifacts"]
    assert [a["Configuration"]["ProjectName"] for a in (build, dev, prod)] == list(PROJECTS)
    for action in (build, dev, prod):
        (variable,) = json.loads(action["Configuration"]["EnvironmentVariables"])
        assert (variable["name"], variable["value"]) == ("COMMIT", "#{Source.CommitId}")
    for stage in STAGES:
        assert len(stage["Actions"]) == 1


def test_who_approves_is_asked() -> None:
    assert STACK.of_type("AWS::SNS::Topic")["Approval"]["Subscription"] == [
        {"Protocol": "email", "Endpoint": "ops@example.com"}
    ]
    assert STAGES[3]["Actions"][0]["Configuration"]["NotificationArn"] == "Approval"


def test_each_project_runs_a_file_that_is_there_with_all_that_its_script_asks_for() -> None:
    scripts = {"buildspec.yml": "push.sh", "deploy.yml": "deploy.sh"}
    for project in PROJECTS.values():
        file = project["Source"]["BuildSpec"].removeprefix("daemonset/pipeline/")
        commands = [
            c for phase in yaml.safe_load((FOLDER / file).read_text())["phases"].values() for c in phase["commands"]
        ]
        assert commands[-1] == f"sh daemonset/pipeline/{scripts[file]}"
        script = (FOLDER / scripts[file]).read_text()
        asked = set(re.findall(r"\$\{?(COMMIT|CLUSTER|VALUES|REPOSITORY|PYTHON_IMAGE)\b", script))
        asked -= (
            {"REPOSITORY", "COMMIT"} if file == "deploy.yml" else {"COMMIT"}
        )  # image.env and the pipeline give them
        given = {v["Name"] for v in project["Environment"]["EnvironmentVariables"]} - {"RELEASED"}
        assert given == asked
        assert project["Environment"]["PrivilegedMode"] == ("docker " in script)


def test_the_build_tests_and_hands_over_what_a_deployment_takes() -> None:
    build = yaml.safe_load((FOLDER / "buildspec.yml").read_text())
    assert build["phases"]["build"]["commands"] == ["make test", "sh daemonset/pipeline/push.sh"]
    assert build["artifacts"]["files"] == ["daemonset/**/*", "parts/bin/helm"]
    for name in ("DevValues", "ProdValues"):
        assert (REPO / STACK.values[name]).is_file()
        with pytest.raises(AssertionError, match="elsewhere"):
            Stack("pipeline", {**GIVEN, name: "elsewhere/values.yaml"}, FOLDER)


def test_images_are_scanned_and_never_change_under_their_tag() -> None:
    images = STACK.of_type("AWS::ECR::Repository")["Images"]
    assert images["ImageScanningConfiguration"] == {"ScanOnPush": True}
    assert images["ImageTagMutability"] == "IMMUTABLE"


def test_what_production_ran_is_kept_however_many_builds_there_are() -> None:
    text = STACK.of_type("AWS::ECR::Repository")["Images"]["LifecyclePolicy"]["LifecyclePolicyText"]
    released, builds = sorted(json.loads(text)["rules"], key=lambda rule: rule["rulePriority"])
    assert released["selection"] == {
        "tagStatus": "tagged", "tagPrefixList": ["released-"], "countType": "imageCountMoreThan", "countNumber": 20
    }  # fmt: skip
    # ECR wants the rule about any image to be the last one.
    assert builds["selection"] == {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 30}
    (tag,) = [
        v["Value"] for v in PROJECTS["ProdProject"]["Environment"]["EnvironmentVariables"] if v["Name"] == "RELEASED"
    ]
    assert [tag] == released["selection"]["tagPrefixList"]


def test_a_role_may_do_what_its_script_calls_and_nothing_else() -> None:
    layers = {
        "BatchCheckLayerAvailability",
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
        "PutImage",
    }
    pushes = {f"ecr:{name}" for name in layers}  # what docker push calls
    renamed = {"ecr:GetLoginPassword": "ecr:GetAuthorizationToken"}
    assert actions("BuildRole", "ecr") == {renamed.get(a, a) for a in called("push.sh", "ecr")} | pushes
    assert actions("ProdRole", "ecr") == called("deploy.sh", "ecr")
    assert actions("DevRole", "ecr") == set()
    for role in ("DevRole", "ProdRole"):
        assert called("deploy.sh", "eks") == {"eks:UpdateKubeconfig"}
        assert actions(role, "eks") == {"eks:DescribeCluster"}  # that is all it calls
        assert actions(role, "s3") == {"s3:GetObject", "s3:GetObjectVersion"}
    assert actions("BuildRole", "eks") == set()
    assert {a.split(":")[0] for role in ROLES for s in ROLES[role] for a in s["Action"]} == {
        "codebuild", "codeconnections", "codestar-connections", "ecr", "eks", "logs", "s3", "sns"
    }  # fmt: skip


def test_a_role_reaches_only_what_the_stack_has_made_or_was_told() -> None:
    for role, statements in ROLES.items():
        for statement in statements:
            assert not any("*" in action for action in statement["Action"]), role
            resources: Any = statement["Resource"]
            for resource in resources if isinstance(resources, list) else [resources]:
                if statement["Action"] == ["ecr:GetAuthorizationToken"]:
                    continue  # knows no resource
                ours = ("arn:aws:s3:::Artifacts/", f"log-group:/aws/codebuild/tailrace-{role[:-4].lower()}:")
                assert "*" not in resource or resource.endswith(tuple(f"{end}*" for end in ours)), resource
    (dev,), (prod,) = (
        [s["Resource"] for s in ROLES[r] if s["Sid"] == "FindTheCluster"] for r in ("DevRole", "ProdRole")
    )
    assert (dev.rpartition("/")[2], prod.rpartition("/")[2]) == ("dev", "prod")


def test_each_deployment_is_the_deployers_group_in_its_own_cluster() -> None:
    entries = STACK.of_type("AWS::EKS::AccessEntry")
    assert {e["ClusterName"]: e["PrincipalArn"].rpartition("/")[2] for e in entries.values()} == {
        "dev": "DevRole", "prod": "ProdRole"
    }  # fmt: skip
    group = {
        subject["name"]
        for d in yaml.safe_load_all((FOLDER / "deployer.yaml").read_text())
        for subject in d.get("subjects", ())
    }
    assert [set(e["KubernetesGroups"]) for e in entries.values()] == [group] * 2
    assert Stack("pipeline", {**GIVEN, "AccessEntries": "no"}, FOLDER).of_type("AWS::EKS::AccessEntry") == {}
