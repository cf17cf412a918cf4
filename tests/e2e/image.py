"""image: a tar of a root file system and what to run in it in, an OCI archive out that a container runtime imports.

One layer, no compression: it is unpacked once, on the same machine.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping, Sequence
from pathlib import Path

MEDIA = "application/vnd.oci.image"


def layer(path: Path, files: Mapping[str, Path], folders: Sequence[str] = ()) -> Path:
    """A tar with these files (name inside: file here), executable, and these empty folders."""
    with tarfile.open(path, "w") as tar:
        for folder in folders:
            member = tarfile.TarInfo(folder)
            member.type, member.mode = tarfile.DIRTYPE, 0o1777
            tar.addfile(member)
        for name, file in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = file.stat().st_size, 0o755
            with file.open("rb") as opened:
                tar.addfile(member, opened)
    return path


def archive(path: Path, name: str, rootfs: Path, config: Mapping[str, object]) -> Path:
    """The image `name` (with its tag) out of a layer; config: Entrypoint, Env, User … as OCI names them."""
    with rootfs.open("rb") as opened:
        layer_digest = hashlib.file_digest(opened, "sha256").hexdigest()
    described = encoded(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{layer_digest}"]},
        }
    )
    manifest = encoded(
        {
            "schemaVersion": 2,
            "mediaType": f"{MEDIA}.manifest.v1+json",
            "config": blob("config.v1+json", described),
            "layers": [
                {
                    "mediaType": f"{MEDIA}.layer.v1.tar",
                    "digest": f"sha256:{layer_digest}",
                    "size": rootfs.stat().st_size,
                }
            ],
        }
    )
    named = {"io.containerd.image.name": name, "org.opencontainers.image.ref.name": name.rpartition(":")[2]}
    index = encoded({"schemaVersion": 2, "manifests": [{**blob("manifest.v1+json", manifest), "annotations": named}]})
    with tarfile.open(path, "w") as tar:
        small = {
            "oci-layout": encoded({"imageLayoutVersion": "1.0.0"}),
            "index.json": index,
            **{f"blobs/sha256/{hashlib.sha256(data).hexdigest()}": data for data in (described, manifest)},
        }
        for inside, data in small.items():
            member = tarfile.TarInfo(inside)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
        member = tarfile.TarInfo(f"blobs/sha256/{layer_digest}")
        member.size = rootfs.stat().st_size
        with rootfs.open("rb") as opened:
            tar.addfile(member, opened)
    return path


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def blob(kind: str, data: bytes) -> dict[str, object]:
    """How an index or a manifest points to it."""
    return {
        "mediaType": f"{MEDIA}.{kind}",
        "digest": f"sha256:{hashlib.sha256(data).hexdigest()}",
        "size": len(data),
    }
