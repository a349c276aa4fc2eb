"""The system's headless Chromium opens a page, and says what happened there.

Tests that need it are marked `needs_browser`, and are skipped where there is none. The browser
resolves no host name, so that nothing leaves the machine whatever a page asks for.
"""

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next((found for name in NAMES if (found := shutil.which(name))), None)
needs_browser = pytest.mark.skipif(
    BROWSER is None, reason=f"no browser on this machine: none of {', '.join(NAMES)}"
)
SECONDS = 120
QUIET = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-default-apps", "--disable-extensions", "--host-resolver-rules=MAP * ~NOTFOUND"),
    *("--disable-features=Translate,OptimizationHints,MediaRouter", "--disable-dev-shm-usage"),
)
CONSOLE = re.compile(r":CONSOLE[:(]\d+\)?\] (.*)")
FOUND = re.compile(r'<script type="application/json" id="found">(.*?)</script>', re.DOTALL)
PROBE = """
<script>
(async () => {
  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const one = (selector) => document.querySelector(selector);
  const all = (selector) => [...document.querySelectorAll(selector)];
  const send = (target, type, more = {}) => target.dispatchEvent(
    new (type.startsWith("key") ? KeyboardEvent : MouseEvent)(
      type, { bubbles: true, cancelable: true, view: window, ...more }));
  const point = (element, type) => {
    const box = element.getBoundingClientRect();
    send(element, type,
      { clientX: box.x + box.width / 2, clientY: box.y + box.height / 2 });
  };
  let found;
  try {
    found = { value: await (async () => { %s })() };
  } catch (error) {
    found = { error: `${error}\\n${error.stack}` };
  }
  const element = document.createElement("script");
  element.type = "application/json";
  element.id = "found";
  element.textContent = JSON.stringify(found).replaceAll("<", "\\\\u003c");
  document.body.append(element);
})();
</script>
</body>"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A page after its script and the probe have run."""

    found: Any
    """The value that the probe returned."""
    document: str
    """The HTML at the end."""
    console: list[str]
    """All messages of the console; errors, and what the policy of the page refused, are there."""
    requests: list[str]
    """The addresses that the page asked for, by the browser's own log."""


def visit(page: Path, folder: Path, probe: str = "return null", *, size: str = "1280,900") -> Visit:
    """Open a page with a probe: the body of an asynchronous function that returns a JSON value.

    The probe has `one(selector)`, `all(selector)`, `send(target, type, {...})`,
    `point(element, type)`, which sends a mouse event to the middle of an element, and
    `pause(milliseconds)`. `folder` is for the files of the visit. Raises AssertionError with the
    error that the probe met.
    """
    folder.mkdir(parents=True, exist_ok=True)
    log = folder / "network.json"
    options = ("--dump-dom", "--virtual-time-budget=20000", f"--log-net-log={log}")
    done = _browse(_with_probe(page, folder, probe), folder, size, *options)
    answer = FOUND.search(done.stdout)
    assert answer, f"the probe has not ended: {done.stderr[-2000:]}"
    found = json.loads(answer[1])
    assert "error" not in found, found["error"]
    console = CONSOLE.findall(done.stderr)
    return Visit(
        found=found.get("value"), document=done.stdout, console=console, requests=_requests(log)
    )


def photograph(
    page: Path, picture: Path, folder: Path, probe: str = "", *, size: str = "1280,900"
) -> None:
    """Write a PNG of the page as it is after the probe."""
    folder.mkdir(parents=True, exist_ok=True)
    options = (f"--screenshot={picture}", "--virtual-time-budget=20000")
    _browse(_with_probe(page, folder, probe), folder, size, *options)
    assert picture.is_file()


def _with_probe(page: Path, folder: Path, probe: str) -> Path:
    text = page.read_text(encoding="utf-8")
    before, end, after = text.rpartition("</body>")
    assert end, f"{page} has no end of its body"
    copy = folder / f"probed-{page.name}"
    copy.write_text(before + PROBE.replace("%s", probe) + after, encoding="utf-8")
    return copy


def _browse(page: Path, folder: Path, size: str, *options: str) -> subprocess.CompletedProcess[str]:
    assert BROWSER is not None
    own = (f"--user-data-dir={folder / 'profile'}", "--enable-logging=stderr")
    return subprocess.run(
        [BROWSER, *QUIET, *own, f"--window-size={size}", *options, page.resolve().as_uri()],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )


def _requests(log: Path) -> list[str]:
    """Return the addresses of requests that a page began; those of the browser have no origin."""
    record = json.loads(log.read_text(encoding="utf-8"))
    begun = record["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    asked = [each.get("params", {}) for each in record["events"] if each["type"] == begun]
    return [
        each["url"] for each in asked if "url" in each and each.get("initiator") != "not an origin"
    ]
