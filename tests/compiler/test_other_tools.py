"""What other tools call keys and values: every word leads to a line that is accepted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compiler.pipeline import check_spec
from compiler.source.diagnostic import Diagnostic, Rejected
from compiler.source.write import flow
from compiler.spec.fields import is_corpus, is_section
from compiler.spec.synonyms import counterpart_of_key, table
from tests.support.repair import dumped, repaired

pytestmark = pytest.mark.quick

DATA = {
    "translation": {"source": "a.en", "target": "a.de"},
    "classification": {"text": "a.txt", "label": "a.label"},
    "embedding": {"source": "a.en", "target": "a.de"},
}
TEXT = {"text": "a.txt"}
STACKS = {
    "translation": ("encoder", "decoder"),
    "language_model": ("decoder",),
    "masked_language_model": ("encoder",),
    "classification": ("encoder",),
    "embedding": ("encoder",),
}


def spec(task: str) -> dict[str, Any]:
    """A small right spec of a task, every section of which is written."""
    model: dict[str, Any] = {
        "d_model": 64,
        "vocabulary": {"size": 1000},
        "embedding": {"position": {"kind": "sinusoidal"}},
        "norm": {"kind": "layer_norm"},
        "attention": {"heads": 4},
        "feed_forward": {"d_ff": 128},
    }
    model |= {stack: {"layers": 2} for stack in STACKS[task]}
    if task == "classification":
        model["classifier"] = {"classes": 3}
    if task == "embedding":
        model["pooling"] = {"kind": "mean"}
    text = DATA.get(task, TEXT)
    data = {"train": text, "valid": text, "test": text, "max_length": 64}
    training = {
        "batch_tokens": 2048,
        "steps": 4000,
        "optimizer": {"kind": "adam"},
        "schedule": {"warmup_steps": 100, "peak": 0.001},
        "validation": {"every": 100},
    }
    return {"name": "words", "task": task, "model": model, "data": data, "training": training}


def set_at(tree: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    for step in path[:-1]:
        tree = tree.setdefault(step, {})
    tree[path[-1]] = value


def complaints(text: str, path: Path) -> tuple[Diagnostic, ...]:
    """The errors of a spec's text."""
    path.write_text(text, encoding="utf-8")
    try:
        found = check_spec(str(path)).warnings
    except Rejected as rejected:
        found = rejected.diagnostics
    return tuple(each for each in found if each.severity == "error")


def mended(text: str, path: Path) -> str:
    """The text after what its first messages say, each of whose lines is obeyed once."""
    first = complaints(text, path)
    assert first, "nothing is wrong"
    text = repaired(text, first[0])
    assert complaints(text, path) == (), first[0].help
    return first[0].help


TABLE = table()
TASK_OF = {
    "model.classifier": "classification",
    "classifier": "classification",
    "model.pooling": "embedding",
    "pooling": "embedding",
    "model.prediction": "masked_language_model",
    "prediction": "masked_language_model",
    "training.masking": "masked_language_model",
    "model.embedding.segments": "masked_language_model",
    **{f"decoding.{key}": "language_model" for key in ("kind", "temperature", "top_k", "top_p")},
}


def task_for(ours: str) -> str:
    return next((task for path, task in TASK_OF.items() if ours.startswith(path)), "translation")


def base_for(ours: str, task: str) -> dict[str, Any]:
    """A right spec in which a setting means something."""
    tree = spec(task)
    part = ours.split(".")[1] if "." in ours else ours
    if part in ("recurrence", "convolution") or ours.split(".")[0] in ("recurrence", "convolution"):
        name = "recurrence" if "recurrence" in ours else "convolution"
        kind = {"recurrence": "lstm", "convolution": "gated"}[name]
        tree["model"]["encoder"]["block"] = [name, "feed_forward"]
        tree["model"][name] = {"kind": kind}
    if ".experts." in ours:
        tree["model"]["feed_forward"]["experts"] = {"count": 4}
    if ours.endswith("residual.streams"):
        tree["model"]["norm"] = {"place": "pre"}
    if ours.endswith("feed_forward.clamp"):
        tree["model"]["feed_forward"] |= {"gated": True, "activation": "silu"}
    if ours == "training.masking.random":
        tree["training"]["masking"] = {"mask": 0.5}
    return tree


