"""trouble: why the API server, or the kubelet, gave no answer that can be used: a reason, a sentence, what mends it."""

from __future__ import annotations

import re
from typing import Literal

Reason = Literal[
    "settings", "expired", "forbidden", "certificate", "dns", "unreachable", "timeout", "throttled", "gone", "missing",
    "conflict", "failed",
]  # fmt: skip
# These don't mend by waiting.
LASTING: tuple[Reason, ...] = ("settings", "expired", "forbidden", "certificate", "missing")

_USER = re.compile(r'User "([^"]+)"|user=([^,)]+)')
_SERVICE_ACCOUNT = "system:serviceaccount:"


class Trouble(RuntimeError):
    """A request failed. wait: seconds that the server asks us to stay away, None if it didn't say."""

    def __init__(self, reason: Reason, said: str, mend: str = "", wait: float | None = None) -> None:
        super().__init__(f"{said}; {mend}" if mend else said)
        self.reason, self.said, self.mend, self.wait = reason, said, mend, wait

    @property
    def lasting(self) -> bool:
        """Whether somebody has to do something before it can work again."""
        return self.reason in LASTING


def forbidden(server: str, verb: str, resource: str, said: str) -> Trouble:
    """A 403. said: the server's own words, which hold our name. The command gives the one verb that is missing."""
    found = _USER.search(said)
    user = (found.group(1) or found.group(2)) if found else "this user"
    name = f"tailrace-{verb}-{resource.replace('/', '-')}"
    if user.startswith(_SERVICE_ACCOUNT):
        whom = f"--serviceaccount={user.removeprefix(_SERVICE_ACCOUNT)}"
    else:
        whom = f"--user={user}"
    return Trouble(
        "forbidden",
        f"{server}: {user} may not {verb} {resource} (403)",
        f"allow it: kubectl create clusterrole {name} --verb={verb} --resource={resource} && "
        f"kubectl create clusterrolebinding {name} --clusterrole={name} {whom}; "
        "or install the chart with rbac.create=true",
    )
