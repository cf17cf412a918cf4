"""versitygw: a real S3 server over a folder. Objects are plain files below `bucket`, so that tests can look at them.

It checks signatures and checksums, keeps `If-None-Match: *` and multipart uploads; it has no lifecycle.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType

import botocore.session

from tests.servers.parts import Server, binary, free_port

ACCESS, SECRET, REGION, BUCKET = "tailrace-test", "tailrace-secret", "eu-west-1", "lake-bucket"


def found() -> bool:
    """Whether its binary is there."""
    return binary("versitygw") is not None


class Versitygw:
    """A server with one bucket, BUCKET. env: what a client needs to speak to it as its owner."""

    def __init__(self, folder: Path, port: int = 0, tls: tuple[Path, Path] | None = None) -> None:
        """tls: a certificate and its key; without, it speaks HTTP."""
        self.root = folder / "served"
        self.root.mkdir(parents=True, exist_ok=True)
        self.port = port or free_port()
        self._tls = tls
        self.env = {"AWS_ACCESS_KEY_ID": ACCESS, "AWS_SECRET_ACCESS_KEY": SECRET, "AWS_REGION": REGION}
        sidecar = folder / "sidecar"
        sidecar.mkdir(exist_ok=True)
        words = [
            str(binary("versitygw")), "--port", f"127.0.0.1:{self.port}", "--region", REGION, "--quiet",
            *(("--cert", str(tls[0]), "--key", str(tls[1])) if tls else ()),
            "posix", "--sidecar", str(sidecar), str(self.root),
        ]  # fmt: skip
        env = {"ROOT_ACCESS_KEY": ACCESS, "ROOT_SECRET_KEY": SECRET}
        if tls is None:  # over TLS, 1.8.0 takes the end of one request's body for the next request, whoever sends it
            env["VGW_KEEP_ALIVE"] = "true"
        self._server = Server(words, self.port, folder / "versitygw.txt", env)

    @property
    def endpoint(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def bucket(self) -> Path:
        """The folder that is the bucket."""
        return self.root / BUCKET

    def __enter__(self) -> Versitygw:
        self._server.start()
        if not self.bucket.exists():
            self.client().create_bucket(Bucket=BUCKET)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.close()

    def client(self) -> botocore.client.BaseClient:
        """A client of its own, with nothing of the agent's in it."""
        return botocore.session.Session().create_client(
            "s3", region_name=REGION, endpoint_url=self.endpoint, aws_access_key_id=ACCESS,
            aws_secret_access_key=SECRET, verify=str(self._tls[0]) if self._tls else None,
        )  # fmt: skip

    def kill(self) -> None:
        """SIGKILL; `start` begins anew over the same folder."""
        self._server.kill()

    def start(self) -> None:
        """After `kill`."""
        self._server.start()
