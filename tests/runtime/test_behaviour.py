"""Two packages on the same input: what is planted is found at its line, equal ones are equal."""

from pathlib import Path

import pytest
from hypothesis import given, settings

from compiler.page.model import Table
from compiler.pipeline import compile_spec
from runtime.behaviour.difference import BehaviourDifference, behaviour_difference
from runtime.command.behaviour import behaviour_section
from runtime.package import Package, load_package
from tests.support.checkpoints import KNOWN, SMALL
from tests.support.knobs import Tree
from tests.support.packages import compile_tree
from tests.support.strategies import specs

WINDOW = ("model.decoder.self_attention.mask=causal & window(40)",)
Edits = dict[str, str]

REFACTORED: Edits = {
    "    return x.transpose(1, 2).flatten(2)": "    swapped = x.transpose(1, 2)\n"
    "    return swapped.reshape(*swapped.shape[:2], -1)",
    "        hidden = F.relu(self.hidden(x))\n": "        hidden = self.hidden(x).clamp(min=0)\n",
    "x = x + sinusoidal_positions(0, source.size(1), D_MODEL, self.embedding.weight)\n": "x = "
    "sinusoidal_positions(0, source.size(1), D_MODEL, self.embedding.weight) + x\n",
}
"""Edits after which the network computes the same."""

PLANTED = {
    "another factor": ("hidden = F.relu(self.hidden(x))", "hidden = F.relu(self.hidden(x)) * 1.01"),
    "another sign": (
        "x = self.embedding(target) * math.sqrt(D_MODEL)",
        "x = self.embedding(target) * -math.sqrt(D_MODEL)",
    ),
    "an input of another layer": (
        "y = self.cross_attention(self.cross_attention_norm(x), memory, source_mask)",
        "y = self.cross_attention(self.self_attention_norm(x), memory, source_mask)",
    ),
    "no mask": (
        "mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)",
        "mixed = F.scaled_dot_product_attention(query, key, value)",
    ),
    "padding that is read": (
        "return (tokens != PADDING)",
        "return (tokens != PADDING + 1)",
    ),
}


def package(folder: Path, *changes: str, edits: Edits | None = None) -> Package:
    """The small model with other settings, and its text edited."""
    compiled = compile_spec("demo", (*SMALL, *changes))
    compiled.write(folder)
    text = compiled.files["model.py"]
    for old, new in (edits or {}).items():
        assert old in text, old
        text = text.replace(old, new, 1)
    (folder / "model.py").write_text(text)
    return load_package(folder)


def compared(folder: Path, edits: Edits) -> BehaviourDifference:
    return behaviour_difference(package(folder / "a"), package(folder / "b", edits=edits))


@pytest.mark.parametrize("change", ["model.dropout=0.3", "model.kernel=flex", "training.seed=9"])
def test_settings_that_change_nothing(change: str, tmp_path: Path) -> None:
    found = behaviour_difference(package(tmp_path / "a"), package(tmp_path / "b", change))
    assert found.is_equal
    assert found.shared == found.parameters
    assert (found.values, found.structure) == (None, None)


@pytest.mark.quick
def test_code_that_was_written_anew_and_computes_the_same(tmp_path: Path) -> None:
    assert compared(tmp_path, REFACTORED).is_equal


@pytest.mark.parametrize("others", [{}, REFACTORED], ids=["alone", "among harmless edits"])
@pytest.mark.parametrize("planted", PLANTED)
def test_what_is_planted_is_found_at_its_line(planted: str, others: Edits, tmp_path: Path) -> None:
    right, wrong = PLANTED[planted]
    if right.startswith("hidden") and others:
        pytest.skip("the same line")
    found = compared(tmp_path, {right: wrong, **others})
    assert not found.is_equal
    assert found.values is not None
    assert found.values.after is not None
    lines = (tmp_path / "b" / "model.py").read_text().splitlines()
    assert found.values.after.line == 1 + next(n for n, line in enumerate(lines) if wrong in line)
    assert found.values.after.code == lines[found.values.after.line - 1].strip()


@pytest.mark.quick
def test_an_operation_that_is_gone_is_named_as_it_was(tmp_path: Path) -> None:
    gone = "return x + dropout(y, DROPOUT, self.training)"
    found = compared(tmp_path, {gone: gone.replace("x + ", "")})
    assert found.values is not None
    assert found.values.before is not None
    assert (found.values.before.name, found.values.before.code) == ("add", gone)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("right", "wrong", "call"),
    [
        ("(i - j <= 40)", "(i - j <= 39)", "forward"),
        ("return i - j <= 40", "return i - j <= 38", "step 70"),
        ("x = x + self.self_attention.step(", "x = x - self.self_attention.step(", "step 0"),
    ],
)
def test_the_edges_of_masks_and_decoding_are_seen(
    right: str, wrong: str, call: str, tmp_path: Path
) -> None:
    """A cache forgets when half of what it holds is not needed."""
    one = package(tmp_path / "a", *WINDOW)
    other = package(tmp_path / "b", *WINDOW, edits={right: wrong})
    assert behaviour_difference(one, one).is_equal
    found = behaviour_difference(one, other)
    assert (found.is_equal, found.call) == (False, call)


@pytest.mark.quick
def test_networks_of_other_widths(tmp_path: Path) -> None:
    one, other = package(tmp_path / "a"), package(tmp_path / "b", "model.d_model=24")
    found = behaviour_difference(one, other)
    assert not found.is_equal
    assert 0 < found.shared < found.parameters
    assert found.structure is not None
    assert found.structure.after is not None
    assert (found.structure.after.module, found.structure.after.name) == ("embedding", "embedding")


@pytest.mark.quick
def test_the_page_names_the_line_and_the_operation(tmp_path: Path) -> None:
    found = compared(tmp_path, dict([PLANTED["another factor"]]))
    _, table = behaviour_section(found).parts
    assert isinstance(table, Table)
    _, after, *_ = table.rows
    assert "encoder.layers.0.feed_forward" in after
    assert after[-1].endswith("hidden = F.relu(self.hidden(x)) * 1.01")


@pytest.mark.quick
@settings(max_examples=15)
@given(one=specs(), other=specs())
def test_random_networks_of_all_tasks(one: Tree, other: Tree, tmp_path: Path) -> None:
    """One is equal to itself; of two, a page can always be made."""
    packages = []
    for name, tree in (("a", one), ("b", other)):
        compile_tree(tree, tmp_path).write(tmp_path / name)
        packages.append(load_package(tmp_path / name))
    assert behaviour_difference(packages[0], packages[0]).is_equal
    assert behaviour_section(behaviour_difference(*packages)).title == "Behaviour"


@pytest.mark.parametrize("change", [each for each, verdict in KNOWN.items() if "same" in verdict])
def test_what_the_compiler_says_of_networks_of_the_same_shapes(change: str, tmp_path: Path) -> None:
    one, other = package(tmp_path / "a"), package(tmp_path / "b", *change.split("; "))
    found = behaviour_difference(one, other)
    assert found.is_equal == (KNOWN[change] == "same")
    assert found.shared == found.parameters
