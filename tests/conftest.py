"""What all tests share."""

import gc
import os
import signal
import traceback
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.support.knobs import DRAWN

settings.register_profile(
    "specformer",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("specformer")
# A job in the background inherits that Ctrl-C is ignored; processes of tests are sent it, too.
signal.signal(signal.SIGINT, signal.default_int_handler)
os.environ.setdefault("COLUMNS", "100")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # more would only wait for each other


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite expected outputs")
    parser.addoption(
        "--drawn", action="store_true", help="print how often random specs had each value"
    )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where tests run in several processes, each sends what it has drawn to the first."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["drawn"] = {knob: dict(each) for knob, each in DRAWN.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the first process, at the end of another; a killed one has sent nothing."""
    for knob, values in getattr(node, "workeroutput", {}).get("drawn", {}).items():
        DRAWN[knob].update(values)


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Writes what was drawn into a file, so that the output ends with the results.

    With `--drawn` it is printed, too.
    """
    cache = getattr(config, "cache", None)
    if not DRAWN or cache is None:
        return
    text = "".join(
        f"{knob}: {', '.join(f'{value} {times}' for value, times in sorted(values.items()))}\n"
        for knob, values in sorted(DRAWN.items())
    )
    (cache.mkdir("random-specs") / "drawn.txt").write_text(text, encoding="utf-8")
    if config.option.drawn:
        terminalreporter.section("values of random specs, and how often each was drawn")
        terminalreporter.write(text)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Lets go of what a failed test holds, such as processes, before the next test begins.

    Their warnings would otherwise come at any time, and fail that one.
    """
    report = yield
    if report.failed and call.excinfo is not None and not item.config.option.usepdb:
        traceback.clear_frames(call.excinfo.tb)
        for frame, _ in traceback.walk_tb(call.excinfo.tb):
            _ = frame.f_locals  # Python 3.11 keeps a copy of them until they are asked for again
        gc.collect()
    return report
