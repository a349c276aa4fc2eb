"""The speeds that were aimed at beside other libraries, and what bounds those that are missed."""

from collections.abc import Iterator, Sequence
from typing import Any

TRAINING = {
    ("tiny", 0.1, "float32"): 1.25,
    ("tiny", 0.0, "float32"): 1.12,
    ("base", 0.1, "float32"): 1.1,
    ("tiny", 0.1, "bfloat16"): 1.2,
    ("base", 0.1, "bfloat16"): 1.1,
}
"""By size, dropout in attention and precision of ours: times the fastest of the others on a CPU.

Each library is measured at the fastest setting of its trials.
"""
_PRODUCTS = {
    "tiny": "matrix products, which every library needs alike and calls in PyTorch, took 328 of "
    "the 475 ms of an update in float32 on two cores, at 170 to 200 of their 200 GFLOP/s",
    "base": "matrix products are almost all of an update, and every library calls those of "
    "PyTorch: the share of the peak says how little is left",
}
_BATCHES = (
    "matrix products, which both call in PyTorch, took 3.7 of the 10 ms of a greedy step on two "
    "cores, and the rest is many small operations that both need"
)
DECODING = {
    "tiny, 20 tokens: greedy": (1.4, _BATCHES),
    "tiny, 20 tokens: beam 4": (2.0, _BATCHES),
    "tiny, 20 tokens: beam 4, one sentence at a time": (
        2.5,
        "a step is some 1,100 calls of PyTorch's small operations; CTranslate2 has fewer, and "
        "that, not faster ones, is what would be needed",
    ),
}
"""By case: times `generate` on a CPU in float32, and the bound."""


def training_goal(case: dict[str, Any]) -> str | None:
    """Return what was aimed at and what was reached in a case of `benchmarks.train`, if a goal is.

    The case must have been measured with the settings of its trials.
    """
    ours = case.get("practices", {}).get("ours", "")
    key = (case["size"], case["attention_dropout"], ours.partition(",")[0])
    others = [each["ours_to_this"] for each in case["engines"] if each["name"] != "ours"]
    if key not in TRAINING or not others:
        return None
    bound = _PRODUCTS[case["size"]]
    return _sentence("The goal", "the fastest of the others", TRAINING[key], min(others), bound)


def decoding_goals(cases: Sequence[dict[str, Any]]) -> Iterator[str]:
    """Yield what was aimed at and what was reached in each case of `benchmarks.decode` with one."""
    for case in cases:
        engines = {each["name"]: each["ours_to_this"] for each in case["engines"]}
        if case["case"] in DECODING and "marian" in engines:
            goal, bound = DECODING[case["case"]]
            yield "- " + _sentence(case["case"], "`generate`", goal, engines["marian"], bound)


def _sentence(of: str, other: str, goal: float, reached: float, bound: str) -> str:
    """Return a goal and what was reached, with the bound where that is less."""
    said = f"{of}: {goal:.2f} times the speed of {other}; "
    if round(reached, 2) >= goal:
        return f"{said}reached: {reached:.2f}."
    return f"{said}not reached: {reached:.2f}. What bounds it: {bound}."
