"""The shapes of an epoch, and the programs that a compiled network has after it, are golden."""

import pytest

from tests.gpu import golden
from tests.gpu.packages import compiled
from tests.gpu.programs import batchers, corpus, programs, shapes

NAMES = ("demo", "llama-like", "local-global", "language-model", "classifier", "experts", "lstm")
MOST_BUCKETS = 32
MOST_PROGRAMS = 4
"""The most programs for all shapes of batches, in networks without graph breaks."""
BROKEN = {
    "lstm": "lengths of sentences are read for PyTorch's recurrences",
    "experts": "on a CPU the tokens of an expert are counted",
}
"""Networks whose graphs break, and why."""


# Dynamo reads `grad` of what it traces, and makes an error of a warning that is one.
@pytest.mark.filterwarnings("ignore:The .grad attribute")
@pytest.mark.parametrize("name", NAMES)
def test_programs(name: str, request: pytest.FixtureRequest) -> None:
    counted = programs(name)
    if name not in BROKEN:
        assert not counted["breaks"]
        assert counted["programs"] <= MOST_PROGRAMS
    said = "{shapes} shapes, {programs} programs, {breaks} graph breaks".format(**counted)
    golden.check(f"programs {name}", said, request)


@pytest.mark.parametrize("name", ["demo", "language-model"])
def test_shapes_of_an_epoch(name: str, request: pytest.FixtureRequest) -> None:
    text = corpus(compiled(name).spec)
    found = {form: shapes(text, batcher) for form, batcher in batchers(text).items()}
    assert found["buckets"][1] <= MOST_BUCKETS
    assert found["packed"][1] == 1
    parts = (
        f"{form} {count} in {batches} batches, {real:.1%} real"
        for form, (batches, count, real) in found.items()
    )
    golden.check(f"shapes {name}", "; ".join(parts), request)
