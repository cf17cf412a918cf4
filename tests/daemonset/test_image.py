"""The image: what the Dockerfile says of it, and that what it leaves out is missed by no agent."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

from daemonset.image import measure
from daemonset.image.locked import blocks, name_of, of_the_build, of_the_image, part
from tests.daemonset.helm import REPO, pod_specs, rendered
from tests.node import World, writer

DOCKERFILE = (REPO / "daemonset/Dockerfile").read_text()
LOCK = (REPO / "requirements.lock").read_text()
NODE = {name for name, _, _ in blocks(part(LOCK, of_the_image(())))}
# Runs `tailrace` with those modules refused that the image has not.
WITHOUT = """
import importlib.abc, sys
refused = frozenset(sys.argv.pop(1).split(","))
class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in refused:
            raise ModuleNotFoundError(f"{name} is not in the image", name=name)
sys.meta_path.insert(0, Finder())
from tailrace.__main__ import entry
entry()
"""


def test_the_image_has_what_the_agent_wants_and_nothing_that_a_person_wants() -> None:
    assert {"pyarrow", "duckdb", "numpy", "msgspec", "botocore", "urllib3", "click", "six"} <= NODE
    assert not NODE & {"rich", "sqlglot", "pytest", "moto", "mypy", "hatchling", "cfn-lint", "jinja2"}
    assert {name_of(r) for r in of_the_image(("cluster",))} - of_the_image(()) == {"kubernetes"}


def test_every_package_is_pinned_by_hash() -> None:
    for roots in (of_the_image(("cluster",)), of_the_build()):
        for name, block, _ in blocks(part(LOCK, roots)):
            assert re.search(r"==\S+", block), name
            assert "--hash=sha256:" in block, name


def test_a_package_that_the_lock_does_not_have_is_said() -> None:
    with pytest.raises(ValueError, match="pins no nonsense"):
        part(LOCK, {"nonsense"})
    with pytest.raises(ValueError, match="does not say who wants lonely"):
        list(blocks("lonely==1.0 \\\n    --hash=sha256:00\n"))


def test_an_agent_misses_nothing_that_the_image_leaves_out(tmp_path: Path) -> None:
    ours = packages_distributions()
    refused = {module for module, names in ours.items() if not {name_of(n) for n in names} & {*NODE, "tailrace"}}
    assert {"rich", "sqlglot", "moto", "pytest"} <= refused
    world = World(tmp_path)
    writer(world.root).record("hello")
    words = [sys.executable, "-c", WITHOUT, ",".join(sorted(refused))]
    run = ["run", "logs", "--once", "--root", world.root, "--state", tmp_path / "s", "--sink", "stdout"]
    transform = ["--transform", "SELECT * FROM lines", "--redact", "bearer"]
    done = subprocess.run([*words, *run, *transform], capture_output=True, text=True, check=False)
    assert (done.returncode, "hello" in done.stdout) == (0, True), done.stderr
    query = subprocess.run([*words, "query"], capture_output=True, text=True, check=False)
    assert query.returncode != 0
    assert "pip install 'tailrace[query]'" in query.stderr


def test_the_last_stage_builds_nothing_and_is_not_root() -> None:
    *_, last = re.split(r"^FROM ", DOCKERFILE, flags=re.MULTILINE)
    assert not re.search(r"\b(apt|pip|gcc|curl|wget)\b", re.sub(r"#.*", "", last))
    (user,) = re.findall(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    for _, spec in pod_specs(rendered(values={"config": {"sink": "s3", "lake": "s3://b/p"}})):
        context = spec["securityContext"]
        assert user == (str(context["runAsUser"]), str(context["runAsGroup"]))
    assert not re.search(r"^HEALTHCHECK", DOCKERFILE, re.MULTILINE)


def test_what_the_dockerfile_copies_is_there_and_reaches_the_build() -> None:
    ignored = (REPO / "daemonset/Dockerfile.dockerignore").read_text().splitlines()
    kept = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source.removeprefix("./")
        for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, re.MULTILINE)
        for source in line.split()[:-1]
    }
    assert len(copied) > 6
    assert copied == kept
    assert [source for source in copied if not (REPO / source).exists()] == []


def test_an_images_size_is_told_as_it_is_and_as_a_registry_keeps_it(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(100_000))
    (tmp_path / "link").symlink_to("zeros")
    assert measure.size(tmp_path) == 100_000
    assert 100 < measure.compressed(tmp_path) < 2_000


def test_the_base_can_be_given_by_its_digest() -> None:
    assert re.findall(r"^ARG PYTHON_IMAGE=(\S+)$", DOCKERFILE, re.MULTILINE) == ["python:3.11.14-slim-bookworm"]
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${PYTHON_IMAGE}"] * 2
