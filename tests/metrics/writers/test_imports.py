"""What a writer does not need is not in the process: Arrow and the log agent come with the lake's, AWS with emf's."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import tailrace.metrics

METRICS = Path(tailrace.metrics.__file__).parent
HEAVY = (
    "pyarrow", "numpy", "duckdb", "botocore", "boto3", "opentelemetry", "google.protobuf", "kubernetes", "urllib3",
    "tailrace.metrics.writers.insights",
)  # fmt: skip


def imported(path: Path) -> set[str]:
    """The modules that a file names in its imports, at its top or later."""
    names: set[str] = set()
    for one in ast.walk(ast.parse(path.read_text())):
        if isinstance(one, ast.ImportFrom) and one.module:
            names.add(one.module)
        elif isinstance(one, ast.Import):
            names |= {alias.name for alias in one.names}
    return names


def test_only_the_lake_s_own_modules_import_the_log_agent_or_arrow() -> None:
    files = sorted(METRICS.rglob("*.py"))
    assert len(files) > 40
    found = {
        file.name
        for file in files
        if any(name.startswith(("tailrace.logs", "pyarrow", "numpy")) for name in imported(file))
    }
    assert found == {"lake_agent.py", "lake_pipeline.py"}


def test_the_settings_of_all_writers_are_known_without_any_library() -> None:
    words = f"import sys, tailrace.metrics.writers.writing; print([m for m in {HEAVY} if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
