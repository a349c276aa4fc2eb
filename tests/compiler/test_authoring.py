"""What helps to write specs: the resolved form, the starter, the schema, the words of others."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from compiler.emit.show import SCHEMA_FILE, annotated, starter
from compiler.pipeline import check_spec, compile_spec
from compiler.source.diagnostic import Rejected
from compiler.source.node import to_python
from compiler.source.read import read
from compiler.source.report import as_github, as_json
from compiler.source.span import Source
from compiler.spec.library import library
from compiler.spec.load import load
from compiler.spec.schema import json_schema

CASES = Path(__file__).parents[1] / "cases"
STRUCTURAL = {"bad-value", "missing-key", "unknown-key", "unknown-value"}
NOT_IN_THE_TREE = {
    *("child-of-another-form", "error-in-parent", "parent-with-mistake", "not-utf-8"),
    *("empty-corpus", "keyword-name", "long-word", "unprintable-summary", "null-unknown"),
    *("no-classifier", "odd-user-symbols"),
}
"""Cases whose mistake lies in another file, or in the letters of a text."""


@pytest.fixture(scope="module")
def validator() -> jsonschema.Draft202012Validator:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def tree_of(path: Path) -> Any:
    return to_python(read(Source(name=path.name, text=path.read_text(encoding="utf-8"))))


@pytest.mark.quick
@pytest.mark.parametrize("name", library())
def test_the_schema_accepts_the_library(
    name: str, validator: jsonschema.Draft202012Validator
) -> None:
    validator.validate(tree_of(library()[name]))


BLANK = {"blank-stack", "blank-decoder"}
"""Which stacks there must be depends on the task; the schema lets any be left out."""


def structural_cases() -> list[str]:
    found = []
    for path in CASES.glob("*/diagnostics.txt"):
        codes = {
            line.split("[")[1].split("]")[0]
            for line in path.read_text("utf-8").splitlines()
            if ": error[" in line
        }
        if codes & STRUCTURAL and not (path.parent / "set.txt").exists():
            found.append(path.parent.name)
    return sorted(set(found) - NOT_IN_THE_TREE - BLANK)


@pytest.mark.quick
@pytest.mark.parametrize("case", structural_cases())
def test_the_schema_refuses_what_is_structurally_wrong(
    case: str, validator: jsonschema.Draft202012Validator
) -> None:
    assert not validator.is_valid(tree_of(CASES / case / "spec.yaml"))


@pytest.mark.quick
def test_every_field_of_the_schema_says_what_it_is() -> None:
    for section, schema in json_schema()["$defs"].items():
        for key, about in schema["properties"].items():
            if "$ref" in about or "const" in about or key == "kind":
                continue
            place = f"{section}.{key}"
            described = about if "description" in about else {}
            assert described or "$ref" in str(about), place
            if about.get("type") == "integer" and key not in ("seed",):
                assert "unit" in about, place
            if about.get("type") in ("integer", "number", "string") and "enum" not in about:
                assert about.get("examples"), place


def test_examples_are_right() -> None:
    """Each example is a value that its key takes."""
    sections = json_schema()["$defs"]
    for section, schema in sections.items():
        for key, about in schema["properties"].items():
            for example in about.get("examples", ()):
                whole = {"$defs": sections, **about}
                assert jsonschema.Draft202012Validator(whole).is_valid(example), (section, key)


@pytest.mark.quick
@pytest.mark.parametrize("name", library())
def test_what_is_shown_is_a_spec_again(name: str, tmp_path: Path) -> None:
    shown = annotated(load(name))
    (tmp_path / "shown.yaml").write_text(shown)
    assert compile_spec(str(tmp_path / "shown.yaml")).files == compile_spec(name).files
    for line in shown.splitlines():
        assert "  # " in line or line.endswith(":") or line.startswith("# dropped")


@pytest.mark.quick
def test_origins_are_those_of_file_parent_setting_and_default(tmp_path: Path) -> None:
    parent, child = tmp_path / "parent.yaml", tmp_path / "child.yaml"
    parent.write_text(starter("parent", None))
    child.write_text(
        f"extends: {parent}\nname: child\n"
        "model: {embedding: {position: learned}, d_model: 128}\ndata: {max_length: 64}\n"
    )
    settings = ["training.seed=5", "data.tokenizer.kind=segmented"]
    lines = [line.split() for line in annotated(load(str(child), settings)).splitlines()]
    origins = {line[0]: " ".join(line[line.index("#") + 1 :]) for line in lines if "#" in line}
    assert origins["d_model:"] == f"{child}:3:50"
    assert origins["batch_tokens:"].startswith(f"{parent}:")
    assert origins["seed:"] == "--set training.seed=5"
    assert origins["accumulate:"] == "default"
    assert origins["d_k:"] == "default, derived from other settings"
    (gone,) = (" ".join(line) for line in lines if "dropped," in line)
    assert "data.tokenizer.model" in gone
    assert str(parent) in gone


@pytest.mark.quick
def test_letters_beyond_ascii_are_shown_as_they_are() -> None:
    assert "  folder: données  " in annotated(load("demo", ["data.folder=données"]))


@pytest.mark.quick
def test_the_starter_is_right_and_stays_inside_the_schema(
    tmp_path: Path, validator: jsonschema.Draft202012Validator
) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(starter("mine", None))
    assert compile_spec(str(path)).warnings == ()
    validator.validate(tree_of(path))
    variant = tmp_path / "variant.yaml"
    variant.write_text(starter("variant", "mine.yaml") + "training: {seed: 2}\n")
    assert compile_spec(str(variant)).warnings == ()
    validator.validate(tree_of(variant))
    for text in (path.read_text(), variant.read_text()):
        assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")


@pytest.mark.quick
def test_reports_for_machines() -> None:
    with pytest.raises(Rejected) as rejected:
        load("demo", ["model.attention.heads=7", "training.steps=x%y"])
    found = rejected.value.diagnostics
    objects = json.loads(as_json(found))
    assert [each["code"] for each in objects] == ["bad-value"]
    assert objects[0].pop("help").startswith("write `--set training.steps=")
    assert objects[0] | {"message": ""} == {
        "file": "--set",
        "line": 1,
        "column": 16,
        "end_column": 19,
        "severity": "error",
        "code": "bad-value",
        "message": "",
        "notes": [],
    }
    assert as_github(found) == (
        "::error file=--set,line=1,col=16,endColumn=18,title=bad-value::"
        "expected a whole number, got `x%25y`%0Awrite `--set training.steps=100000`"
    )


@pytest.mark.quick
@pytest.mark.parametrize(
    ("spec", "settings", "help"),
    [
        (
            "demo",
            ["training.batching=packed"],
            "write `--set training.precision=auto` or `--set training.precision=bfloat16`, or "
            "`--set training.batching=auto`",
        ),
        (
            "demo",
            ["training.batching=packed", "training.precision=auto", "model.attention.dropout=0.1"],
            "write `--set training.batching=auto`, or change that setting",
        ),
        (
            "transformer-base",
            ["model.vocabulary.size=37001", "training.precision=auto"],
            "write `--set model.vocabulary.size=37008`, or `--set training.precision=float32` if "
            "it trains on a CPU",
        ),
        (
            "demo",
            ["evaluation.checkpoint=best"],
            "write `--set evaluation.average_last=1`, or `--set evaluation.checkpoint=last` for "
            "the mean of the last ones",
        ),
    ],
)
def test_help_for_a_setting_of_the_command_line(spec: str, settings: list[str], help: str) -> None:
    """It is written as the setting was given, as in other errors."""
    try:
        found = compile_spec(spec, settings).warnings
    except Rejected as rejected:
        found = rejected.diagnostics
    assert help in [each.help for each in found]


@pytest.mark.quick
def test_a_vocabulary_has_room_for_the_characters_of_a_text_that_is_there(tmp_path: Path) -> None:
    tokenizer = "data.tokenizer={{kind: sentencepiece, byte_fallback: true{}}}".format
    settings = [f"data.folder={tmp_path}", tokenizer("")]
    size = "model.vocabulary.size={}".format
    assert check_spec("demo", [*settings, size(265)]).spec.model.vocabulary.size == 265
    (tmp_path / "train.en").write_text("The fox, 12 ﬁ.\n")
    (tmp_path / "train.de").write_text("Über den ä\n")
    letters = len(set("Thefox12fiÜberdenä"))
    with pytest.raises(Rejected) as caught:
        check_spec("demo", [*settings, size(265)])
    (mistake,) = caught.value.diagnostics
    assert mistake.code == "small-vocabulary"
    assert f"begins with {letters} different letters" in mistake.message
    least = int(mistake.help.split(" at least ")[1].split(";")[0])
    assert least == 260 + letters + 1
    assert check_spec("demo", [*settings, size(least)]).warnings == ()
    check_spec("demo", [settings[0], tokenizer(", character_coverage: 0.99"), size(265)])
    (tmp_path / "train.en").rename(tmp_path / "train.en.gz")
    packed = "data.train={source: train.en.gz, target: none.de}"
    check_spec("demo", [f"data.folder={tmp_path}", packed, size(10)])


def test_a_github_annotation_cannot_be_broken_by_names() -> None:
    with pytest.raises(Rejected) as rejected:
        load("a:b,c%\nd")
    assert as_github(rejected.value.diagnostics).count("\n") == 0
    assert "file=spec,line=1" in as_github(rejected.value.diagnostics)


@pytest.mark.quick
def test_a_version_that_is_not_known_is_the_only_complaint(tmp_path: Path) -> None:
    path = tmp_path / "new.yaml"
    path.write_text("spec_version: 7\nname: [1]\nnews: true\n")
    with pytest.raises(Rejected) as rejected:
        load(str(path))
    assert [each.code for each in rejected.value.diagnostics] == ["spec-version"]


def test_the_lock_has_equal_values_when_it_is_compiled_again(tmp_path: Path) -> None:
    for name in library():
        files = compile_spec(name).files
        path = tmp_path / "spec.lock.yaml"
        path.write_text(files["spec.lock.yaml"])
        again = compile_spec(str(path)).files
        assert yaml.safe_load(again["spec.lock.yaml"]) == yaml.safe_load(files["spec.lock.yaml"])
        for file in ("model.py", "training.py", "test_model.py"):
            assert again[file] == files[file]
