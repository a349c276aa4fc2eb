"""Mistakes of beginners: each is mended by what its message shows, and by nothing else."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from compiler.ablation.read import read_ablation
from compiler.pipeline import check_spec
from compiler.source.diagnostic import Diagnostic, Rejected, mistake, render
from compiler.source.span import Source, Span
from compiler.spec.load import load
from compiler.weights.map import read_map
from tests.support.repair import dumped, repaired, settings

pytestmark = pytest.mark.quick

TRANSLATION = """\
name: my-first
model:
  d_model: 128
  vocabulary: {size: 4000}
  dropout: 0.1
  norm: {place: pre}
  attention: {heads: 4}
  feed_forward: {d_ff: 512}
  encoder: {layers: 2}
  decoder: {layers: 2}
data:
  folder: data/demo
  train: {source: train.en, target: train.de}
  valid: {source: valid.en, target: valid.de}
  test: {source: test.en, target: test.de}
training:
  batch_tokens: 4096
  steps: 20000
  schedule: {warmup_steps: 4000, peak: 0.001}
  label_smoothing: 0.1
  validation: {every: 500}
decoding: {beam: 4}
"""
TEXT = ("{source: train.en, target: train.de}", "{text: train.en}")
LANGUAGE_MODEL = (
    TRANSLATION.replace("name: my-first", "name: my-first\ntask: language_model")
    .replace("  encoder: {layers: 2}\n", "")
    .replace("{source: train.en, target: train.de}", "{text: train.en}")
    .replace("{source: valid.en, target: valid.de}", "{text: valid.en}")
    .replace("{source: test.en, target: test.de}", "{text: test.en}")
    .replace("decoding: {beam: 4}\n", "")
)
CLASSIFICATION = (
    TRANSLATION.replace("name: my-first", "name: my-first\ntask: classification")
    .replace("  decoder: {layers: 2}\n", "  classifier: {classes: 3}\n")
    .replace("{source: train.en, target: train.de}", "{text: train.txt, label: train.label}")
    .replace("{source: valid.en, target: valid.de}", "{text: valid.txt, label: valid.label}")
    .replace("{source: test.en, target: test.de}", "{text: test.txt, label: test.label}")
    .replace("decoding: {beam: 4}\n", "")
    .replace("  label_smoothing: 0.1\n", "")
)


def errors(text: str, path: Path) -> tuple[Diagnostic, ...]:
    path.write_text(text, encoding="utf-8")
    try:
        found = check_spec(str(path)).warnings
    except Rejected as rejected:
        found = rejected.diagnostics
    return tuple(each for each in found if each.severity == "error")


def mended(text: str, path: Path, at_most: int = 1) -> list[str]:
    """Obeys one message after the other and returns them; fails if a mistake is left."""
    said: list[str] = []
    while found := errors(text, path):
        assert len(said) < at_most, f"{said} did not mend it: {found}"
        said.append(f"{found[0].message}: {found[0].help}")
        text = repaired(text, found[0])
    return said


def test_the_specs_that_are_broken_here_are_right(tmp_path: Path) -> None:
    for text in (TRANSLATION, LANGUAGE_MODEL, CLASSIFICATION):
        assert errors(text, tmp_path / "spec.yaml") == ()


TWENTY = {
    "depth as in other tools": (
        TRANSLATION,
        "  encoder: {layers: 2}\n  decoder: {layers: 2}\n",
        "  num_layers: 2\n",
    ),
    "a section as a list": (
        TRANSLATION,
        "attention: {heads: 4}",
        "attention:\n    - heads: 4\n    - dropout: 0.1",
    ),
    "a percentage": (TRANSLATION, "dropout: 0.1", "dropout: 10%"),
    "thousands with a letter": (TRANSLATION, "steps: 20000", "steps: 20k"),
    "thousands with a sign": (TRANSLATION, "batch_tokens: 4096", "batch_tokens: 4_096"),
    "an equals sign": (TRANSLATION, "d_model: 128", "d_model = 128"),
    "no space behind the colon": (TRANSLATION, "{heads: 4}", "{heads:4}"),
    "a colon in the summary": (
        TRANSLATION,
        "model:\n",
        "summary: baseline: pre-norm, two layers\nmodel:\n",
    ),
    "a brace too few": (TRANSLATION, "peak: 0.001}", "peak: 0.001"),
    "capitals in the name": (TRANSLATION, "name: my-first", "name: My_First Model"),
    "the learning rate in the optimizer": (
        TRANSLATION,
        "  schedule: {warmup_steps: 4000, peak: 0.001}\n",
        "  optimizer: {kind: adamw, lr: 0.0005}\n",
    ),
    "a switch for a word": (TRANSLATION, "model:\n", "model:\n  embedding: {tied: yes}\n"),
    "Noam as the schedule": (TRANSLATION, "{warmup_steps: 4000, peak: 0.001}", "Noam"),
    "mixed precision by its switch": (TRANSLATION, "training:\n", "training:\n  fp16: true\n"),
    "a language model with pairs": (LANGUAGE_MODEL, *reversed(TEXT)),
    "a number of layers in a language model": (
        LANGUAGE_MODEL,
        "decoder: {layers: 2}",
        "n_blocks: 2",
    ),
    "a name of its own for labels": (
        CLASSIFICATION,
        "{text: train.txt, label: train.label}",
        "{text: train.txt, y: train.label}",
    ),
    "the number of labels": (CLASSIFICATION, "classifier: {classes: 3}", "num_labels: 3"),
    "another word for drawing": (
        LANGUAGE_MODEL,
        "training:\n",
        "decoding: {kind: sampling, temperature: 0.8}\ntraining:\n",
    ),
    "search below training": (TRANSLATION, "decoding: {beam: 4}\n", "  beam: 5\n"),
}
"""By what the beginner did: a right spec, a piece of it, and what was written instead."""


@pytest.mark.parametrize("what", TWENTY)
def test_a_beginner_is_helped_by_the_message_alone(what: str, tmp_path: Path) -> None:
    text, right, wrong = TWENTY[what]
    assert right in text
    broken = text.replace(right, wrong, 1)
    assert errors(broken, tmp_path / "spec.yaml"), "nothing is wrong"
    mended(broken, tmp_path / "spec.yaml")


KNOWN = [
    *("training.optimizer: AdamW", "training.optimizer: {kind: AdamW}", "task: seq2seq"),
    *("model.feed_forward.activation: swiglu", "model.feed_forward.activation: GEGLU"),
    *(
        "model.norm: pre",
        "model.norm: RMSNorm",
        "model.norm: {kind: pre}",
        "model.norm.place: PreLN",
    ),
    *("data.tokenizer: bpe", "data.tokenizer: char", "task: nmt", "model.recurrence: lstm"),
    *("model.embedding.position: rope", "model.position: rotary", "model.position: rope"),
    *("training.save_steps: 500", "training.eval_steps: 500", "training.validation_freq: 500"),
    *("model.head_dim: 32", "model.attention.head_dim: 32", "model.attention_dropout: 0.1"),
    *("model.vocabulary: 4000", "model.encoder: 6", "data.train: train"),
    *("model.vocabulary: {source: 4000, target: 4000}", "training.validation: 200"),
    *("model.decoder: null", "model.attention: null", "model.feed_forward: 2048"),
    *("model.d_model: {size: 128}", "model.dropout: {rate: 0.1}", "training.steps: [100000]"),
    *("training.schedule: 0.001", "training.ema: true", "decoding: 5", "model.attention: 8"),
    *("data.train: {src: train.en, tgt: train.de}", "data.train: {file: pairs.tsv}"),
    *(
        "training.optimizer.betas: 0.9",
        "model.feed_forward.experts: 8",
        "model.encoder: {depth: 2}",
    ),
]


def with_setting(text: str, setting: str) -> str:
    """The spec with one setting in the place of what it has; with `null` it has none."""
    tree = yaml.safe_load(text)
    path, _, value = setting.partition(": ")
    *above, key = path.split(".")
    section = tree
    for step in above:
        section = section.setdefault(step, {})
    section[key] = yaml.safe_load(value)
    if value == "null":
        del section[key]
    return dumped(tree)


@pytest.mark.parametrize("setting", KNOWN)
def test_a_wrong_setting_of_a_translation_is_mended_by_what_is_shown(
    setting: str, tmp_path: Path
) -> None:
    text = TRANSLATION
    if "recurrence" in setting:
        text = text.replace("encoder: {", "encoder: {block: [recurrence, feed_forward], ")
    broken = with_setting(text, setting)
    assert errors(broken, tmp_path / "spec.yaml"), "nothing is wrong"
    mended(broken, tmp_path / "spec.yaml")


@pytest.mark.parametrize("word", ["lm", "causal_lm", "CausalLM", "text-generation", "GPT"])
def test_an_unknown_task_is_the_only_complaint_about_right_lines(word: str, tmp_path: Path) -> None:
    broken = LANGUAGE_MODEL.replace("task: language_model", f"task: {word}")
    (only,) = errors(broken, tmp_path / "spec.yaml")
    assert only.help == "write `task: language_model`"
    mended(broken, tmp_path / "spec.yaml")


@pytest.mark.parametrize(
    ("text", "wrong", "line"),
    [
        (LANGUAGE_MODEL, "{file: train.en}", "train: {text: train.en}"),
        (LANGUAGE_MODEL, "train.en", "train: {text: train.en}"),
        (CLASSIFICATION, "{text: a.txt, labels: a.label}", "train: {text: a.txt, label: a.label}"),
        (CLASSIFICATION, "{text: a.txt}", "train: {text: a.txt, label: train.label}"),
    ],
)
def test_texts_are_shown_in_the_form_of_the_task(
    text: str, wrong: str, line: str, tmp_path: Path
) -> None:
    broken = with_setting(text, f"data.train: {wrong}")
    (said,) = mended(broken, tmp_path / "spec.yaml")
    assert f"`{line}`" in said


SLIPS = [
    *(("  d_model: 128", each) for each in ("   d_model: 128", "  d_model:128", "  d_model 128")),
    *(("  dropout: 0.1", each) for each in ("   dropout: 0.1", " dropout: 0.1", "\tdropout: 0.1")),
    *(("{heads: 4}", each) for each in ("{heads: 4", "{heads: 4}}", "(heads: 4)", "{heads 4}")),
    *(("{heads: 4}", each) for each in ("{heads: 4 bias: true}", "{heads: 4; bias: true}")),
    *(
        ("  encoder: {layers: 2}", each)
        for each in ("  encoder: layers: 2", "  encoder: {layers: 2")
    ),
    *(
        ("name: my-first", each)
        for each in ("name: 'my-first", "  name: my-first", "name my-first")
    ),
    ("source: train.en", 'source: "train.en'),
    ("{heads: 4}", "[heads: 4]"),
    ("model:\n", "model\n"),
    ("decoding: {beam: 4}", "decoding {beam: 4}"),
    ("  folder: data/demo", "   folder: data/demo"),
]


@pytest.mark.parametrize(("right", "wrong"), SLIPS, ids=[wrong for _, wrong in SLIPS])
def test_a_slip_in_yaml_is_shown_with_the_line_as_it_should_be(
    right: str, wrong: str, tmp_path: Path
) -> None:
    assert right in TRANSLATION
    broken = TRANSLATION.replace(right, wrong, 1)
    assert errors(broken, tmp_path / "spec.yaml"), "nothing is wrong"
    for said in mended(broken, tmp_path / "spec.yaml"):
        assert "find expected" not in said


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("model.norm=pre", ["model.norm.place=pre"]),
        ("model.vocabulary=4000", ["model.vocabulary={size: 4000}"]),
        ("training.lr=0.0005", ["training.schedule.peak=0.0005"]),
        ("model.norm={place: pre", ["model.norm={place: pre}"]),
        ("training.steps=20k", ["training.steps=20000"]),
        (
            "model.feed_forward.activation=SwiGLU",
            ["model.feed_forward.activation=silu", "model.feed_forward.gated=true"],
        ),
    ],
)
def test_a_wrong_option_is_shown_as_the_option_to_write(wrong: str, right: list[str]) -> None:
    with pytest.raises(Rejected) as rejected:
        check_spec("demo", [wrong])
    assert settings(rejected.value.diagnostics[0].help) == right
    check_spec("demo", right)


def test_a_long_line_is_cut_with_a_sign_on_both_sides() -> None:
    source = Source(name="spec.yaml", text=f"summary: {'x' * 200} here {'y' * 200}")
    place = Span(source=source, line=1, column=211, width=4)
    _, line, marks = render(mistake(place, "bad-value", "")).splitlines()
    assert line.startswith("  1 | …x")
    assert line.endswith("y…")
    assert line[marks.index("^") :].startswith("here")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec, one below it, and files of other kinds beside them."""
    monkeypatch.chdir(tmp_path)
    for folder in ("variants", "run/package", "package"):
        Path(folder).mkdir(parents=True)
    Path("enfr.yaml").write_text(TRANSLATION)
    wide = "extends: ../enfr.yaml\nname: wide\nmodel: {d_model: 256}\n"
    Path("variants/wide.yaml").write_text(wide)
    Path("layers.yaml").write_text("ablation: layers\nbase: enfr.yaml\ngroups: {A: {}}\n")
    Path("map.yaml").write_text("tensors:\n  embedding.weight: shared.weight\n")
    Path("ci.yaml").write_text("name: CI\non: [push]\njobs:\n  test: {runs-on: linux}\n")
    Path("config.json").write_text('{"model_type": "bert", "hidden_size": 768}')
    Path("run/run.json").write_text('{"versions": {}, "spec": {}, "package": {}}')
    for folder in ("run/package", "package"):
        Path(folder, "spec.lock.yaml").write_text(TRANSLATION)
    return tmp_path


