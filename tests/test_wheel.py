"""The wheel holds what a user needs: the package, and the questions beside it."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

REPO = Path(__file__).parent.parent


def test_the_wheel_lists_the_questions_without_the_checkout(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path / "dist")]
    subprocess.run(build, cwd=REPO, check=True, capture_output=True)
    (wheel,) = (tmp_path / "dist").glob("*.whl")
    with zipfile.ZipFile(wheel) as z:
        z.extractall(tmp_path / "site")
    questions = sorted(p.name for p in (REPO / "athena/packs").rglob("*.sql"))
    assert questions
    assert sorted(p.name for p in (tmp_path / "site/tailrace/athena/packs").rglob("*.sql")) == questions
    code = f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r}); from tailrace.cli import main; main(['query'])"
    # -P: the checkout, which is the working directory, is not on the path.
    out = subprocess.run([sys.executable, "-P", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert out.returncode == 0, out.stderr
    assert "audit/gaps" in out.stdout + out.stderr
