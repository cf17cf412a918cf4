"""s3_lake: a world's lake in a bucket of a real S3 server, behind a way that can fail.

The server keeps objects as plain files: `world.lake` is a link to them, so that all that looks at a lake works as ever.
"""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from tests.faults.kills import Switch
from tests.node import World
from tests.servers.proxy import Proxy
from tests.servers.versitygw import BUCKET, Versitygw

_PREFIX = "lake"


class Way(Switch):
    """The way to the server: answers are lost, requests cut half way, connections refused, as drawn.

    flags: what sends an agent that way.
    """

    def __init__(self, proxy: Proxy, seed: int) -> None:
        self.proxy = proxy
        self.flags = (
            "--sink", "s3", "--lake", f"s3://{BUCKET}/{_PREFIX}", "--s3-endpoint", proxy.endpoint,
        )  # fmt: skip
        self._rnd = random.Random(seed)

    def turn(self, on: bool) -> None:
        """From now on each connection fails in the same manner; or one of the next does, and the others are sound."""
        fault = self._rnd.choice(("lose", "cut", "refuse", "lose"))
        skip = self._rnd.randrange(3) if on else 0
        self.proxy.fail(fault, 1 if on else None, skip, after=self._rnd.randrange(20_000))


@contextmanager
def s3_lake(world: World, seed: int) -> Iterator[Way]:
    """A server for as long as it is needed; its credentials are in the environment meanwhile."""
    with Versitygw(world.folder / "s3") as server, Proxy(server.port) as proxy, patch.dict(os.environ, server.env):
        (server.bucket / _PREFIX).mkdir()
        world.lake.symlink_to(server.bucket / _PREFIX)
        yield Way(proxy, seed)
