"""Maps run backwards: what must agree, what is missing, and what `also:` adds."""

from collections.abc import Mapping

import pytest
import torch
from torch import Tensor

from compiler.source.diagnostic import Rejected
from compiler.source.span import Source
from compiler.weights.map import map_in
from compiler.weights.parameters import NamedParameter
from compiler.weights.shape import Stored
from runtime.errors import UserError
from runtime.weights.inverse import Backwards, export_weights

pytestmark = pytest.mark.quick


def backwards(
    text: str, ours: Mapping[str, Tensor], theirs: Mapping[str, tuple[int, ...]]
) -> Backwards:
    """Return what a map makes of our tensors."""
    parameters = [NamedParameter(name=name, shape=tuple(each.shape)) for name, each in ours.items()]
    files = {name: Stored(shape=shape) for name, shape in theirs.items()}
    return export_weights(map_in(Source(name="map", text=text)), parameters, ours, files)


def test_arithmetic_with_constants_is_undone() -> None:
    ours = {"a": torch.tensor([3.0, 5.0]), "b": torch.tensor([1.0, 2.0])}
    text = "tensors:\n  a: 1 + 2 * x\n  b: (4 - y) / 2\n"
    found = backwards(text, ours, {"x": (2,), "y": (2,)}).tensors
    assert found["x"].tolist() == [1.0, 2.0]
    assert found["y"].tolist() == [2.0, 0.0]


def test_copies_must_agree() -> None:
    text = "tensors:\n  a: x\n  b: x\n"
    same = {"a": torch.ones(3), "b": torch.ones(3)}
    assert backwards(text, same, {"x": (3,)}).tensors["x"].tolist() == [1.0, 1.0, 1.0]
    with pytest.raises(UserError, match="b and another parameter are one tensor"):
        backwards(text, same | {"b": torch.zeros(3)}, {"x": (3,)})


def test_rows_of_one_list_must_agree() -> None:
    text = 'tensors:\n  a: ["x[0:1]", "x[0:1]"]\nignore: ["x[1:2]"]\n'
    assert backwards(text, {"a": torch.ones(2)}, {"x": (2,)}).partly == {"x": 1}
    with pytest.raises(UserError, match="several numbers of a are one"):
        backwards(text, {"a": torch.tensor([1.0, 2.0])}, {"x": (2,)})


def test_constants_must_be_what_the_map_says() -> None:
    text = 'tensors:\n  a: x\n  b: ["0 * x[0:1] - 10000", "x[1:2]"]\n'
    ours = {"a": torch.tensor([1.0, 2.0]), "b": torch.tensor([-10000.0, 2.0])}
    assert backwards(text, ours, {"x": (2,)}).tensors["x"].tolist() == [1.0, 2.0]
    with pytest.raises(UserError, match=r"b has other values than the map of names has .*-10000"):
        backwards(text, ours | {"b": torch.tensor([-9000.0, 2.0])}, {"x": (2,)})


def test_numbers_that_are_not_finite_are_refused() -> None:
    with pytest.raises(UserError, match="a has values that are not finite"):
        backwards("tensors:\n  a: x\n", {"a": torch.tensor([torch.nan])}, {"x": (1,)})


def test_a_product_of_tensors_is_refused_at_its_place() -> None:
    with pytest.raises(Rejected) as rejected:
        backwards("tensors:\n  a: x * y\n", {"a": torch.ones(1)}, {"x": (1,), "y": (1,)})
    (found,) = rejected.value.diagnostics
    assert (found.span.line, found.span.column) == (2, 8)


def test_of_a_sum_the_first_summand_gets_everything() -> None:
    text = "tensors:\n  a: x + y\n"
    ours, theirs = {"a": torch.tensor([[1.0, 2.0], [3.0, 4.0]])}, {"x": (2, 2), "y": (2,)}
    found = backwards(text, ours, theirs)
    assert found.tensors["x"].tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert found.tensors["y"].tolist() == [0.0, 0.0]

    with pytest.raises(UserError, match="several numbers of a are one"):
        backwards("tensors:\n  a: y + x\n", ours, theirs)


@pytest.mark.parametrize("lines", ["  a: x + y\n  b: y\n", "  b: y\n  a: x + y\n"])
def test_a_second_summand_that_is_a_parameter_by_itself_is_refused(lines: str) -> None:
    ours = {"a": torch.ones(2), "b": torch.ones(2)}
    with pytest.raises(UserError, match="y is added to another tensor"):
        backwards(f"tensors:\n{lines}", ours, {"x": (2,), "y": (2,)})
    found = backwards(f"tensors:\n{lines}", ours | {"b": torch.zeros(2)}, {"x": (2,), "y": (2,)})
    assert found.tensors["x"].tolist() == [1.0, 1.0]


def test_what_nobody_writes_is_named() -> None:
    text = "tensors:\n  a: x\nignore: [mask, copy, bias]\n"
    theirs = {"x": (2,), "mask": (1,), "copy": (2,), "bias": (3,)}
    found = backwards(text, {"a": torch.ones(2)}, theirs)
    assert found.unwritten == ("mask", "copy", "bias")
    found = backwards(f"{text}also: {{copy: x, '*ias': 0}}\n", {"a": torch.ones(2)}, theirs)
    assert found.unwritten == ("mask",)
    assert found.tensors["copy"].tolist() == [1.0, 1.0]
    assert found.tensors["bias"].tolist() == [0.0, 0.0, 0.0]


def test_a_copy_of_something_else_is_refused_at_its_line() -> None:
    text = "tensors:\n  a: x\nignore: [copy]\nalso:\n  copy: x\n"
    with pytest.raises(Rejected) as rejected:
        backwards(text, {"a": torch.ones(2)}, {"x": (2,), "copy": (3,)})
    assert rejected.value.diagnostics[0].span.line == 5
