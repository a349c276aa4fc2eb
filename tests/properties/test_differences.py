"""Differences of random specs: nothing is left out, and nothing has no reason."""

from pathlib import Path

import pytest
from hypothesis import Phase, given, settings

from compiler.diff.difference import Difference, difference, document
from compiler.diff.operand import BY_HAND, of_package, read_operand
from compiler.page.text import text
from compiler.pipeline import CompiledPackage
from tests.support.knobs import Tree
from tests.support.packages import compile_tree
from tests.support.strategies import specs


def compare(one: CompiledPackage, other: CompiledPackage) -> Difference:
    return difference(of_package(one, "one"), of_package(other, "other"))


def causes(found: Difference) -> list[tuple[str, ...]]:
    return [hunk.causes for patch in found.code for hunk in patch.hunks]


@settings(max_examples=6, phases=[Phase.generate])  # each compiles a hundred specs
@given(one=specs(), other=specs())
def test_every_difference_is_found_and_has_its_reason(
    one: Tree, other: Tree, tmp_path: Path
) -> None:
    before, after = compile_tree(one, tmp_path), compile_tree(other, tmp_path)
    found = compare(before, after)
    assert bool(found.changes) is (before.spec != after.spec)
    assert all(causes(found))
    assert BY_HAND not in {cause for each in causes(found) for cause in each}
    assert text(document(found))


@pytest.mark.quick
@settings(max_examples=20)
@given(tree=specs())
def test_a_package_does_not_differ_from_its_spec(tree: Tree, tmp_path: Path) -> None:
    package = compile_tree(tree, tmp_path)
    package.write(tmp_path / "package")
    assert difference(of_package(package, "spec"), read_operand(str(tmp_path / "package"))).is_equal
