"""`train`, `evaluate` and the command of each task that reads one text."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

import runtime
from compiler.spec.data import TextFiles
from runtime.attention.links import linked_text
from runtime.command import app
from runtime.errors import UserError
from runtime.inference.classifier import Classifier
from runtime.inference.filler import Filler
from runtime.inference.generator import Generator
from runtime.run import Run
from runtime.scoring.losses import line_of, split_examples
from runtime.scoring.measures import Measure

Command = Callable[..., Any]

TINY = {
    "model.d_model": 16,
    "model.attention.heads": 2,
    "model.feed_forward.d_ff": 32,
    "model.vocabulary.size": 130,
    "training.batch_tokens": 512,
    "training.steps": 4,
    "training.schedule.warmup_steps": 2,
    "training.validation.every": 2,
}
OWN = {
    "language-model": {"model.decoder.layers": 1, "decoding.max_extra_length": 5},
    "masked-language-model": {"model.encoder.layers": 1},
    "classifier": {"model.encoder.layers": 1},
}
COMMANDS = {
    "language-model": "generate",
    "masked-language-model": "fill",
    "classifier": "classify",
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of each of the three specs, made tiny."""
    from runtime.corpus import write_corpus

    home = tmp_path_factory.mktemp("tasks")
    write_corpus(home / "text", train=120, valid=10, test=12, seed=7)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        for name, own in OWN.items():
            settings = {**TINY, **own, "data.folder": home / "text"}
            options = [
                part for key, value in settings.items() for part in ("--set", f"{key}={value}")
            ]
            patch.setattr("sys.argv", ["specformer", "train", name, *options])
            with pytest.raises(SystemExit) as exit:
                app.main()
            assert not exit.value.code
    return home / "runs"


@pytest.mark.parametrize(
    ("name", "scores"),
    [
        ("language-model", {"perplexity", "word_perplexity", "bits_per_character", "accuracy"}),
        ("masked-language-model", {"perplexity", "accuracy"}),
        ("classifier", {"accuracy", "macro_f1"}),
    ],
)
def test_each_task_has_its_scores(
    name: str, scores: set[str], specformer: Command, runs: Path
) -> None:
    ended = specformer("evaluate", runs / name)
    assert ended.code == 0, ended.err
    report = json.loads((runs / name / "evaluation-test.json").read_text())
    assert scores <= report.keys()
    for score in scores:
        measure = Measure(name=score, **report[score])
        assert str(measure) in ended.out
    assert (report["texts"], report["averaged_checkpoints"]) == (12, 1)
    assert "test set, 12 texts" in ended.out


@pytest.mark.parametrize("name", COMMANDS)
def test_recompile_takes_no_code_of_the_run(
    name: str, specformer: Command, runs: Path, tmp_path: Path
) -> None:
    strange = Path(shutil.copytree(runs / name, tmp_path / "strange"))
    for each in ("__init__.py", "model.py", "training.py"):
        (strange / "package" / each).write_text(f"open({str(tmp_path / 'it-ran')!r}, 'w')\n")
    (tmp_path / "in.txt").write_text("They ___ the dog.\n" if name.startswith("mas") else "They\n")
    own, refused, recompiled = (
        specformer(COMMANDS[name], *run, "--input", "in.txt")
        for run in ((runs / name,), (strange,), (strange, "--recompile"))
    )
    assert [each.code for each in (own, refused, recompiled)] == [0, 2, 0], recompiled.err
    assert recompiled.out == own.out
    assert specformer("evaluate", strange, "--recompile").code == 0
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.quick
def test_a_classifier_leaves_its_answers(specformer: Command, runs: Path) -> None:
    assert specformer("evaluate", runs / "classifier", "--split", "valid").code == 0
    answers = (runs / "classifier" / "evaluation-valid.txt").read_text().splitlines()
    labels = (runs / "classifier" / "tokenizers" / "labels.txt").read_text().splitlines()
    assert len(answers) == 10
    assert len(labels) == 8
    assert set(answers) <= set(labels)


