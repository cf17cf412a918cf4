"""ecs: the environment of a container in, what Amazon ECS says of its task out: on EC2 and on Fargate.

The address comes in a variable that ECS gives to every container (version 4; 3 has the same paths). Where there is
none, an old agent may still answer at the fixed address of version 2. It is link-local: no proxy, no TLS, no login.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

import msgspec

from tailrace.config import Settings

V4, V3, RUNS = "ECS_CONTAINER_METADATA_URI_V4", "ECS_CONTAINER_METADATA_URI", "AWS_EXECUTION_ENV"
V2 = "http://169.254.170.2/v2"
_TIMEOUT = 1.0  # seconds for a whole answer
_LONGEST = 8 << 20  # bytes; of ten containers (the most in a task) it is 40 KB
_PIECE = 1 << 16

log = logging.getLogger("tailrace")


class Limits(msgspec.Struct, frozen=True):
    """A task's: CPU in vCPUs. A container's: CPU in units of 1/1024 of one. Memory in MiB. 0: none."""

    CPU: float = 0.0
    Memory: float = 0.0


class Network(msgspec.Struct, frozen=True):
    """NetworkMode: awsvpc (one for all of the task's containers), bridge, host, none."""

    NetworkMode: str = ""


class Disk(msgspec.Struct, frozen=True):
    """The task's ephemeral storage on Fargate, in MiB."""

    Utilized: float = 0.0
    Reserved: float = 0.0


class TaskContainer(msgspec.Struct, frozen=True):
    """One container. Type: NORMAL, or one of the agent's own, such as CNI_PAUSE."""

    DockerId: str
    Name: str = ""
    Image: str = ""
    KnownStatus: str = ""
    Type: str = "NORMAL"
    Limits: Limits = Limits()
    StartedAt: datetime | None = None
    Networks: tuple[Network, ...] | None = None


class Task(msgspec.Struct, frozen=True):
    """One task, as the endpoint has it. Cluster: a name or an ARN, whichever the agent's version gives."""

    TaskARN: str
    Cluster: str = ""
    Family: str = ""
    Revision: str = ""
    ServiceName: str = ""
    LaunchType: str = ""
    Limits: Limits = Limits()
    Containers: tuple[TaskContainer, ...] | None = None
    EphemeralStorageMetrics: Disk | None = None

    @property
    def id(self) -> str:
        """The task's own part of its ARN."""
        return self.TaskARN.rpartition("/")[2]

    @property
    def cluster(self) -> str:
        """The cluster's name."""
        return self.Cluster.rpartition("/")[2]


_TASK = msgspec.json.Decoder(Task)


@dataclass(frozen=True)
class Endpoint:
    """The addresses of one task's metadata and of the stats of all of its containers."""

    task_url: str
    stats_url: str

    def task(self) -> Task:
        """What ECS says of the task. Raises OSError, or ValueError if it is none."""
        try:
            return _TASK.decode(get(self.task_url))
        except msgspec.DecodeError as e:
            raise ValueError(f"{self.task_url} gave no task of ECS ({e})") from None

    def stats(self) -> bytes:
        """Docker's stats by container, JSON. Raises OSError, ValueError."""
        return get(self.stats_url)


def endpoint(environ: Mapping[str, str] = os.environ) -> Endpoint | None:
    """Where this container's task can be asked for; None if this is no task of ECS."""
    if base := (environ.get(V4) or environ.get(V3, "")).rstrip("/"):
        return Endpoint(f"{base}/task", f"{base}/task/stats")
    if environ.get(RUNS, "").startswith("AWS_ECS_"):
        return Endpoint(f"{V2}/metadata", f"{V2}/stats")
    return None


def get(url: str, seconds: float = _TIMEOUT) -> bytes:
    """A body, whole within so many seconds. Raises OSError, and ValueError for an address or an answer of no use."""
    import http.client  # late: with it comes TLS, which --help needs not

    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{url!r} is no address of ECS' task metadata: http://HOST/PATH")
    end = time.monotonic() + seconds
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=seconds)
    try:
        connection.request("GET", parts.path or "/")
        answer = connection.getresponse()
        pieces, size = [], 0
        while piece := answer.read1(_PIECE):
            pieces.append(piece)
            size += len(piece)
            if size > _LONGEST:
                raise ValueError(f"{url} sent more than {_LONGEST} bytes")
            if time.monotonic() > end:
                raise TimeoutError(f"{url} did not send all of its answer within {seconds:g} s")
    except http.client.HTTPException as e:
        raise OSError(f"{url} broke off: {e!r}") from None
    finally:
        connection.close()
    body = b"".join(pieces)
    if answer.status != 200:
        said = body[:200].decode(errors="replace")
        raise OSError(f"{url} answered {answer.status} ({said})")
    if answer.length:
        raise OSError(f"{url} broke off: {answer.length} bytes are missing")
    return body


@dataclass(frozen=True)
class Identity:
    """Who an agent in a task is. node empty: the host has a name of its own (EC2)."""

    cluster: str
    node: str


def identity(
    environ: Mapping[str, str] = os.environ, tries: int = 3, sleep: Callable[[float], object] = time.sleep
) -> Identity | None:
    """What stands for cluster and node where they are not set; None outside of ECS, or if it is not known.

    On Fargate nobody knows of a node: the task is it. It is asked some times, a second apart: the endpoint may come up
    after the container, and it throttles.
    """
    found = endpoint(environ)
    if found is None:
        return None
    for again in range(tries):
        try:
            task = found.task()
            fargate = "FARGATE" in (task.LaunchType, environ.get(RUNS, "").removeprefix("AWS_ECS_"))
            return Identity(task.cluster, task.id if fargate else "")
        except (OSError, ValueError) as e:
            error = e
        if again + 1 < tries:
            sleep(1.0)
    log.warning(
        "ECS does not say which task this is (%s): lines go without the cluster's name, and the host's name stands "
        "for the node; set cluster and node", error,
    )  # fmt: skip
    return None


def placed(settings: Settings, who: Identity | None, environ: Mapping[str, str] = os.environ) -> Settings:
    """The settings with what ECS says in the place of a cluster, and of a node, that nobody named."""
    if who is None:
        return settings
    node = settings.node or environ.get("NODE_NAME", "") or who.node
    return msgspec.structs.replace(settings, cluster=settings.cluster or who.cluster, node=node)
