"""The code that differs, and the settings that it comes from."""

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from compiler.diff.difference import Difference, as_json, difference, document
from compiler.diff.operand import BY_ANOTHER, BY_EITHER, BY_HAND, of_package, read_operand
from compiler.output import Output
from compiler.page import html, markdown, text
from compiler.page.model import Hunk, Patch
from compiler.pipeline import compile_spec
from compiler.spec.library import library

pytestmark = pytest.mark.quick


def compare(before: str, after: str, *settings: str) -> Difference:
    second = of_package(compile_spec(after, settings), after) if settings else read_operand(after)
    return difference(read_operand(before), second)


def causes(found: Difference) -> list[tuple[str, ...]]:
    return [hunk.causes for patch in found.code for hunk in patch.hunks]


def changed(patch: Patch, sign: str) -> list[str]:
    return [line for hunk in patch.hunks for line in hunk.lines if line.startswith(sign)]


def test_four_heads_instead_of_eight_replace_three_lines() -> None:
    """The promise is at most four, with the one that names the spec."""
    (model,) = compare("transformer-base", "transformer-base", "model.attention.heads=4").code
    assert changed(model, "-") == ["-HEADS = 8", "-D_K = 64", "-D_V = 64"]
    assert changed(model, "+") == ["+HEADS = 4", "+D_K = 128", "+D_V = 128"]


@pytest.mark.usefixtures("here")
def test_each_hunk_names_the_settings_that_made_it() -> None:
    found = compare("base.yaml", "variant.yaml")
    every = {each.setting for each in found.changes}
    assert all(set(each) <= every for each in causes(found)), causes(found)
    by_line = {line: hunk.causes for hunk in hunks(found) for line in hunk.lines}
    assert "attention.heads" in by_line["+HEADS = 8"]
    assert by_line[
        "+        x = x + learned_positions(self.source_position, 0, source.size(1))"
    ] == ("position",)
    assert by_line["+LABEL_SMOOTHING = 0.2"] == ("training.label_smoothing",)
    assert not {"training.steps", "decoding.beam"} & {
        name for each in causes(found) for name in each
    }


def hunks(found: Difference) -> list[Hunk]:
    return [hunk for patch in found.code for hunk in patch.hunks]


@pytest.mark.usefixtures("here")
def test_a_line_that_two_settings_make_names_both() -> None:
    found = compare("base.yaml", "base.yaml", "model.d_model=96", "model.attention.heads=6")
    (hunk, *_) = hunks(found)
    assert "+D_K = 16" not in hunk.lines  # 64 / 4 = 96 / 6: no setting's alone, and no difference
    assert hunk.causes == ("d_model", "attention.heads")
    found = compare("base.yaml", "base.yaml", "model.d_model=128", "model.attention.heads=2")
    by_line = {line: hunk.causes for hunk in hunks(found) for line in hunk.lines}
    assert by_line["+D_K = 64"] == ("d_model", "attention.heads")


@pytest.mark.usefixtures("here")
def test_settings_that_compile_only_with_each_other_are_named_together() -> None:
    settings = ["model.vocabulary={shared: false, source: 300, target: 400}"]
    found = compare("base.yaml", "base.yaml", *settings, "model.embedding.tied=target")
    every = {name for each in causes(found) for name in each}
    assert every == {
        "embedding.tied",
        "vocabulary.shared, vocabulary.size, vocabulary.source and vocabulary.target together",
    }


@pytest.mark.usefixtures("here")
def test_what_was_edited_by_hand_is_told_from_what_a_setting_did(tmp_path: Path) -> None:
    folder = tmp_path / "base"
    compile_spec("base.yaml").write(folder)
    model = folder / "model.py"
    model.write_text(model.read_text().replace("math.sqrt(D_MODEL)", "2.0"))
    found = compare("base.yaml", str(folder))
    assert found.after.edited == ("model.py",)
    assert not found.is_equal
    assert set(causes(found)) == {(BY_HAND,)}
    found = compare(str(folder), "variant.yaml")
    assert found.before.edited == ("model.py",)
    assert (BY_HAND,) not in causes(found)[:1]
    assert {BY_HAND, "position"} <= {name for each in causes(found) for name in each}