@pytest.mark.parametrize("option", [["--beam", 2], ["--set", "decoding.beam=2"], ["--samples", 1]])
def test_options_without_meaning_are_refused(
    option: list[object], specformer: Command, runs: Path
) -> None:
    ended = specformer("evaluate", runs / "classifier", *option)
    assert ended.code == 2
    assert f"{option[0]} has no effect on the scores of `task: classification`" in ended.err


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("command", ["translate", *COMMANDS.values()])
def test_a_command_of_another_task_names_the_one_that_fits(
    name: str, command: str, specformer: Command, runs: Path
) -> None:
    if COMMANDS[name] == command:
        return
    ended = specformer(command, runs / name)
    assert ended.code == 2
    assert f"which `{command}` is not for" in ended.err
    assert f"help: `specformer {COMMANDS[name]} {runs / name}` is" in ended.err


@pytest.mark.quick
def test_prompts_are_continued(specformer: Command, runs: Path, tmp_path: Path) -> None:
    run = runs / "language-model"
    two = specformer("generate", run, "--prompt", "The old", "--prompt", "We", "--seed", 5)
    assert two.code == 0, two.err
    first, second = two.out.splitlines()
    assert first.startswith("The old")
    assert second.startswith("We")
    (tmp_path / "prompts").write_text("The old\nWe\n")
    file = specformer("generate", run, "--input", tmp_path / "prompts", "--seed", 5)
    assert file.out == two.out
    best = specformer("generate", run, "--prompt", "We", "--beam", 3, "--n-best", 2)
    assert [line.split("\t")[0] for line in best.out.splitlines()] == ["1", "1"], best.err
    greedy = specformer("generate", run, "--prompt", "We", "--beam", 1)
    cold = specformer("generate", run, "--prompt", "We", "--temperature", 0.001)
    assert greedy.out == cold.out


@pytest.mark.quick
def test_mistakes_of_generate(specformer: Command, runs: Path, tmp_path: Path) -> None:
    run = runs / "language-model"
    both = specformer("generate", run, "--prompt", "We", "--beam", 2, "--top-k", 3)
    assert both.code == 2
    assert "--beam searches for the likeliest text, --top-k draws one" in both.err
    several = specformer("generate", run, "--prompt", "We", "--n-best", 2)
    assert "--n-best 2 is for a search, and here tokens are drawn" in several.err
    narrow = specformer("generate", run, "--prompt", "We", "--beam", 1, "--n-best", 2)
    assert "--n-best 2 is more than the beam of 1" in narrow.err
    hot = specformer("generate", run, "--prompt", "We", "--temperature", 0)
    assert "expected more than 0, got `0.0`" in hot.err
    (tmp_path / "prompts").write_text("We\n")
    two = specformer("generate", run, "--prompt", "We", "--input", tmp_path / "prompts")
    assert "--prompt and --input are two ways to say the same" in two.err


@pytest.mark.quick
def test_gaps_are_filled(specformer: Command, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "gaps").write_text("The ___ sleeps.\n[MASK] old ___.\n")
    run = runs / "masked-language-model"
    ended = specformer("fill", run, "--input", tmp_path / "gaps", "--n-best", 2)
    assert ended.code == 0, ended.err
    rows = [line.split("\t") for line in ended.out.splitlines()]
    assert [row[:2] for row in rows] == [
        *([["1", "1"]] * 2),
        *([["2", "1"]] * 2),
        *([["2", "2"]] * 2),
    ]
    (tmp_path / "gaps").write_text("The dog sleeps.\n")
    none = specformer("fill", run, "--input", tmp_path / "gaps")
    assert none.code == 2
    assert "line 1 has no gap" in none.err


