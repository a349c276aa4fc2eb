"""What import maps read of the files' tensors, to the number."""

from pathlib import Path

import pytest
import torch

from compiler.source.diagnostic import Rejected
from compiler.source.span import Source, Span
from compiler.weights.map import read_map
from compiler.weights.parameters import NamedParameter
from compiler.weights.parse import parse
from compiler.weights.plan import plan
from compiler.weights.regions import reads, unread
from compiler.weights.shape import Stored
from runtime.weights.importing import evaluate

pytestmark = pytest.mark.quick

EXPRESSIONS = (
    *("x", "x[2:7]", "x[:, 1:3]", "x[3]", "x[5, 2]", "x.T", "x.T[1]", "x.T[1:3, 2:5]"),
    *("x[1:9][2:4]", "split(x, 3)[0]", "split(x, 3)[1:, 2]", "split(x, 2)[1, 1:4].T[0]"),
    *("join(split(x, 3)[1:])[3:6]", "join(split(x, 3))[3:10]", "join(split(x, 4)[:, 1:])[2:5]"),
    *("pairs_to_halves(x, 2)", "pairs_to_halves(x, 2)[1:4]", "halves_to_pairs(x, 2)[6:9]"),
    *("pairs_to_halves(x[:4], 1)[1:2]", "halves_to_pairs(x, 3)[4:8]", "x[2:4] + x[3] * 2"),
)


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_exactly_what_is_read_is_known(text: str) -> None:
    """Each number of x is told from all others where the expression is evaluated."""
    x = torch.arange(48.0).reshape(12, 4)
    span = Span(source=Source(name="map", text=text), line=1, column=1, width=1)
    expression = parse(text, span, {})
    mask = torch.zeros(12, 4, dtype=torch.bool)
    for _, ((top, bottom), (left, right)) in reads(expression, {"x": Stored(shape=(12, 4))}):
        mask[top:bottom, left:right] = True
    taken = torch.zeros(48, dtype=torch.bool)
    for number in range(48):
        taken[number] = bool(evaluate(expression, {"x": (x == number).float()}).any())
    assert torch.equal(mask, taken.reshape(12, 4))


@pytest.mark.parametrize(
    ("boxes", "gap"),
    [
        ([], ((0, 4), (0, 6))),
        ([((0, 4), (0, 6))], None),
        ([((0, 2), (0, 6)), ((2, 4), (0, 6))], None),
        ([((0, 2), (0, 6)), ((3, 4), (0, 6))], ((2, 3), (0, 6))),
        ([((0, 4), (0, 3)), ((0, 3), (3, 6))], ((3, 4), (3, 6))),
        ([((0, 3), (0, 6)), ((1, 4), (0, 2)), ((2, 4), (2, 6))], None),
    ],
)
def test_what_nothing_reads_is_found(boxes: list, gap: object) -> None:  # type: ignore[type-arg]
    assert unread((4, 6), boxes) == gap


def mistakes(folder: Path, text: str) -> list[str]:
    """What is wrong with a map for three layers of 4 rows and a table of 24."""
    parameters = [
        NamedParameter(name="table", shape=(24, 4)),
        *(NamedParameter(name=f"layers.{n}.kernel", shape=(4, 4)) for n in range(2)),
    ]
    files = {"emb": Stored(shape=(30, 4)), "kernel": Stored(shape=(3, 4, 4))}
    (folder / "map.yaml").write_text(text)
    try:
        plan(read_map(folder / "map.yaml"), parameters, files)
    except Rejected as rejected:
        return [f"{each.span.line}: {each.message} | {each.help}" for each in rejected.diagnostics]
    return []


MAP = """\
tensors:
  table: emb[0:24]
  layers.{n}.kernel: kernel[{n}]
"""


def test_rows_that_no_line_takes_are_told_and_may_be_ignored(tmp_path: Path) -> None:
    """A table that is longer than ours, and a layer more than ours."""
    lost = mistakes(tmp_path, MAP)
    assert [each.split(": ")[0] for each in lost] == ["2", "3"]
    assert "no line takes `emb[24:30]` of the files" in lost[0]
    assert "no line takes `kernel[2:3]` of the files" in lost[1]
    copied = "".join(f"  - {each.split('  - ')[1]}\n" for each in lost)
    assert mistakes(tmp_path, MAP + "ignore:\n" + copied) == []
    for names in ("[emb, kernel]", "['*']"):
        assert mistakes(tmp_path, MAP + f"ignore: {names}\n") == []
    half = mistakes(tmp_path, MAP + "ignore: ['emb[24:28]', 'kernel[2]']\n")
    assert ["`emb[28:30]`" in each for each in half] == [True]


def test_a_part_that_is_ignored_must_be_left_over(tmp_path: Path) -> None:
    for part, message in (
        ("emb[2:4]", "is given to parameters"),
        ("emb[24:31]", "lies outside of it"),
        ("other[2:4]", "no line of `tensors` takes a part"),
        ("emb[x]", "is no part of a tensor"),
    ):
        ignore = f"ignore: ['{part}', 'emb[24:]', 'kernel[2]']\n"
        assert message in mistakes(tmp_path, MAP + ignore)[0]