def test_an_edited_network_is_not_said_to_compute_the_same(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    compile_spec("demo").write(folder)
    model = folder / "model.py"
    model.write_text(model.read_text().replace("F.relu(", "F.gelu("))
    found = compare("demo", str(folder))
    assert found.checkpoint.verdict == "edited"
    for write in (text.text, markdown.markdown, html.page):
        page = write(document(found))
        assert "edited by hand" in page
        assert "F.gelu(" in page
        assert "computes the same" not in page
    assert json.loads(as_json(found))["checkpoint"]["verdict"] == "edited"


@pytest.mark.parametrize("name", ["test_model.py", "attention_weights.py", "__init__.py"])
@pytest.mark.parametrize("other", ["demo", "rotary"])
def test_an_edit_beside_the_model_is_shown_alone(tmp_path: Path, name: str, other: str) -> None:
    """Each piece has its own causes, also in a file that differs by a setting as well."""
    compile_spec("demo").write(tmp_path / "demo")
    with (tmp_path / "demo" / name).open("a") as file:
        file.write("MINE = 1\n")
    found = compare(other, str(tmp_path / "demo"))
    assert found.after.edited == (name,)
    assert not found.is_equal
    (patch,) = (each for each in found.code if each.after == f"{tmp_path / 'demo'}/{name}")
    assert "+MINE = 1" in changed(patch, "+")
    assert {hunk.causes for hunk in patch.hunks if "+MINE = 1" in hunk.lines} == {(BY_HAND,)}
    if other == "demo":
        assert found.code == (patch,)
        assert found.checkpoint.verdict == ("edited" if name == "__init__.py" else "same")


def test_a_package_that_was_ejected_is_the_same_until_it_is_edited(tmp_path: Path) -> None:
    output = Output(folder=tmp_path)
    output.write(compile_spec("demo"))
    output.eject("demo")
    assert compare("demo", str(tmp_path / "demo")).before.edited == ()
    assert compare("demo", str(tmp_path / "demo")).is_equal
    init = tmp_path / "demo" / "__init__.py"
    init.write_text(init.read_text() + "MINE = 1\n")
    found = compare(str(tmp_path / "demo"), "demo")
    assert found.before.edited == ("__init__.py",)
    assert [changed(patch, "-") for patch in found.code] == [["-MINE = 1"]]


def test_the_package_of_a_run_is_compared_with_what_it_began_with(tmp_path: Path) -> None:
    package = tmp_path / "package"
    compile_spec("demo").write(package)
    model = package / "model.py"
    model.write_text(model.read_text().replace("math.sqrt(D_MODEL)", "D_MODEL**0.5"))
    sums = {each.name: sha256(each.read_bytes()).hexdigest() for each in package.iterdir()}
    (tmp_path / "run.json").write_text(json.dumps({"package": sums}))
    found = compare(str(tmp_path), "demo")
    assert set(causes(found)) == {(BY_EITHER,)}
    assert found.checkpoint.verdict == "edited"
    model.write_text(model.read_text() + "MINE = 1\n")
    assert set(causes(compare(str(tmp_path), "demo"))) == {(BY_HAND,)}


def test_what_nobody_edited_is_of_another_version(tmp_path: Path) -> None:
    package = compile_spec("demo")
    older = package.files["model.py"].replace("math.sqrt(D_MODEL)", "D_MODEL**0.5")
    Output(folder=tmp_path).write(replace(package, files={**package.files, "model.py": older}))
    found = compare(str(tmp_path / "demo"), "demo")
    assert set(causes(found)) == {(BY_ANOTHER,)}


def test_an_edited_title_is_an_edit(tmp_path: Path) -> None:
    compile_spec("demo").write(tmp_path / "demo")
    model = tmp_path / "demo" / "model.py"
    model.write_text(model.read_text().replace('"""demo: ', '"""mine: ', 1))
    assert causes(compare("demo", str(tmp_path / "demo"))) == [(BY_HAND,)]


def test_a_package_without_a_file_has_lost_all_of_it(tmp_path: Path) -> None:
    compile_spec("demo").write(tmp_path / "demo")
    (tmp_path / "demo" / "training.py").unlink()
    (training,) = compare("demo", str(tmp_path / "demo")).code
    assert changed(training, "+") == []
    assert training.hunks[0].causes == (BY_HAND,)
    assert training.hunks[0].head.endswith(" +0,0 @@")


def test_lines_are_counted_without_a_title_too(tmp_path: Path) -> None:
    compile_spec("demo").write(tmp_path / "demo")
    model = tmp_path / "demo" / "model.py"
    model.write_text(model.read_text().partition("import math")[2])
    (patch,) = compare("demo", str(tmp_path / "demo")).code
    assert patch.hunks[0].head.split()[2].startswith("+1,")


@pytest.mark.parametrize("name", ["lstm", "local-global", "language-model", "grouped-heads"])
def test_every_hunk_of_another_network_has_a_cause(name: str) -> None:
    found = compare("demo", str(library()[name]))
    assert all(causes(found))
    assert BY_HAND not in {cause for each in causes(found) for cause in each}


def test_layers_of_two_kinds_are_called_what_they_are() -> None:
    layers = "[{repeat: 1}, {repeat: 1, self_attention: {mask: causal & window(3)}}]"
    found = compare("demo", "demo", f"model.decoder.layers={layers}")
    model = next(each for each in found.code if each.before.endswith("model.py"))
    renamed = ("DecoderSelfAttention", "DecoderLayerState", "DecoderLayer")
    gone = {line.partition("(")[0] for line in changed(model, "-") if "class " in line}
    assert gone == {f"-class {name}" for name in renamed}
    made = {line.partition("(")[0] for line in changed(model, "+") if "class " in line}
    assert made >= {f"+class {kind}{name}" for name in renamed[::2] for kind in ("Global", "Local")}