@pytest.mark.quick
def test_lines_are_labelled(specformer: Command, runs: Path, tmp_path: Path) -> None:
    (tmp_path / "lines").write_text("The dog sleeps.\nWe thanked the nun.\n")
    run = runs / "classifier"
    ended = specformer("classify", run, "--input", tmp_path / "lines", "--output", tmp_path / "out")
    assert ended.code == 0, ended.err
    labels = (run / "tokenizers" / "labels.txt").read_text().splitlines()
    rows = [line.split("\t") for line in (tmp_path / "out").read_text().splitlines()]
    assert len(rows) == 2
    assert {label for label, _ in rows} <= set(labels)
    several = specformer("classify", run, "--input", tmp_path / "lines", "--n-best", 99)
    assert len(several.out.splitlines()) == 2 * len(labels)


@pytest.mark.quick
def test_python_loads_what_fits_the_task(runs: Path) -> None:
    generator, filler, classifier = (runtime.load(runs / name, device="cpu") for name in COMMANDS)
    assert isinstance(generator, Generator)
    assert isinstance(filler, Filler)
    assert isinstance(classifier, Classifier)
    assert generator.generate(["We thanked"])[0].startswith("We thanked")
    with pytest.raises(UserError, match="line 1 has no gap"):
        filler.fill(["no gap"])
    assert classifier.classify(["We sleep."])[0] in classifier.labels
    with pytest.raises(UserError, match="2 workers share texts that are decoded"):
        runtime.load(runs / "classifier", device="cpu", workers=2)


def test_one_text_gives_one_answer(runs: Path) -> None:
    generator, filler, classifier = (runtime.load(runs / name, device="cpu") for name in COMMANDS)
    assert isinstance(generator, Generator)
    assert isinstance(filler, Filler)
    assert isinstance(classifier, Classifier)
    greedy = generator.generate("We thanked", beam=1, max_extra_length=2)
    assert greedy == generator.generate(["We thanked"], temperature=1e-9, max_extra_length=2)[0]
    assert len(generator.generate("We", n_best=2, beam=3)) == 2
    assert filler.fill("We ___ it.", 2) == filler.fill(["We ___ it."], 2)[0]
    assert classifier.classify("We sleep.") == classifier.classify(["We sleep."])[0]
    assert [each.name for each in classifier.classify("We sleep.", n_best=1)] == [
        classifier.classify("We sleep.")
    ]
    for each, name in ((generator, "Generator"), (filler, "Filler"), (classifier, "Classifier")):
        assert repr(each).startswith(f"<{name} of ")
    with pytest.raises(TypeError):
        classifier.classify("We sleep.", beam=2)  # type: ignore[call-overload]


def test_tokens_for_a_gap_are_told_apart(specformer: Command, runs: Path, tmp_path: Path) -> None:
    """A piece that begins a word, and one that goes on with it."""
    (tmp_path / "gaps").write_text("The ___ sleeps.\n")
    run = runs / "masked-language-model"
    ended = specformer("fill", run, "--input", tmp_path / "gaps", "--n-best", 120)
    tokens = [line.split("\t")[3] for line in ended.out.splitlines()]
    assert len(set(tokens)) == len(tokens) == 120
    assert {each for each in tokens if f"\u2581{each}" in tokens}


@pytest.mark.quick
def test_training_names_the_command_that_comes_next(specformer: Command, runs: Path) -> None:
    package = runs / "classifier" / "package"
    ended = specformer("train", package, "--out", runs / "classifier", "--resume")
    assert ended.code == 0, ended.err
    assert "specformer classify" in ended.out


@pytest.mark.quick
def test_a_classifier_begins_with_a_masked_language_model(runs: Path, specformer: Command) -> None:
    """What was learned from text without labels; the labels are those of the new text."""
    home = runs.parent
    settings = {**TINY, **OWN["classifier"], "data.folder": home / "text"}
    options = [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]
    done = specformer(
        *("transfer", runs / "masked-language-model", "classifier", *options, "--out", "begun")
    )
    assert done.code == 0, done.err
    trained = specformer("train", "begun/package", "--out", "begun", "--resume")
    assert trained.code == 0, trained.err
    assert isinstance(runtime.load("begun"), Classifier)