def without(tree: dict[str, Any], path: list[str]) -> None:
    for step in path[:-1]:
        tree = tree.get(step, {})
    tree.pop(path[-1], None)


EXAMPLES: dict[str, Any] = {
    "training.schedule.kind": "cosine",
    "training.schedule.peak": 0.0005,
    "training.schedule.start": 1e-7,
    "training.schedule": 1e-6,
    "training.optimizer.kind": "AdamW",
    "training.optimizer": 0.1,
    "training.optimizer.betas": [0.9, 0.98],
    "training.optimizer.eps": 1e-8,
    "training.clip_norm": 1.0,
    "training.label_smoothing": 0.1,
    "training.masking.share": 0.15,
    "training.masking.random": 0.1,
    "training.validation.metric": "ppl",
    "rotary_pct": 0.5,
    "relative_attention_max_distance": 128,
    "max_position_embeddings": 512,
    "training.compile": True,
    "training.steps": 4000,
    "training.batch_tokens": 4096,
    "model.feed_forward.experts.active": 2,
    "evaluation.metric": "bleu",
    "evaluation.lowercase": True,
    "evaluation.tokenize": "intl",
    "decoding.top_p": 0.9,
    "decoding.no_repeat_ngram": 3,
    "decoding.repetition_penalty": 1.2,
    "decoding.prefix": "A dog",
    "model.d_model": 64,
    "model.vocabulary.size": 1000,
    "model.vocabulary.shared": True,
    "model.attention.kv_heads": 2,
    "model.attention.heads": 4,
    "model.initialization": 0.02,
    "model.classifier.classes": 3,
    "model.classifier.pooling": "cls",
    "model.norm.kind": "rmsnorm",
    "model.norm.eps": 1e-6,
    "model.feed_forward.activation": "swiglu",
    "model.recurrence.kind": "GRU",
    "model.convolution.width": 5,
    "model.prediction.activation": "gelu_new",
    "data.tokenizer": "bpe",
    "data.tokenizer.character_coverage": 0.9995,
    "data.train": "data/train",
    "data.valid": "data/dev",
    "data.test": "data/test",
}
BOOLEANS = ("bias", "gated", "output_bias", "norm", "bidirectional", "bleu")
SHARES = ("stochastic_depth",)


def value_for(ours: str) -> Any:
    last = ours.rpartition(".")[2]
    if last in BOOLEANS:
        return True
    return 0.1 if last in (*SHARES, "dropout") else EXAMPLES.get(ours, 8)


def key_cases() -> Iterator[Any]:
    """An entry, with each value that means something else."""
    for entry in TABLE["keys"]:
        known = {"true": True, "false": False}
        values = [known.get(each, each) for each in entry.get("values", {})]
        word = entry["theirs"].split()[0]
        for value in values or [EXAMPLES.get(word, value_for(entry.get("ours", "")))]:
            yield pytest.param(entry, value, id=f"{word}-{value}")


@pytest.mark.parametrize(("entry", "value"), list(key_cases()))
def test_a_key_of_another_tool_is_shown_with_a_line_that_is_right(
    entry: dict[str, Any], value: Any, tmp_path: Path
) -> None:
    ours, word = entry.get("ours", ""), entry["theirs"].split()[0]
    task_of_word = entry["values"][value] if ours == "task" else task_for(ours)
    for task in [*STACKS] if "{stack}" in ours else [task_of_word]:
        tree = base_for(ours, task)
        if ours.endswith("vocabulary.size") or ours == "model":
            without(tree, ["model", "vocabulary"])
        for stack in STACKS[task] if ours else ():
            for each in ours.format(stack=stack).split():
                path = each.split(".")
                if not is_section(tuple(path)) or is_corpus(tuple(path)):
                    without(tree, path)
        set_at(tree, (*place_for(entry), word), value)
        help = mended(dumped(tree), tmp_path / "spec.yaml")
        assert ours or "no counterpart" in help


