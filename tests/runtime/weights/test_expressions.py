"""What expressions of a map make of tensors, beside the same in torch."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor

from compiler.source.diagnostic import Rejected
from compiler.weights.parameters import NamedParameter
from runtime.errors import UserError
from runtime.weights.importing import import_weights

X = torch.arange(48.0).reshape(8, 6)
TENSORS = {
    "x": X,
    "y": -X,
    "gain": torch.arange(6.0),
    "blocks.1.half": X.bfloat16(),
    "all/layers": torch.stack([X, 2 * X, 3 * X]),
    "a name: with [signs]": X,
}
EXPRESSIONS: dict[str, Callable[[], Tensor]] = {
    "x": lambda: X,
    "x.T": lambda: X.T,
    "x.T[2:]": lambda: X.T[2:],
    "x[2:5]": lambda: X[2:5],
    "x[:, 1:3]": lambda: X[:, 1:3],
    "x[:4, 5]": lambda: X[:4, 5],
    "x[3]": lambda: X[3],
    "x[:]": lambda: X,
    "all/layers[2]": lambda: 3 * X,
    "split(x, 4)[1]": lambda: X[2:4],
    "join(split(x, 4)[:, 1:])": lambda: X[1::2],
    "pairs_to_halves(x, 2)": lambda: X[[0, 2, 1, 3, 4, 6, 5, 7]],
    "halves_to_pairs(x, 1)": lambda: X[[0, 4, 1, 5, 2, 6, 3, 7]],
    "x + 1": lambda: X + 1,
    "1 + gain": lambda: torch.arange(1.0, 7.0),
    "x * 2 + y": lambda: X,
    "(x + y) / 2": lambda: 0 * X,
    "x - -1 * x": lambda: 2 * X,
    "x * gain": lambda: X * torch.arange(6.0),
    "gain + x[0]": lambda: torch.arange(0.0, 12.0, 2.0),
    "1.5e1": lambda: torch.tensor([15.0]),
    '"a name: with [signs]"[0]': lambda: X[0],
    "blocks.1.half + 0.001": lambda: X + 0.001,
}


def imported(value: str, shape: tuple[int, ...], folder: Path) -> Tensor:
    path = folder / "map.yaml"
    path.write_text(f"tensors:\n  our.weight: {value}\nignore: ['*']\n", encoding="utf-8")
    parameter = NamedParameter(name="our.weight", shape=shape)
    return import_weights([parameter], TENSORS, path)["our.weight"]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression_is_what_torch_makes_of_it(text: str, tmp_path: Path) -> None:
    expected = EXPRESSIONS[text]()
    got = imported(f"'{text}'", tuple(expected.shape), tmp_path)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, expected, rtol=0, atol=0)


@pytest.mark.quick
def test_a_list_is_rows_below_rows(tmp_path: Path) -> None:
    got = imported("[gain, '2 * gain', '(x.T)[5]']", (20,), tmp_path)
    gain = torch.arange(6.0)
    assert torch.equal(got, torch.cat([gain, 2 * gain, X[:, 5]]))


@pytest.mark.quick
def test_a_number_fills_all_of_a_parameter(tmp_path: Path) -> None:
    assert torch.equal(imported("1", (2, 3), tmp_path), torch.ones(2, 3))


@pytest.mark.quick
@pytest.mark.parametrize("text", ["'1e999'", "x / 0", "0 / 0"])
def test_values_that_are_no_numbers_are_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"our.weight would get values that are not finite"):
        imported(text, (8, 6), tmp_path)


BRACKETS = ("x[", "x]", "x[1", "x[1:", "x[,]", "x[-1]", "x[2:1]", "(x", "x)", "()", "x[0.5:]")
CALLS = ("split(x)", "split(x, 0)", "split(x, 1.5)[0]", "join()", "join(x, 2)", "x.T()")
SIGNS = ("x.", "x..T", "-x", "x y", "1 2", "* x", "x * ", "x ** 2", "x@y", "x;y", '"', '""', '"x')
PYTHON = ("__import__('os')", "lambda: 0", "x if x else x", "x.__class__", "[x for x in y]")
PLACEHOLDERS = ("{n}", "x[{n}]", "x + {")
LONG = ("(" * 300 + "x", "x" + "[:]" * 300, f"x[{'9' * 5000}]", f"{{n+{'9' * 5000}}}")
LETTERS = ("x\\", "\x07", "é", "１")


@pytest.mark.parametrize(
    "text", [*BRACKETS, *CALLS, *SIGNS, *PYTHON, *PLACEHOLDERS, *LONG, *LETTERS]
)
def test_nonsense_is_a_located_mistake(text: str, tmp_path: Path) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    with pytest.raises(Rejected) as rejected:
        imported(quoted, (8, 6), tmp_path)
    for each in rejected.value.diagnostics:
        assert each.span.line in (2, 3)
        assert "map.yaml:" in str(rejected.value)
