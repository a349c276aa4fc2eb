"""Every row of Table 3 compiles, and has as many parameters as the formula says."""

import pytest

from compiler.analysis.cost import count_parameters
from compiler.pipeline import compile_spec
from tests.support.table3 import PAPER, ROWS, closed_form, reference

pytestmark = pytest.mark.quick


def test_every_row_is_there() -> None:
    assert {path.stem for path in ROWS.glob("*.yaml")} == PAPER.keys() - {"base"}


@pytest.mark.parametrize("row", PAPER)
def test_parameters_are_those_of_the_formula(row: str) -> None:
    package = compile_spec(reference(row))
    assert count_parameters(package.model) == closed_form(package.spec)
    assert not package.warnings
