"""The comparison with the paper: complete, and true where it can be checked."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import BaseModel

from compiler.conform.departures import Finding, conformity
from compiler.conform.names import name_of
from compiler.conform.paper import MOOT, OUTSIDE, PAPER, SECTIONS, STATEMENTS, TITLES
from compiler.conform.table3 import BASE, ROWS
from compiler.spec.fields import members
from compiler.spec.library import library
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
WORDS_OF_GROUPS = [*(OUTSIDE | MOOT).values()]
"""Keys, and names of sections, that are not compared."""


def test_the_page_speaks_of_every_key_of_the_language() -> None:
    """Each key is compared, outside of the paper's subject, moot, or a section of such keys."""
    others = [word for words in WORDS_OF_GROUPS for word in words.split()]
    known = STATEMENTS.keys() | {*others} | {*SECTIONS}
    assert not {key for key in KEYS - known if key.partition(".")[0] not in others}
    assert STATEMENTS.keys() | {*SECTIONS} <= KEYS
    assert {*others} <= KEYS | NAMES
    assert len(others) == len({*others})
    assert not STATEMENTS.keys() & {*others, *SECTIONS}


@pytest.mark.parametrize("name", sorted(library()))
def test_the_page_speaks_of_every_setting_of_a_spec_once(name: str) -> None:
    loaded = load(name)
    found = conformity(loaded)
    compared = [each.setting for each in found.findings]
    assert len(compared) == len({*compared})
    named = [key for keys in (found.outside | found.moot).values() for key in keys]
    assert len(named) == len({*named})
    if "," not in "".join(compared):
        assert not {*compared} & {*named}
    assert not {"position", "d_model", "layers", "dropout", "block", "mask"} & {*compared, *named}


def test_what_is_moot_names_a_setting_that_is_compared() -> None:
    settings = {each.setting for each in conformity(load("transformer-base")).findings}
    assert "decoder.self_attention.mask" in settings
    owners = {owner for each in MOOT for owner in each.split(" and ")}
    assert owners - {"attention.mask"} <= settings


def test_statements_are_whole() -> None:
    assert len(STATEMENTS) == sum(len(each.keys) for each in PAPER)
    assert {each.section for each in PAPER} == TITLES.keys()
    assert all(each.values for each in PAPER if each.is_named)


def test_the_order_is_that_of_the_paper_and_not_of_the_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = [each.setting for each in conformity(load("demo")).findings]
    monkeypatch.setattr(
        "compiler.conform.departures.PAPER",
        tuple(
            replace(each, says=each.says and "the same", about=each.about and "the same")
            for each in PAPER
        ),
    )
    assert [each.setting for each in conformity(load("demo")).findings] == before


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
        (
            "model.embedding.position={kind: sinusoidal, layout: tensor2tensor}",
            "embedding.position.layout",
        ),
        ("model.embedding.position=rotary", "layers.position"),
        ("model.embedding.tied=none", "embedding.tied"),
        ("model.embedding.scale=none", "embedding.scale"),
        ("model.norm.place=pre", "norm.place"),
        ("model.norm.kind=rms_norm", "norm.kind"),
        ("model.attention.kv_heads=2", "attention.kv_heads"),
        ("model.attention.dropout=0.1", "attention.dropout"),
        ("model.encoder.self_attention.mask=window(9)", "encoder.self_attention.mask"),
        ("model.feed_forward.activation=gelu", "feed_forward.activation"),
        ("model.feed_forward.d_ff=1000", "feed_forward.d_ff"),
        ("model.encoder.layers=5", "encoder.layers"),
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
    assert found["norm.final"].origin.words == "default, derived from other settings"


def test_what_the_paper_does_not_name_has_one_verdict() -> None:
    """Whether a spec has it or does without it: nothing of it agrees with the paper."""
    findings = conformity(load("transformer-base")).findings
    unnamed = {each.setting: each for each in findings if not each.is_named}
    assert {each.verdict for each in unnamed.values()} == {"not named"}
    assert {key for key, each in unnamed.items() if each.is_choice} == {
        "norm.eps",
        "model.initialization",
        "embedding.position.offset",
        "data.max_length",
        "decoding.stop",
        "evaluation.tokenize",
        "evaluation.lowercase",
    }
    assert {"output.bias", "training.clip_norm", "training.ema", "attention.dropout"} < {*unnamed}
    assert "attention.bias" not in unnamed  # equations have matrices alone