@pytest.mark.parametrize(
    ("file", "reference", "meant"),
    [
        ("variants/new.yaml", "enfr.yaml", "../enfr.yaml"),
        ("new.yaml", "wide.yaml", "variants/wide.yaml"),
        ("new.yaml", "enfr", "enfr.yaml"),
        ("new.yaml", "specs/demo.yaml", "demo"),
        ("new.yaml", "enfer.yaml", "enfr.yaml"),
        ("new.yaml", "layers.yml", None),
        ("new.yaml", "new.yml", None),
    ],
)
@pytest.mark.usefixtures("project")
def test_a_parent_is_looked_for_one_folder_up_and_down(
    file: str, reference: str, meant: str | None, tmp_path: Path
) -> None:
    text = f"extends: {reference}\nname: new\nmodel: {{dropout: 0.3}}\n"
    (found,) = errors(text, tmp_path / file)
    assert found.code == "no-spec"
    if meant is None:
        assert "did you mean" not in found.help
    else:
        assert f"did you mean `{meant}`?" in found.help
        right = text.replace(f"extends: {reference}", f"extends: {meant}")
        assert errors(right, tmp_path / file) == ()


NOT_SPECS = {
    "layers.yaml": "specformer ablate layers.yaml",
    "map.yaml": "--map map.yaml",
    "ci.yaml": "a workflow of GitHub",
    "config.json": "a Hugging Face model",
    "run": "specformer evaluate",
    "run/run.json": "specformer evaluate run",
    "package": "package/spec.lock.yaml",
}
READERS: dict[str, tuple[str, Callable[[str], object]]] = {
    "a spec": ("enfr.yaml", load),
    "an ablation": ("layers.yaml", lambda name: read_ablation(Path(name))),
    "a map of names": ("map.yaml", lambda name: read_map(Path(name))),
}


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("wanted", READERS)
@pytest.mark.parametrize("name", NOT_SPECS)
def test_a_file_of_another_kind_is_named_with_what_reads_it(name: str, wanted: str) -> None:
    own, read = READERS[wanted]
    if name == own:
        return
    with pytest.raises(Rejected) as rejected:
        read(name)
    (only,) = rejected.value.diagnostics
    assert only.code == "not-a-spec"
    assert only.message.endswith(f", not {wanted}")
    assert " | " not in str(rejected.value)  # there is no line to show
    assert NOT_SPECS[name] in f"{only.message} {only.help}"


@pytest.mark.usefixtures("project")
@pytest.mark.parametrize("name", ["enfr.yaml", "demo"])
def test_a_spec_is_no_ablation(name: str) -> None:
    with pytest.raises(Rejected, match="this is a spec, not an ablation"):
        read_ablation(Path(name))
