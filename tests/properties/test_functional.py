"""The functions of tensors that exporters record compute what the model does, of random specs."""

from pathlib import Path

import pytest
import torch
from hypothesis import given, settings

from compiler.analysis.refusals import is_traceable
from tests.support.functional import differences, functional_of
from tests.support.knobs import Tree
from tests.support.packages import compile_tree
from tests.support.strategies import specs

pytestmark = pytest.mark.usefixtures("exact")

LEAST_ROWS = 11
"""The size of the smallest vocabulary of a random spec."""


@settings(max_examples=40)
@given(tree=specs())
def test_the_functions_are_those_of_the_model(tree: Tree, tmp_path: Path) -> None:
    package = compile_tree(tree, tmp_path)
    if not is_traceable(package.model):
        return
    functional, model = functional_of(package, tmp_path)
    with torch.inference_mode():
        for difference in differences(functional, model, LEAST_ROWS):
            assert difference.abs().max() < 2e-5
