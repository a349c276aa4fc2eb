"""What all tests share."""

import os
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

from tests.knobs import DRAWN

settings.register_profile(
    "specformer",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("specformer")
os.environ.setdefault("COLUMNS", "100")
os.environ.setdefault("OMP_NUM_THREADS", "1")  # more would only wait for each other


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite expected outputs")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where tests run in several processes, each sends what it has drawn to the first."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["drawn"] = {knob: dict(each) for knob, each in DRAWN.items()}


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """In the first process, at the end of another; a killed one has sent nothing."""
    for knob, values in getattr(node, "workeroutput", {}).get("drawn", {}).items():
        DRAWN[knob].update(values)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if DRAWN:
        terminalreporter.section("values drawn in random specs")
    for knob, values in sorted(DRAWN.items()):
        drawn = ", ".join(f"{value} {times}" for value, times in sorted(values.items()))
        terminalreporter.write_line(f"{knob}: {drawn}")