def place_for(entry: dict[str, Any]) -> tuple[str, ...]:
    """A section in which a word of another tool may stand."""
    ours = entry.get("ours", "")
    top = "training" if not ours else ours.split(".")[0] if "." in ours else "model"
    inside = entry.get("within", top)
    parts = ("attention", "feed_forward", "prediction", "encoder")
    above = ("model",) if inside in parts else ("training",) if inside == "validation" else ()
    return (*above, inside)


def test_words_of_one_entry_mean_the_same() -> None:
    for entry in TABLE["keys"]:
        found = {
            str(counterpart_of_key((*place_for(entry), word), 8, "translation"))
            for word in entry["theirs"].split()
        }
        assert len(found) == 1, entry["theirs"]


def test_no_word_of_another_tool_is_there_twice_or_one_of_ours() -> None:
    seen: set[tuple[str, str]] = set()
    for entry in TABLE["keys"]:
        for word in entry["theirs"].split():
            assert (word, entry.get("within", "")) not in seen, word
            seen.add((word, entry.get("within", "")))


def value_cases() -> Iterator[Any]:
    """A word for each meaning of a place."""
    for place, words in TABLE["values"].items():
        first = {str(ours): (word, ours) for word, ours in reversed(words.items())}
        for word, ours in first.values():
            given = {"true": True, "false": False}.get(word, word.replace("*", "x"))
            yield pytest.param(place, given, ours, id=f"{place}-{word}")


OTHERS = ("decoding", "evaluation")
VALUE_PATHS = {
    "task": ("task",),
    "position.kind": ("model", "embedding", "position", "kind"),
    "position.layout": ("model", "embedding", "position", "layout"),
    "scaling.kind": ("model", "embedding", "position", "scaling", "kind"),
}


def value_path(place: str) -> tuple[str, ...]:
    path = tuple(place.split("."))
    if place in VALUE_PATHS:
        return VALUE_PATHS[place]
    if path[0] == "tokenizer":
        return ("data", *path)
    return (
        path
        if path[0] in ("training", "data", "decoding", "evaluation", "model")
        else ("model", *path)
    )


@pytest.mark.parametrize(("place", "given", "ours"), list(value_cases()))
def test_a_value_of_another_tool_is_shown_with_a_line_that_is_right(
    place: str, given: Any, ours: Any, tmp_path: Path
) -> None:
    task = str(ours) if place == "task" and isinstance(ours, str) else task_for(place)
    if place == "evaluation.metric" and isinstance(ours, str):
        task = {"perplexity": "language_model", "bleu": "translation", "chrf": "translation"}.get(
            ours, "classification"
        )
    if place == "training.validation.metric" and ours == "bleu":
        task = "translation"
    tree, path = base_for(place, task), value_path(place)
    if place == "position.layout":
        kind = "rotary" if ours in ("half", "interleaved") else "sinusoidal"
        set_at(tree, (*path[:-1], "kind"), kind)
    if place == "scaling.kind":
        set_at(tree, ("model", "embedding", "position"), {"kind": "rotary"})
        set_at(tree, (*path[:-1], "factor"), 2.0)
        if ours in ("llama3", "yarn"):
            set_at(tree, (*path[:-1], "original_length"), 64)
    if place == "tokenizer.model":
        tree["data"]["tokenizer"] = {"kind": "sentencepiece"}
    if ours == "bytes":
        tree["model"]["vocabulary"]["size"] = 260
    if ours == "bleu" and place.startswith("training"):
        tree["training"]["validation"]["bleu"] = True
    set_at(tree, path, given)
    if isinstance(ours, dict) and ours.keys() == {"because"}:
        (found, *_) = complaints(dumped(tree), tmp_path / "spec.yaml")
        assert "no counterpart" in found.help
        assert ours["because"] in found.help
    else:
        mended(dumped(tree), tmp_path / "spec.yaml")


PART = {"heads": 2, "d_ff": 32, "place": "pre"}


