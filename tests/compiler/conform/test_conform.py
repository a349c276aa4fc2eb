"""The comparison with the paper: complete, and true where it can be checked."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from compiler.conform.departures import STATEMENTS, Finding, conformity
from compiler.conform.paper import DETAILS, PAPER, SILENT, TITLES
from compiler.conform.table3 import BASE, ROWS
from compiler.spec.fields import members
from compiler.spec.load import load
from compiler.spec.spec import Spec

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
TABLE3 = ROOT / "specs" / "ablations" / "table3"


def sections(section: type[BaseModel], seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    """The classes of all sections of the language."""
    if section not in seen:
        seen.add(section)
        yield section
        for field in section.model_fields.values():
            for member in members(field).values():
                yield from sections(member, seen)


KEYS = {
    f"{section.__name__}.{name}"
    for section in sections(Spec, set())
    for name in section.model_fields
}
NAMES = {key.partition(".")[0] for key in KEYS}
HOLDERS = {
    "Spec.model",
    "Spec.data",
    "Spec.training",
    "Spec.evaluation",
    "Model.vocabulary",
    "Model.embedding",
    "Model.output",
    "Model.encoder",
    "Model.decoder",
    "Stack.norm",
    "LayerGroup.self_attention",
    "LayerGroup.cross_attention",
    "LayerGroup.feed_forward",
    "Training.validation",
}
"""Sections that every model of the paper has: what they hold is compared, one by one."""


def test_every_setting_is_compared_or_listed_as_one_the_paper_does_not_speak_of() -> None:
    silent = {key for keys in SILENT.values() for key in keys.split()}
    details = {word for words in DETAILS.values() for word in words.split()}
    known = STATEMENTS.keys() | silent | HOLDERS
    missing = {
        key for key in KEYS - known if key not in details and key.partition(".")[0] not in details
    }
    assert not missing
    assert STATEMENTS.keys() | silent | DETAILS.keys() | HOLDERS <= KEYS
    assert details <= KEYS | NAMES
    assert DETAILS.keys() <= STATEMENTS.keys() | silent
    assert not STATEMENTS.keys() & silent
    assert not (STATEMENTS.keys() | silent) & details


def test_statements_are_whole() -> None:
    assert len(STATEMENTS) == sum(len(each.keys) for each in PAPER)
    assert {each.section for each in PAPER} == TITLES.keys()
    assert len({each.says for each in PAPER}) == len(PAPER)


def departures(spec: str, *settings: str) -> dict[str, Finding]:
    findings = conformity(load(spec, settings)).findings
    return {each.setting: each for each in findings if each.verdict == "departs"}


def test_base_departs_in_nothing() -> None:
    assert departures("transformer-base") == {}
    assert conformity(load("transformer-base")).row is BASE


@pytest.mark.parametrize("path", sorted(TABLE3.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_row_of_table_3_is_recognised(path: Path) -> None:
    """The specs of the rows and the rows here were written down apart from each other."""
    found = conformity(load(str(path)))
    letter = path.stem[0].upper()
    expected = "big" if path.stem == "big" else f"({letter})"
    assert found.row.name.startswith(expected)
    assert found.differing == {}
    allowed = {"evaluation.average_last", "training.validation.every"}
    assert {each.setting for each in found.findings if each.verdict == "departs"} <= allowed


def test_every_row_has_a_spec() -> None:
    rows = {conformity(load(str(path))).row.name for path in TABLE3.glob("*.yaml")}
    assert rows | {"base"} == {row.name for row in ROWS}


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("model.embedding.position={kind: sinusoidal, layout: tensor2tensor}", "position.layout"),
        ("model.embedding.position=rotary", "position"),
        ("model.embedding.tied=none", "embedding.tied"),
        ("model.embedding.scale=none", "embedding.scale"),
        ("model.norm.place=pre", "norm.place"),
        ("model.norm.kind=rms_norm", "norm.kind"),
        ("model.attention.kv_heads=2", "self_attention.kv_heads"),
        ("model.attention.dropout=0.1", "self_attention.dropout"),
        ("model.encoder.self_attention.mask=window(9)", "self_attention.mask"),
        ("model.feed_forward.activation=gelu", "feed_forward.activation"),
        ("model.feed_forward.d_ff=1000", "feed_forward.d_ff"),
        ("model.encoder.layers=5", "layers"),
        ("training.schedule.warmup_steps=8000", "training.schedule.warmup_steps"),
        ("training.schedule.peak=0.001", "training.schedule.peak"),
        ("training.label_smoothing=0.3", "training.label_smoothing"),
        ("training.optimizer.betas=[0.9, 0.999]", "training.optimizer.betas"),
        ("training.optimizer.eps=1e-8", "training.optimizer.eps"),
        ("training.clip_norm=1", "training.clip_norm"),
        ("training.steps=200000", "training.steps"),
        ("decoding.length_penalty=1.0", "decoding.length_penalty"),
        ("decoding.max_extra_length=10", "decoding.max_extra_length"),
        ("decoding.beam=5", "decoding.beam"),
        ("evaluation.average_last=1", "evaluation.average_last"),
        ("data.tokenizer.model=unigram", "data.tokenizer.model"),
        ("model.output.bias=true", "output.bias"),
        ("decoding.max_length=50", "decoding.max_length"),
        ("training.epochs=100000", "training.epochs"),
    ],
)
def test_a_changed_setting_departs_and_says_where_it_was_written(
    setting: str, expected: str
) -> None:
    found = departures("transformer-base", setting)
    assert expected in found
    assert found[expected].origin.words == f"--set {setting}"
    assert found[expected].paper != found[expected].value


def test_a_departure_has_its_line_through_extends(tmp_path: Path) -> None:
    (tmp_path / "parent.yaml").write_text(
        "extends: transformer-base\nname: parent\nmodel:\n  norm: {place: pre}\n"
    )
    child = tmp_path / "child.yaml"
    child.write_text("extends: parent.yaml\nname: child\ndecoding: {beam: 8}\n")
    found = departures(str(child))
    assert set(found) == {"norm.place", "norm.final", "decoding.beam"}
    place, beam = found["norm.place"], found["decoding.beam"]
    assert place.origin.file.endswith("parent.yaml")
    assert (place.origin.line, place.origin.column) == (4, 17)
    assert place.places == ("encoder", "decoder")
    assert beam.origin.file.endswith("child.yaml")
    assert (beam.origin.line, beam.value, beam.paper) == (3, 8, 4)
    assert found["norm.final"].origin.words == "default, by other settings"


def test_what_the_paper_leaves_open_is_open() -> None:
    findings = conformity(load("transformer-base")).findings
    assert {each.setting for each in findings if each.verdict == "open"} == {
        "norm.eps",
        "model.initialization",
        "data.max_length",
        "evaluation.tokenize",
        "evaluation.lowercase",
    }


def test_another_task_departs() -> None:
    assert "task" in departures("language-model")
