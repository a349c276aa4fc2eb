"""Import maps: their mistakes, golden, and what they mean for a small model."""

import os
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from compiler.source.diagnostic import Rejected
from compiler.source.span import Source, Span
from compiler.weights.assignment import Assigned
from compiler.weights.map import read_map
from compiler.weights.names import BadPlaceholder, filled
from compiler.weights.parameters import NamedParameter
from compiler.weights.parse import parse
from compiler.weights.plan import plan
from compiler.weights.shape import Stored
from tests.support.mutations import require_inside, scribble

pytestmark = pytest.mark.quick

MAPS = Path(__file__).parents[1] / "maps"
FUSED = (("query", 4), ("key", 4), ("value", 4))
PARAMETERS = [
    NamedParameter(name="embedding.weight", shape=(8, 4)),
    *(
        each
        for layer in ("layers.0", "layers.1")
        for each in (
            NamedParameter(name=f"{layer}.query_key_value.weight", shape=(12, 4), slices=FUSED),
            NamedParameter(name=f"{layer}.output.weight", shape=(4, 6)),
        )
    ),
    NamedParameter(name="norm.weight", shape=(4,)),
    NamedParameter(name="norm.bias", shape=(4,)),
]
FILES = {
    "shared.weight": Stored(shape=(8, 4)),
    **{f"h.{n}.{each}.weight": Stored(shape=(4, 4)) for n in range(2) for each in "qkv"},
    **{f"h.{n}.o.weight": Stored(shape=(6, 4), kind="bfloat16") for n in range(2)},
    "ln.weight": Stored(shape=(4,)),
    "ln.bias": Stored(shape=(4,)),
    "lm_head.weight": Stored(shape=(8, 4)),
    "positions": Stored(shape=(1, 9), kind="int64"),
}


def planned(path: Path) -> tuple[Assigned, ...]:
    return plan(read_map(path), PARAMETERS, FILES)


RIGHT = """\
tensors:
  embedding.weight: shared.weight
  "layers.{n}.query_key_value.weight[query]": h.{n}.q.weight / 2
  layers.{n}.query_key_value.weight[key]: ['h.{n}.k.weight[2:]', 'h.{n}.k.weight[:2]']
  layers.{n}.query_key_value.weight[value]: h.{n}.v.weight[0:4, :]
  layers.{n}.output.weight: pairs_to_halves(h.{n}.o.weight.T, 2)
  norm.{kind}:
    - ln.{kind} + 1
ignore:
  - lm_head.*
  - "positions"
"""


@pytest.mark.parametrize("case", sorted(each.name for each in MAPS.iterdir()))
def test_mistakes_are_shown_at_their_line(
    case: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(MAPS)
    with pytest.raises(Rejected) as rejected:
        planned(Path(case, "map.yaml"))
    path, text = MAPS / case / "diagnostics.txt", f"{rejected.value}\n"
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


def test_a_right_map_is_a_plan(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    assert [each.name for each in planned(path)] == [each.name for each in PARAMETERS]
    fused = planned(path)[1]
    assert [assignment.target for assignment in fused.assignments] == [
        f"layers.0.query_key_value.weight[{name}]" for name in ("query", "key", "value")
    ]


@settings(max_examples=400)
@given(seed=st.integers(0, 2**32 - 1), times=st.integers(1, 3))
def test_a_broken_map_is_explained_inside_the_file(seed: int, times: int, tmp_path: Path) -> None:
    chance, text, path = random.Random(seed), RIGHT, tmp_path / "map.yaml"
    for _ in range(times):
        text = scribble(text, chance)
    path.write_text(text, encoding="utf-8", newline="")
    try:
        planned(path)
    except Rejected as rejected:
        require_inside(rejected.diagnostics, path, text)


@pytest.mark.parametrize("digits", ["٣", "३", "３", "²"])
def test_numbers_are_digits_from_0_to_9(digits: str) -> None:
    """Other digits, which Python reads as numbers, are none: in signs, slices and placeholders."""
    for text in (f"a[{digits}:5]", f"a * {digits}", f"split(a, {digits})"):
        with pytest.raises(Rejected):
            parse(text, Span.at(Source(name="map", text=text), 0), {})
    with pytest.raises(BadPlaceholder):
        filled("layers.{n+1}.weight", {"n": digits})