@pytest.mark.parametrize(
    ("key", "in_a_list"),
    [("heads", False), ("heads", True), ("d_ff", False), ("d_ff", True), ("place", False)],
)
def test_a_key_of_one_stack_is_moved_within_it(key: str, in_a_list: bool, tmp_path: Path) -> None:
    tree = spec("translation")
    part = {"layers": [{"repeat": 2, key: PART[key]}] if in_a_list else 2}
    tree["model"]["encoder"] = part if in_a_list else part | {key: PART[key]}
    assert "belongs below `model.encoder" in mended(dumped(tree), tmp_path / "spec.yaml")


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("model", "position"), "ALiBi", "embedding: {position: alibi}"),
        (("model", "encoder", "mask"), "window(3)", "self_attention: {mask: window(3)}"),
        (("decoding",), "greedy", "decoding: {beam: 1}"),
        (("decoding", "beam"), "greedy", "beam: 1"),
        (("evaluation", "checkpoint"), "averaged", "checkpoint: last"),
    ],
)
def test_the_line_keeps_what_the_spec_has(
    path: tuple[str, ...], value: str, line: str, tmp_path: Path
) -> None:
    tree = spec("translation")
    if path[-1] == "position":
        without(tree, ["model", "embedding"])
    set_at(tree, path, value)
    assert f"`{line}`" in mended(dumped(tree), tmp_path / "spec.yaml")


def test_a_table_is_not_offered_to_a_task_that_takes_none(tmp_path: Path) -> None:
    tree = spec("language_model")
    tree["data"]["train"] = {"tsv": "train.tsv"}
    assert "`train: {text: train.tsv}`" in mended(dumped(tree), tmp_path / "spec.yaml")


PAIR = {"source": "train.en", "target": "train.de"}


@pytest.mark.parametrize(
    ("task", "given", "line"),
    [
        ("translation", ["train.en", "train.de"], PAIR),
        ("translation", {"train.en": "train.de"}, PAIR),
        ("translation", {"train.en": None, "train.de": None}, PAIR),
        ("translation", {"tgt": "train.de", "src": "train.en"}, PAIR),
        (
            "translation",
            [PAIR, {"source": "b.en", "target": "b.de"}],
            {"source": ["train.en", "b.en"], "target": ["train.de", "b.de"]},
        ),
        (
            "translation",
            {"tsv": "x", "columns": [0, 1]},
            {"tsv": "x", "source_column": 0, "target_column": 1},
        ),
        (
            "translation",
            {"tsv": "x", "source": 3, "tgt": "y"},
            {"source": "x", "target": "y"},
        ),
        (
            "classification",
            {"tsv": "x", "columns": [2, 0]},
            {"tsv": "x", "text_column": 2, "label_column": 0},
        ),
        (
            "classification",
            {"tsv": "x", "label": 0},
            {"tsv": "x", "text_column": 1, "label_column": 0},
        ),
        ("classification", ["a.txt", "a.label"], {"text": "a.txt", "label": "a.label"}),
        ("language_model", ["a.txt", "b.txt"], {"text": ["a.txt", "b.txt"]}),
    ],
)
def test_the_files_of_a_text_keep_their_places(
    task: str, given: Any, line: Any, tmp_path: Path
) -> None:
    tree = spec(task)
    tree["data"]["train"] = given
    assert f"`train: {flow(line)}`" in mended(dumped(tree), tmp_path / "spec.yaml")


def test_the_references_of_a_text_are_kept(tmp_path: Path) -> None:
    tree, right = spec("translation"), PAIR | {"references": ["c.de"]}
    tree["data"]["test"] = right | {"lang": "de"}
    assert f"`test: {flow(right)}`" in mended(dumped(tree), tmp_path / "spec.yaml")


@pytest.mark.parametrize("task", [*STACKS])
@pytest.mark.parametrize(
    "given", [{"jsonl": "x"}, {"json": "x.json"}, {"parquet": ["x"]}, "x.csv", ["x.csv.gz"]]
)
def test_records_are_said_to_have_no_counterpart(task: str, given: Any, tmp_path: Path) -> None:
    tree = spec(task)
    tree["data"]["train"] = given
    help = mended(dumped(tree), tmp_path / "spec.yaml")
    assert "no counterpart" in help
    assert ": x" not in help.partition("write")[2]


