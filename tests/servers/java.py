"""java: the oldest version that will do in, the home of an installed Java out."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from functools import cache
from pathlib import Path


@cache
def java(oldest: int) -> Path | None:
    """The home of a Java that is new enough: JAVA_HOME, the PATH's, or the newest that is installed; None without."""
    installed = sorted(Path("/usr/lib/jvm").glob("*"), key=lambda p: [int(n) for n in re.findall(r"\d+", p.name)])
    on_path = shutil.which("java")
    candidates = [os.environ.get("JAVA_HOME"), on_path and Path(on_path).resolve().parents[1], *reversed(installed)]
    for home in candidates:
        if home and (Path(home) / "bin/java").exists():
            said = subprocess.run([Path(home) / "bin/java", "-version"], capture_output=True, text=True).stderr
            version = re.search(r'version "(\d+)', said)
            if version and int(version[1]) >= oldest:
                return Path(home)
    return None