OVERFLOWS = [
    ("language-model", ("generate", "--prompt", "We", "--beam", 2), "line 1"),
    ("language-model", ("generate", "--prompt", "We", "--temperature", 1), "line 1"),
    ("language-model", ("evaluate",), "test set, line 1"),
    ("masked-language-model", ("fill", "--input", "gaps"), "line 1"),
    ("masked-language-model", ("evaluate", "--split", "valid"), "valid set, line 1"),
    ("classifier", ("classify", "--input", "gaps"), "line 1"),
    ("classifier", ("evaluate",), r"line \d+"),
]


@pytest.mark.parametrize(("name", "words", "place"), OVERFLOWS)
def test_weights_that_overflow_end_in_one_error(
    name: str,
    words: tuple[object, ...],
    place: str,
    specformer: Command,
    runs: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "gaps").write_text("A ___ sleeps.\n")
    load_model = Run.load_model

    def overflowing(run: Run, *arguments: Any) -> Any:
        model: Any = load_model(run, *arguments)
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(1e30)
        return model

    monkeypatch.setattr(Run, "load_model", overflowing)
    ended = specformer(words[0], runs / name, *words[1:])
    assert ended.code == 2
    (error,) = [line for line in ended.err.splitlines() if line.startswith("error: ")]
    assert re.match(f"error: {place}: the network's output is not finite", error)
    assert "Traceback" not in ended.err


def test_an_example_is_traced_to_its_line(runs: Path, tmp_path: Path) -> None:
    """Empty lines have no example, and long ones several."""
    run = Run.open(runs / "language-model")
    text = tmp_path / "own.en"
    text.write_text(f"\nThe dog sleeps.\n{'dog ' * 300}\n\nWe sleep.\n")
    data = run.package.spec.data.model_copy(update={"test": TextFiles(text=str(text))})
    spec = run.package.spec.model_copy(update={"data": data})
    moved = replace(run, package=replace(run.package, spec=spec))
    with split_examples(moved, "test") as examples:
        count = len(examples)
    lines = [line_of(moved, "test", row) for row in range(count)]
    assert count > 4
    assert lines[0] == "test set, line 2"
    assert lines[1:-1] == ["test set, line 3"] * (count - 2)
    assert lines[-1] == "test set, line 5"


def test_imported_weights_that_are_no_good_are_named_as_such(
    runs: Path, specformer: Command, tmp_path: Path
) -> None:
    """The validation set is not blamed, and what comes next fits the task."""
    run = runs / "language-model"
    (weights, *_) = sorted(run.glob("checkpoints/*/model.safetensors"))
    names = list(load_file(weights))
    lines = [f"  {name}: {name} * 1e19" for name in names]
    (tmp_path / "map.yaml").write_text("tensors:\n" + "\n".join(lines) + "\n")
    model = run / "tokenizers" / "source" / "sentencepiece.model"
    ended = specformer(
        *("import-weights", run, "--from", weights, "--map", tmp_path / "map.yaml"),
        *("--tokenizer", model, "--out", "imported"),
    )
    assert ended.code == 0, ended.err
    assert ended.out.endswith("next: specformer generate imported\n")
    ended = specformer("evaluate", "imported")
    assert ended.code == 2
    assert "is not finite" in ended.err
    assert "validation" not in ended.err
    assert "import weights again that were imported" in ended.err


@pytest.mark.parametrize("name", COMMANDS)
def test_attention_is_measured_on_the_validation_set(
    name: str, specformer: Command, runs: Path
) -> None:
    ended = specformer("attend", runs / name, "--measure")
    assert ended.code == 0, ended.err
    assert "Means over the positions of 10 texts" in ended.out
    assert "subject → last verb of its clause" in ended.out


def test_links_of_another_text_are_not_used(runs: Path) -> None:
    spec = Run.open(runs / "language-model").package.spec
    german = spec.data.model_copy(update={"valid": TextFiles(text="valid.de")})
    assert linked_text(spec, "valid") is not None
    assert linked_text(spec.model_copy(update={"data": german}), "valid") is None