@pytest.mark.parametrize(
    ("path", "value", "line"),
    [
        (("train",), {"steps": 3000}, "`steps: 3000` below `training`"),
        (("valid",), {"every": 10}, "`every: 10` below `training.validation`"),
        (("validation",), {"interval": 10}, "`every: 10` below `training.validation`"),
        (("training", "validation"), {"interval": 10}, "`every: 10`"),
        (("training", "validation"), {"every": 0.5}, "`every: 1000`"),
        (("training", "scheduler"), {"name": "cosine"}, "`kind: cosine`"),
        (("model", "decoder", "activation"), "gelu", "`feed_forward: {activation: gelu}`"),
        (("model", "decoder", "ffn_dim"), 64, "`feed_forward: {d_ff: 64}`"),
        (("model", "decoder", "swiglu"), True, "`feed_forward: {activation: silu, gated: true}`"),
        (("model", "decoder", "bias"), True, "`feed_forward: {bias: true}`"),
        (("model", "decoder", "rope"), True, "`position: rotary`"),
        (("model", "decoder", "self_attention"), {"num_heads": 2}, "`heads: 2`"),
        (("model", "encoder", "layers"), [{"ff_size": 64}], "`feed_forward: {d_ff: 64}`"),
        (("model", "encoder", "window"), 8, "`self_attention: {mask: window(8)}`"),
        (("model", "window"), 8, "`self_attention: {mask: causal & window(8)}`"),
        (("model", "moe"), True, "experts: {count: 8, active: 2}"),
        (("model", "attention", "kv_groups"), 2, "`kv_heads: 2`"),
        (("model", "vocabulary"), "300", "`vocabulary: {size: 300}`"),
        (("model", "vocabulary"), [300, 300], "`vocabulary: {size: 300}`"),
        (("model", "vocabulary"), {"size": [300, 300]}, "`size: 300`"),
        (("model", "norm"), {"type": "rmsnorm"}, "`kind: rms_norm`"),
        (("model", "embedding", "position"), {"type": "rope"}, "`kind: rotary`"),
        (("data", "tokenizer"), {"type": "bpe"}, "`kind: sentencepiece` and `model: bpe`"),
        (("training", "optimizer"), {"name": "AdamW"}, "`kind: adamw`"),
        (("training", "early_stopping"), {"patience": 7}, "`patience: 7`"),
        (("evaluation", "metrics"), ["bleu", "chrf"], "`metric: bleu`"),
        (("evaluation", "metrics"), ["chrF"], "`metric: chrf`"),
        (("evaluation", "tokenize"), "moses", "`tokenize: 13a`"),
        (("decoding", "prefix"), [1, 2], "`prefix: Der`"),
    ],
)
def test_what_the_author_gave_is_kept_where_it_belongs(
    path: tuple[str, ...], value: Any, line: str, tmp_path: Path
) -> None:
    tree = spec("translation")
    set_at(tree, path, value)
    assert line in mended(dumped(tree), tmp_path / "spec.yaml")


def test_a_window_of_a_model_with_one_stack_is_of_that(tmp_path: Path) -> None:
    tree = spec("masked_language_model")
    tree["model"]["window"] = 8
    assert "mask: window(8)" in mended(dumped(tree), tmp_path / "spec.yaml")


def test_training_under_another_name_is_renamed(tmp_path: Path) -> None:
    tree = spec("translation")
    tree["train"] = tree.pop("training")
    assert mended(dumped(tree), tmp_path / "spec.yaml") == "did you mean `training`?"


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("decoding", "repetition_penalty"), 1, "`repetition_penalty: 1` has no effect"),
        (("decoding", "prefix"), "  ", "`prefix` has no effect"),
        (("training", "validation", "patience"), 40, "`patience: 40` has no effect"),
    ],
)
def test_what_has_no_effect_is_told(
    path: tuple[str, ...], value: Any, said: str, tmp_path: Path
) -> None:
    """Every 100 of 4000 updates there is a look, forty in all."""
    tree, file = spec("translation"), tmp_path / "spec.yaml"
    set_at(tree, path, value)
    file.write_text(dumped(tree), encoding="utf-8")
    (found,) = found_in(file)
    assert said in found.message
    if isinstance(value, int) and value > 1:
        set_at(tree, path, value - 1)
        file.write_text(dumped(tree), encoding="utf-8")
        assert found_in(file) == ()


def found_in(file: Path) -> tuple[Diagnostic, ...]:
    """The errors and warnings of a spec."""
    try:
        return tuple(check_spec(str(file)).warnings)
    except Rejected as rejected:
        return rejected.diagnostics
