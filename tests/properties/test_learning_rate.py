"""The learning rate of any schedule rises to its peak and falls to its end, without a jump."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.packages import compile_tree

pytestmark = pytest.mark.quick

EXAMPLES = 150
KINDS = ("inverse_sqrt", "constant", "linear", "cosine", "warmup_stable_decay")
FALLING = ("linear", "cosine", "warmup_stable_decay")


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The numbers of a schedule."""

    kind: str
    warmup: int
    decay: int
    steps: int
    start: float
    peak: float
    end: float

    @property
    def steepest(self) -> float:
        """The most that the rate changes by from one update to the next."""
        rise = (self.peak - self.start) / self.warmup if self.warmup else 0.0
        fall = self.peak - self.end
        falls = {
            "inverse_sqrt": self.peak / 2 / max(self.warmup, 1),
            "constant": 0.0,
            "linear": fall / (self.steps - self.warmup),
            "cosine": fall * math.pi / 2 / (self.steps - self.warmup),
            "warmup_stable_decay": fall / self.decay,
        }
        return max(rise, falls[self.kind])

    def last(self) -> float:
        """The rate of the last update."""
        if self.kind in FALLING:
            return self.end
        fallen = math.sqrt(self.warmup / self.steps) if self.kind == "inverse_sqrt" else 1.0
        return self.peak * fallen

    def spec(self) -> dict[str, Any]:
        schedule: dict[str, Any] = {"kind": self.kind, "warmup_steps": self.warmup}
        schedule["peak"] = self.peak
        if self.warmup:
            schedule["start"] = self.start
        if self.kind in FALLING:
            schedule["end"] = self.end
        if self.kind == "warmup_stable_decay":
            schedule["decay_steps"] = self.decay
        return schedule


@st.composite
def numbers(draw: st.DrawFn) -> Numbers:
    """Start and end below the peak; one update at least between warm-up and end."""
    kind = draw(st.sampled_from(KINDS))
    warmup = draw(st.integers(kind == "inverse_sqrt", 60))
    decay = draw(st.integers(1, 60))
    peak = draw(st.floats(1e-6, 0.04))
    return Numbers(
        kind=kind,
        warmup=warmup,
        decay=decay,
        steps=warmup + decay + draw(st.integers(0, 60)),
        start=draw(st.floats(0.0, 1.0)) * peak,
        peak=peak,
        end=draw(st.floats(0.0, 1.0)) * peak,
    )


@settings(max_examples=EXAMPLES)
@given(schedule=numbers())
def test_a_rate_rises_to_its_peak_and_falls_to_its_end(schedule: Numbers, tmp_path: Path) -> None:
    rate = learning_rate(schedule, tmp_path)
    rates = [rate(step) for step in range(1, schedule.steps + 1)]
    top, rest = rates[: schedule.warmup], rates[max(schedule.warmup - 1, 0) :]
    slack = 1e-9 * schedule.peak
    assert all(later >= earlier - slack for earlier, later in pairwise(top))
    assert all(later <= earlier + slack for earlier, later in pairwise(rest))
    assert rest[0] == pytest.approx(schedule.peak, rel=1e-12, abs=0.0 if top else schedule.steepest)
    assert rates[-1] == pytest.approx(schedule.last(), rel=1e-12)
    changes = [abs(later - earlier) for earlier, later in pairwise(rates)]
    assert max(changes, default=0.0) <= schedule.steepest + slack


def learning_rate(schedule: Numbers, folder: Path) -> Callable[[int], float]:
    """The function of the generated package."""
    sub_layers: dict[str, Any] = {"attention": {"heads": 1}, "feed_forward": {"d_ff": 4}}
    stacks = {stack: {"layers": 1} for stack in ("encoder", "decoder")}
    tree = {
        "name": "rates",
        "model": {"d_model": 4, "vocabulary": {"size": 9}, **sub_layers, **stacks},
        "data": {part: {"source": "a", "target": "b"} for part in ("train", "valid", "test")},
        "training": {
            "batch_tokens": 1000,
            "steps": schedule.steps,
            "schedule": schedule.spec(),
        },
    }
    defined: dict[str, Any] = {}
    code = compile_tree(tree, folder).files["training.py"]
    exec(code, defined)
    rate: Callable[[int], float] = defined["learning_rate"]
    return rate
