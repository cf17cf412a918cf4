"""kube_gomod: a Kubernetes version in, a folder out in which Go builds that version's own programs from its modules.

    python kube_gomod.py v1.34.4 FOLDER kube-apiserver kubelet …

k8s.io/kubernetes can't be installed by `go install`: its go.mod replaces the staging modules by folders. Here they are
replaced by their published versions, and everything else is required as upstream does, so that no version is resolved.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

STAGED = r"^\s*(k8s\.io/[\w.-]+) v0\.0\.0(?= |$)"
REPLACED = r"(k8s\.io/[\w.-]+) => \./staging"
REQUIRED = r"^\s+([\w./~-]+\.[\w./~-]+) (v\S+)(?: // indirect)?$"


def main(version: str, folder: Path, programs: list[str]) -> None:
    """Write go.mod and tools.go."""
    folder.mkdir(parents=True, exist_ok=True)
    told = subprocess.check_output(["go", "mod", "download", "-json", f"k8s.io/kubernetes@{version}"], cwd="/")
    upstream = Path(json.loads(told)["GoMod"]).read_text()
    staging = sorted({*re.findall(STAGED, upstream, re.M), *re.findall(REPLACED, upstream)})
    go = re.search(r"^go (\S+)", upstream, re.M)
    assert go, f"the go.mod of {version} is not as those known here"
    assert staging, f"the go.mod of {version} has no staging modules"
    required = [
        f"\t{module} {'v0.0.0' if module in staging else its_version} // indirect"
        for module, its_version in re.findall(REQUIRED, upstream, re.M)
    ]
    published = "v0." + version.split(".", 1)[1]
    replaced = [f"\t{module} => {module} {published}" for module in staging]
    lines = [
        "module kbuild", "", f"go {go[1]}", "",
        "require (", f"\tk8s.io/kubernetes {version}", *required, ")", "", "replace (", *replaced, ")", "",
    ]  # fmt: skip
    (folder / "go.mod").write_text("\n".join(lines))
    imports = "".join(f'\t_ "k8s.io/kubernetes/cmd/{program}"\n' for program in programs)
    (folder / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\nimport (\n{imports})\n")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:])
