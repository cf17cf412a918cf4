"""chromium: a real, headless browser that opens files, spoken to in its DevTools protocol over two pipes. Debian's.

A pipe instead of a port: nobody else on the machine can reach it, and no WebSocket is needed. Messages are JSON that
ends in a NUL. The browser has a profile in `folder` and no way to a network.
"""

from __future__ import annotations

import base64
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.servers.parts import binary

# No update, no first-run page, no talk with anybody; every host but the file system is refused by its resolver.
WORDS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run", "--disable-extensions",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--host-resolver-rules=MAP * ~NOTFOUND", "--remote-debugging-pipe", "about:blank",
)  # fmt: skip
PATIENCE = 60.0
# The browser reads at 3 and writes to 4: put there by the process that then becomes it. Copies above them first, as one
# of the two may be 3 or 4 itself.
PLACED = """
import fcntl, os, sys
heard, told = (fcntl.fcntl(int(n), fcntl.F_DUPFD, 10) for n in sys.argv[1:3])
os.dup2(heard, 3), os.dup2(told, 4)
os.closerange(5, 64)
os.execv(sys.argv[3], sys.argv[3:])
"""


def found() -> bool:
    """Whether its binary is there."""
    return binary("chromium") is not None


class Chromium:
    """A browser with one page. events: what the page told, as (method, params), since it was last opened."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._number, self._text = folder, 0, b""
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __enter__(self) -> Chromium:
        heard, self._to = os.pipe()
        self._from, told = os.pipe()
        words = [sys.executable, "-c", PLACED, str(heard), str(told), str(binary("chromium"))]
        with (self._folder / "chromium.txt").open("ab") as talk:
            self._process = subprocess.Popen(
                [*words, f"--user-data-dir={self._folder / 'profile'}", *WORDS],
                stdin=subprocess.DEVNULL, stdout=talk, stderr=talk, pass_fds=(heard, told),
                env={**os.environ, "HOME": str(self._folder), "DBUS_SESSION_BUS_ADDRESS": "disabled:"},
            )  # fmt: skip
        os.close(heard)
        os.close(told)
        self._session = ""
        try:
            self._attach()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def _attach(self) -> None:
        target = self.call("Target.getTargets")["targetInfos"][0]["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.terminate()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._to)
        os.close(self._from)

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        """The protocol's answer. Raises AssertionError with its error, or if there is none in time."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._to, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, f"{method}: {told['error']}"
                return dict(told["result"])

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE
        waits = select.poll()  # which takes any descriptor; select ends at 1,024
        waits.register(self._from, select.POLLIN)
        while b"\0" not in self._text:
            ready = waits.poll(max(0.0, end - time.monotonic()) * 1000)
            more = os.read(self._from, 1 << 20) if ready else b""
            assert more, f"the browser is silent: {(self._folder / 'chromium.txt').read_text()[-2000:]}"
            self._text += more
        first, _, self._text = self._text.partition(b"\0")
        told: dict[str, Any] = json.loads(first)
        if "method" in told:
            self.events.append((told["method"], told["params"]))
        return told

    def open(self, path: Path, width: int, height: int, scheme: str) -> None:
        """Show a file in a window of this size, for somebody who prefers the `light` or the `dark`."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.events.clear()
        self.call("Page.navigate", url=path.resolve().as_uri())
        while not any(method == "Page.loadEventFired" for method, _ in self.events):
            self._next()

    def ask(self, expression: str) -> Any:
        """What a JavaScript expression is on the page, as JSON. Runs beside the page's own policy."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def requests(self) -> list[str]:
        """The URLs that the page asked for since it was opened."""
        return [told["request"]["url"] for method, told in self.events if method == "Network.requestWillBeSent"]

    def complaints(self) -> list[Any]:
        """What the console of the page shows."""
        return [
            told
            for method, told in self.events
            if method in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")
        ]

    def screenshot(self, path: Path) -> None:
        """The whole page as a PNG."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 8000), "scale": 1}
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def pdf(self) -> bytes:
        """The page as it prints."""
        return base64.b64decode(self.call("Page.printToPDF", printBackground=False)["data"])