@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("training.clip_norm=1", "training.clip_norm"),
        ("model.output.bias=true", "output.bias"),
        ("model.attention.dropout=0.1", "attention.dropout"),
    ],
)
def test_what_is_added_to_the_paper_departs_from_it(setting: str, key: str) -> None:
    added = departures("transformer-base", setting)[key]
    assert (added.is_named, added.paper, added.is_choice) == (False, None, False)


@pytest.mark.parametrize("setting", ["model.norm.eps=1e-6", "decoding.stop=certain"])
def test_a_choice_that_the_paper_leaves_never_departs(setting: str) -> None:
    assert departures("transformer-base", setting) == {}


def test_a_key_names_the_stack_and_the_layers_that_it_is_about(tmp_path: Path) -> None:
    spec = tmp_path / "kinds.yaml"
    spec.write_text(
        "extends: transformer-base\nname: kinds\nmodel:\n  encoder:\n    layers:\n"
        "    - {repeat: 2, self_attention: {mask: window(9)}}\n    - {repeat: 4, dropout: 0.5}\n"
    )
    found = departures(str(spec))
    assert {"encoder.layers 1-2.self_attention.mask", "encoder.layers 3-6.dropout"} == {*found}
    settings = {each.setting for each in conformity(load(str(spec))).findings}
    assert {
        "embedding.position",
        "layers.position",
        "encoder.d_model",
        "decoder.d_model",
    } < settings


def test_another_task_departs() -> None:
    assert "task" in departures("language-model")


def test_micro_batches_share_the_tokens_of_an_update() -> None:
    """`batch_tokens` are those of an update, which the paper names: their number stays as it is."""
    training = load("transformer-base", ["training.accumulate=8"]).spec.training
    assert training.micro_batch_tokens * training.accumulate == training.batch_tokens == 25000
    assert departures("transformer-base", "training.accumulate=8") == {}


@pytest.mark.parametrize(
    ("spec", "expected"), [("rotary", "rotary"), ("alibi", "alibi"), ("lstm", "none")]
)
def test_positions_in_layers_are_positions(spec: str, expected: str) -> None:
    assert conformity(load(spec)).differing["position"] == (expected,)


def test_what_a_task_leaves_no_choice_of_does_not_agree_with_the_paper() -> None:
    """A text has one vocabulary; its class has no matrix that embeddings could be tied to."""
    expected = {"classifier": {"embedding.tied", "output.bias"}, "masked-language-model": set()}
    for name, of_tokens in expected.items():
        found = conformity(load(name))
        settings = {each.setting for each in found.findings}
        assert {"vocabulary.shared", *of_tokens} <= {*found.moot["task"]}
        assert not {"vocabulary.shared", *of_tokens} & settings
    assert "embedding.tied" in settings  # tokens are guessed with the table that embeds them
    assert {"embedding.tied", "vocabulary.shared"} <= {
        each.setting for each in conformity(load("demo")).findings
    }


@pytest.mark.parametrize(
    ("path", "general", "own"),
    [
        ("training.steps", "training.steps", "training.steps"),
        ("model.dropout", "model.dropout", "model.dropout"),
        ("model.embedding.tied", "embedding.tied", "embedding.tied"),
        ("model.encoder.d_model", "encoder.d_model", "encoder.d_model"),
        ("model.encoder.position", "embedding.position", "encoder.position"),
        ("model.encoder.norm.kind", "norm.kind", "encoder.norm.kind"),
        ("model.encoder.layers.0.dropout", "layers.dropout", "encoder.layers.dropout"),
        (
            "model.decoder.layers.0.cross_attention.heads",
            "attention.heads",
            "decoder.cross_attention.heads",
        ),
    ],
)
def test_names_of_settings(path: str, general: str, own: str) -> None:
    steps = tuple(int(step) if step.isdigit() else step for step in path.split("."))
    found = name_of(load("transformer-base").spec, steps)
    assert (found.general, found.own) == (general, own)


def test_the_words_of_the_paper_are_apart_from_descriptions() -> None:
    assert all(bool(each.says) != bool(each.about) for each in PAPER)
    clip = departures("transformer-base", "training.clip_norm=1")["training.clip_norm"]
    assert (clip.says, clip.about) == ("", "a bound on the norm of the gradient")
