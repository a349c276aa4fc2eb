"""No field of the language is dead: changing any of them changes something that can be seen.

Each field in turn gets another value, on a model where it should matter. Either the generated code
changes (which holds architecture, initialisation, loss and recipe), or a short run is made of both
specs and compared: its data, its training, its translations, its scores, its length.
"""

import hashlib
import json
import random
import types
from collections.abc import Iterator
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
import pytest
import torch
from pydantic import BaseModel
from pydantic.fields import FieldInfo
from sentencepiece import SentencePieceTrainer
from torch import nn

from compiler.pipeline import CompiledPackage, compile_spec
from compiler.spec.decoding import Decoding
from compiler.spec.fields import members
from compiler.spec.position import AttentionPosition, kinds_of
from compiler.spec.spec import Spec
from compiler.vocabulary.foreign import SYMBOLS
from runtime.command.train import with_steps
from runtime.data.batches import Examples
from runtime.data.prepare import prepare
from runtime.inference.generator import Generator
from runtime.inference.translator import Translator
from runtime.run import Run
from runtime.scoring.likelihood import measure_language_model
from runtime.scoring.measures import read_scoring_set
from runtime.scoring.score import score
from runtime.scoring.translations import greedy_bleu
from runtime.training import recomputation
from runtime.training.train import train

pytestmark = pytest.mark.quick

TIMES = {"seconds", "tokens_per_second"}
WORDS = [f"w{number:02}" for number in range(16)]
HEAD = """\
name: alive
task: TASK
model:
  d_model: 16
  vocabulary: {size: ROWS}
  dropout: 0.1
  attention: {heads: 2}
  feed_forward: {d_ff: 16}
"""
REST = """\
  tokenizer: {kind: segmented}
  max_length: 20
training:
  batch_tokens: 120
  steps: 6
  precision: float32
  schedule: {warmup_steps: 2, peak: 0.01}
  validation: {every: 3}
"""
PAIRS = """\
  encoder: {layers: 1}
  decoder: {layers: 1}
data:
  folder: FOLDER
  train: {source: train.source, target: train.target}
  valid: {source: valid.source, target: valid.target}
  test: {source: test.source, target: test.target}
"""
TEXTS = """\
data:
  folder: FOLDER
  train: {text: train.source}
  valid: {text: valid.source}
  test: {text: test.source}
"""
LABELS = """\
  encoder: {layers: 1}
  classifier: {classes: 3}
data:
  folder: FOLDER
  train: {text: train.source, label: train.label}
  valid: {text: valid.source, label: valid.label}
  test: {text: test.source, label: test.label}
"""
EMBEDDED = PAIRS.replace("  decoder: {layers: 1}\n", "")
SPECS = {
    "translation": PAIRS + REST + "decoding: {beam: 3, max_extra_length: 6}\n",
    "language_model": "  decoder: {layers: 1}\n" + TEXTS + REST,
    "masked_language_model": "  encoder: {layers: 1}\n" + TEXTS + REST,
    "classification": LABELS + REST,
    "embedding": EMBEDDED + REST,
}
"""One of each task, below `HEAD`; a field is changed in the first in which it matters."""

PARTS = ("train", "valid", "test")
LABELLED = "{{tsv: {part}.labelled.tsv, text_column: 0, label_column: 1}}"
SEPARATE = (
    *("model.vocabulary.shared=false", "model.vocabulary.source=18", "model.vocabulary.target=18"),
    "model.embedding.tied=target",
)
DRAWN = "decoding.temperature=1.5"
TASKS: dict[str, str] = {
    "model.prediction": "masked_language_model",
    "model.embedding.segments": "masked_language_model",
    "training.masking": "masked_language_model",
    "model.documents": "language_model",
    "training.context_warmup": "language_model",
    "data.tokenizer.symbols.mask": "masked_language_model",
    "model.classifier": "classification",
    "model.pooling": "embedding",
    "training.contrast": "embedding",
    **{f"data.{part}.text": "language_model" for part in PARTS},
    **{f"data.{part}.label": "classification" for part in PARTS},
}
"""Of fields that mean nothing to a translation."""

PIECES = ("data.tokenizer.kind=sentencepiece", "model.vocabulary.size=30")
LIBRARY = ("data.tokenizer={kind: tokenizers, file: given.json}", "model.vocabulary.size=21")
GIVEN = "data.tokenizer.file=spm.model"
LOOKS = ("training.validation.every=1", "training.validation.bleu=true")
TEMPERATURES = ("position", "logarithm")
STACKS, PLACES = ("encoder", "decoder"), ("self_attention", "cross_attention")
SIDE_BY_SIDE = {
    "encoder": "[[self_attention, feed_forward]]",
    "decoder": "[[self_attention, feed_forward], cross_attention]",
}


def two_masks(first: int, mask: str) -> str:
    """Of the first heads of four, and of the others."""
    others = "dilated(2) & causal"
    return f'[{{heads: {first}, mask: "{mask}"}}, {{heads: {4 - first}, mask: "{others}"}}]'


CONTEXTS: dict[str, tuple[str, ...]] = {
    **{
        f"model.{stack}.norm.joint": (
            "model.norm.place=pre",
            f"model.{stack}.block={SIDE_BY_SIDE[stack]}",
        )
        for stack in STACKS
    },
    **{
        f"model.{stack}.residual": ("model.norm.place=pre", f"model.{stack}.residual.streams=2")
        for stack in STACKS
    },
    **{f"model.{stack}.d_model": ("model.embedding.tied=target",) for stack in STACKS},
    **{f"model.{stack}.layers.distinct": (f"model.{stack}.layers=2",) for stack in STACKS},
    **{
        f"model.{stack}.layers.{place}.query_key_norm": (
            f"model.{stack}.{place}.query_key_norm.kind=rms_norm",
        )
        for stack in STACKS
        for place in PLACES
    },
    **{
        f"model.{stack}.layers.self_attention.temperature:{kind}": (
            f"model.{stack}.self_attention.temperature={{kind: {kind}, length: 4}}",
        )
        for stack in STACKS
        for kind in TEMPERATURES
    },
    **{
        f"model.{stack}.layers.self_attention.query_key_norm.place": (
            f"model.{stack}.position=rotary",
        )
        for stack in STACKS
    },
    **{
        f"model.{stack}.layers.{place}.latent": (
            f"model.{stack}.{place}.latent={{keys_and_values: 6, rotary: 2}}",
        )
        for stack in STACKS
        for place in PLACES
    },
    **{
        f"model.{stack}.layers.{place}.mask:head_masks": (
            f"model.{stack}.{place}.heads=4",
            f"model.{stack}.{place}.mask={two_masks(1, 'window(0)')}",
        )
        for stack in STACKS
        for place in PLACES
    },
    **{f"model.{stack}.norm.first": ("model.norm.place=pre",) for stack in STACKS},
    **{f"model.{stack}.position.after_norm": ("model.embedding.norm=true",) for stack in STACKS},
    "model.embedding.segments": ("model.embedding.segments=2",),
    "model.kernel": ("model.attention={heads: 2, d_k: 16, d_v: 16}",),
    "model.vocabulary.source": SEPARATE,
    "model.vocabulary.target": SEPARATE,
    "model.vocabulary.size": (),
    "model.initialization:mup": (
        "model.initialization={kind: mup, base_width: 8}",
        "model.embedding.scale=none",
    ),
    "decoding:Sampling": (DRAWN,),
    **{
        f"data.{part}:LabelledColumns": (f"data.{part}={LABELLED.format(part=part)}",)
        for part in PARTS
    },
    **{f"data.{part}:{form}": () for part in PARTS for form in ("TextFiles", "LabelledFiles")},
    **{f"data.{part}:RunningText": (f"data.{part}.running=true",) for part in PARTS},
    **{
        f"model.{each}.norm.offset": ("model.norm.kind=rms_norm",)
        for each in ("encoder", "decoder")
    },
    **{
        f"model.{stack}.position:learned": (f"model.{stack}.position=learned", "data.max_length=9")
        for stack in STACKS
    },
    **{
        f"model.{stack}.layers.position.scaling:{kind}": (
            f"model.{stack}.position.scaling.kind={kind}",
            f"model.{stack}.position.scaling.factor=8.0",
            *((f"model.{stack}.position.scaling.original_length=64",) if kind != "linear" else ()),
        )
        for stack in STACKS
        for kind in ("linear", "llama3", "yarn")
    },
    **{
        f"model.{each}.layers.feed_forward.{key}": (f"model.{each}.feed_forward.gated=true",)
        for each in STACKS
        for key in ("clamp", "up_offset")
    },
    **{
        f"model.{each}.layers.feed_forward.experts:Experts": ("model.feed_forward.experts.count=8",)
        for each in STACKS
    },
    **{
        f"model.{each}.layers.feed_forward.experts.{place}": (
            f"model.{each}.feed_forward.experts.{section}={value}",
        )
        for each in STACKS
        for place, section, value in (
            ("groups:ExpertGroups", "groups", "{count: 4, active: 2}"),
            ("correction:Correction", "correction", "{rate: 0.01}"),
            ("shared:SharedExpert", "shared", "{d_ff: 8}"),
        )
    },
    **{
        f"model.{stack}.layers.{mixer}:{name}": (
            f"model.{stack}.block=[{mixer}, {others}]",
            f"model.{stack}.{mixer}.{first}",
        )
        for stack, others in (("encoder", "feed_forward"), ("decoder", "cross_attention"))
        for mixer, name, first in (
            ("recurrence", "Recurrence", "kind=lstm"),
            ("convolution", "Convolution", "kind=gated"),
            ("short_convolution", "ShortConvolution", "width=3"),
            ("linear_attention", "LinearAttention", "heads=2"),
            ("state_space", "StateSpace", "heads=2"),
            ("delta_net", "DeltaNet", "heads=2"),
        )
    },
    **{
        f"model.{stack}.layers.linear_attention.rank": (
            f"model.{stack}.linear_attention.decay=number",
        )
        for stack in STACKS
    },
    "data.train:TabSeparated": ("data.train.tsv=train.tsv",),
    "data.valid:TabSeparated": ("data.valid.tsv=valid.tsv",),
    "data.test:TabSeparated": ("data.test.tsv=test.tsv",),
    "data.tokenizer:sentencepiece": PIECES,
    "data.tokenizer:tokenizers": LIBRARY,
    "data.tokenizer.symbols:TokenizerSymbols": ("data.tokenizer.symbols={unknown: <unk>}",),
    "data.tokenizer.merges": (
        *("data.tokenizer.file=vocab.json", "data.tokenizer.merges=merges.txt"),
        "model.vocabulary.size=23",
    ),
    "data.tokenizer:bytes": ("data.tokenizer=bytes", "model.vocabulary.size=260"),
    "data.tokenizer.sampling": ("data.tokenizer.model=unigram",),
    "data.tokenizer.byte_fallback": (
        *("data.train.source=varied.source", "data.train.target=varied.target"),
        "model.vocabulary.size=320",
    ),
    "training.minutes": ("training.schedule.kind=linear",),
    "training.validation.metric": LOOKS,
    "training.schedule:warmup_stable_decay": (
        "training.schedule.kind=warmup_stable_decay",
        "training.schedule.decay_steps=2",
    ),
    "training.optimizer:schedule_free": (
        "training.optimizer.kind=schedule_free",
        "training.schedule.kind=constant",
    ),
    "training.batch_warmup:BatchWarmUp": ("training.accumulate=2", "training.batch_warmup.steps=3"),
    "training.context_warmup:ContextWarmUp": (
        "training.context_warmup.steps=3",
        "training.context_warmup.start=2",
    ),
    "training.ema:MovingAverage": ("training.ema.decay=0.5",),
    "decoding.stop": ("training.steps=40", "decoding.length_penalty=2.0"),
    "evaluation.stride": ("data.test.running=true",),
    "evaluation.checkpoint": ("training.validation.every=1", "training.schedule.peak=0.5"),
    "training.validation.patience": ("training.validation.every=1", "training.schedule.peak=0.5"),
}
"""Settings that make a field, or the fields of a member of a union, matter."""

VALUES: dict[str, str] = {
    "model.embedding.width": "8",
    **{f"model.{stack}.d_model": "8" for stack in STACKS},
    **{f"model.{stack}.distinct": "1" for stack in STACKS},
    "name": "other",
    "summary": "another",
    "model.vocabulary.shared": "false",
    "model.encoder.self_attention.mask": "causal",
    "model.decoder.self_attention.mask": "causal & window(1)",
    "model.decoder.cross_attention.mask": "window(1)",
    **{
        f"model.{stack}.{place}.mask.{key}": masks
        for stack in STACKS
        for place in PLACES
        for key, masks in {
            "heads": two_masks(2, "window(0)"),
            "mask": two_masks(1, "causal & window(1)"),
        }.items()
    },
    "data.folder": "OTHER",
    "data.max_length": "5",
    **{f"data.{part}.source_column": "2" for part in PARTS},
    **{f"data.{part}.part": "[0.0, 0.5]" for part in PARTS},
    "data.tests": "{new: {source: test.source, target: test.target}}",
    **{f"data.{part}.references": f"[other-{part}.target]" for part in ("valid", "test")},
    **{f"data.{part}.reference_columns": "[2]" for part in ("valid", "test")},
    "data.tokenizer.character_coverage": "0.98",
    "data.tokenizer.joiner": '"1"',
    "data.tokenizer.file": "spm.model",
    "data.tokenizer.merges": "other-merges.txt",
    "data.tokenizer.user_symbols": "[w03]",
    "data.tokenizer.dropout": "0.5",
    "data.tokenizer.sampling": "0.2",
    "data.tokenizer.model": "unigram",
    "data.tokenizer.normalization": "nfkc_cf",
    **{f"data.tokenizer.symbols.{symbol}": "w05" for symbol in SYMBOLS},
    "training.validation.every": "2",
    "training.batch_tokens": "80",
    "training.optimizer.clip_threshold": "2.0",
    "training.clip_norm": "0.001",
    "training.precision": "bfloat16",
    "training.epochs": "1",
    "training.minutes": "5",
    "training.validation.patience": "1",
    "decoding.max_length": "2",
    "decoding.min_length": "5",
    "decoding.no_repeat_ngram": "1",
    "decoding.repetition_penalty": "5.0",
    "decoding.prefix": "w03 w01",
    "decoding.ends": "[w01, w03]",
    "model.classifier.classes": "4",
    "model.pooling.width": "8",
    "evaluation.metric": "chrf",
    "evaluation.tokenize": "char",
    "evaluation.stride": "5",
    "training.masking.share": "0.6",
    "decoding.top_k": "2",
    "decoding.top_p": "0.01",
    **{f"data.{part}.label_column": "2" for part in PARTS},
    **{f"data.{part}.text_column": "3" for part in PARTS},
    "model.encoder.block": "[feed_forward, self_attention]",
    "model.decoder.block": "[cross_attention, self_attention, feed_forward]",
    **{f"model.{stack}.{place}.kv_heads": "1" for stack in STACKS for place in PLACES},
    **{f"model.{stack}.{place}.latent.queries": "5" for stack in STACKS for place in PLACES},
    **{f"model.{stack}.{place}.scale": "0.5" for stack in STACKS for place in PLACES},
    **{f"model.{stack}.{place}.soft_cap": "2.0" for stack in STACKS for place in PLACES},
    **{f"model.{stack}.position.max_length": "30" for stack in STACKS},
    **{f"model.{stack}.position.offset": "2" for stack in STACKS},
    **{f"model.{stack}.position.fraction": "0.5" for stack in STACKS},
    **{f"model.{stack}.position.buckets": "16" for stack in STACKS},
    **{f"model.{stack}.layer_scale": "0.5" for stack in STACKS},
    **{f"model.{stack}.position.scaling.attention_factor": "1.5" for stack in STACKS},
    **{f"model.{stack}.norm.first": "false" for stack in STACKS},
    "model.encoder.convolution.width": "5",
    "model.encoder.short_convolution.width": "5",
    **{f"model.{stack}.linear_attention.rank": "4" for stack in STACKS},
    **{f"model.{stack}.state_space.groups": "2" for stack in STACKS},
    **{f"model.{stack}.delta_net.key_heads": "1" for stack in STACKS},
    "model.output.soft_cap": "20.0",
    "model.initialization.base_d_k": "3",
    **{f"model.{stack}.feed_forward.clamp": "1.0" for stack in STACKS},
    "model.encoder.feed_forward.experts.active": "1",
    "model.decoder.feed_forward.experts.active": "1",
    **{f"model.{stack}.feed_forward.experts.normalize": "false" for stack in STACKS},
    **{f"model.{stack}.feed_forward.experts.groups.count": "8" for stack in STACKS},
    **{f"model.{stack}.feed_forward.experts.groups.active": "3" for stack in STACKS},
}
"""Another value, where it cannot be made up from the value that is there."""

VALUES_OF_CONTEXTS: dict[tuple[str, str], str] = {
    ("data.tokenizer.file", LIBRARY[0]): "other.json",
}
"""Another value of a field of several kinds, by a setting of its kind."""

ELSEWHERE = {("data.tokenizer.model", LIBRARY[0])}
"""Fields whose other value needs further settings, by a setting of their kind.

Models of `kind: tokenizers` stand in the place of a file: tests/runtime/data/ compares them.
"""

SECTIONS_OF_CONTEXTS: dict[tuple[str, str], tuple[str, ...]] = {
    ("data.tokenizer.symbols", PIECES[0]): (GIVEN,),
}
"""Settings that make the fields of a section matter, by a setting of the kind that it stands in."""

MATRICES = ("linear_attention", "state_space", "delta_net")
FIXED = {
    *("spec_version", "task", "data.train.references", "data.train.reference_columns"),
    *("model.decoder.recurrence.bidirectional", "model.decoder.convolution.causal"),
    "model.decoder.short_convolution.causal",
    *(f"model.decoder.{mixer}.bidirectional" for mixer in MATRICES),
    *(f"data.{part}.running" for part in PARTS),
    *("data.valid.shifted", "data.test.shifted"),
    "model.decoder.cross_attention.query_key_norm.place",
    "model.decoder.cross_attention.value_embedding",
}
"""With one possible value."""

MOVED = {
    *(f"model.{stack}.position:{kind}" for stack in STACKS for kind in kinds_of(AttentionPosition)),
    "model.encoder.layers.cross_attention:Attention",
    *(f"model.decoder.layers.cross_attention.temperature:{kind}" for kind in TEMPERATURES),
    *(f"data.tests:{form}" for form in ("parallel", "tsv", "text", "running")),
    *(f"data.tests:{form}" for form in ("labelled", "labelled_tsv")),
}
"""What layers hold after inheritance, what an encoder cannot have, and what has names."""

CONSEQUENCES = {
    "model.vocabulary.shared": SEPARATE[1:],
    "training.minutes": ("training.steps=null",),
}
"""What must be written with the other value."""


def leaves(
    section: type[BaseModel], path: tuple[str, ...] = (), context: tuple[str, ...] = ()
) -> Iterator[tuple[str, FieldInfo, tuple[str, ...]]]:
    """Every field that holds a value, with the settings that make it matter."""
    for name, field in section.model_fields.items():
        place = ".".join((*path, name))
        own = (*context, *CONTEXTS.get(place, ()))
        found = members(field)
        if not found or as_written(place) in VALUES:
            yield place, field, own
        for tag, member in found.items():
            if f"{place}:{tag}" in MOVED:
                continue
            chosen = CONTEXTS.get(f"{place}:{tag}") or CONTEXTS.get(f"{place}:{member.__name__}")
            several = len(set(found.values())) > 1 and tag not in ("tsv", "parallel")
            kind = (f"{as_written(place)}.kind={tag}",) if several and chosen is None else ()
            within = [SECTIONS_OF_CONTEXTS.get((place, each), ()) for each in own]
            further = (*chain.from_iterable(within), *kind, *(chosen or ()))
            yield from leaves(member, (*path, name), (*own, *further))


def as_written(place: str) -> str:
    """What all layers have is written beside their number."""
    return place.replace("layers.repeat", "layers").replace("layers.", "")


def setting(place: str, value: str) -> str:
    """What changes a field; the masks of groups of heads are written together."""
    holder, is_listed, _ = place.partition(".mask.")
    return f"{holder}.mask={value}" if is_listed else f"{place}={value}"


def words(annotation: Any) -> list[str]:
    """The choices among words."""
    if get_origin(annotation) is Literal:
        return [str(each) for each in get_args(annotation)]
    if get_origin(annotation) in (Union, types.UnionType):
        return [word for arm in get_args(annotation) for word in words(arm)]
    return []


def other_value(place: str, field: FieldInfo, value: object) -> str | None:
    """What to write instead of `value`; None where there is nothing else."""
    if place in FIXED or (place.endswith(".kind") and len(words(field.annotation)) == 1):
        return None
    if place in VALUES:
        return VALUES[place]
    if isinstance(value, bool) or (value is None and bool in get_args(field.annotation)):
        return "false" if value is True else "true"
    if choice := [word for word in words(field.annotation) if word != value]:
        return choice[-1]
    if isinstance(value, int):
        return str(2 * value or 1)
    if isinstance(value, float):
        return f"{value / 2 or 0.1:g}"
    if isinstance(value, list):
        return str([each / 2 for each in value])
    if isinstance(value, str):
        return f"other-{value}"
    raise AssertionError(f"{place}: another value than {value!r} must be given in VALUES")


FIELDS = {
    f"{place} {' '.join(context)}".strip(): (place, field, context)
    for place, field, context in leaves(Spec)
    if DRAWN not in context or place.removeprefix("decoding.") not in Decoding.model_fields
}


@pytest.fixture(scope="module")
def specs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec of each task beside two folders of text."""
    folder = tmp_path_factory.mktemp("alive")
    for number, name in enumerate(("text", "OTHER")):
        write_text(folder / name, random.Random(number))
        write_tokenizers(folder / name)
    for task, rest in SPECS.items():
        rows = "21" if task == "masked_language_model" else "18"
        text = HEAD.replace("TASK", task).replace("ROWS", rows) + rest
        (folder / f"{task}.yaml").write_text(text.replace("FOLDER", str(folder / "text")))
    return folder


def task_of(place: str, context: tuple[str, ...]) -> str:
    """The task of the spec in which a field is changed."""
    if any("label_column" in setting for setting in context):
        return "classification"
    if DRAWN in context or any(".running=" in setting for setting in context):
        return "language_model"
    found = (TASKS[key] for key in TASKS if f"{place}.".startswith(f"{key}."))
    return next(found, "translation")


def write_text(folder: Path, draw: random.Random) -> None:
    folder.mkdir()
    parts = {"train": 60, "valid": 10, "test": 8}
    for part, lines in (parts | {f"other-{part}": lines for part, lines in parts.items()}).items():
        pairs = [draw.choices(WORDS, k=draw.randint(2, 9)) for _ in range(lines)]
        if part.endswith("train"):
            pairs += [WORDS, ["rare\u00e9", "w011", "W021"]]
        source = [" ".join(pair) for pair in pairs]
        target = [" ".join(pair[::-1]) for pair in pairs]
        for side, text in (("source", source), ("target", target)):
            (folder / f"{part}.{side}").write_text("".join(f"{line}\n" for line in text))
        labels = [f"l{draw.randrange(3)}" if line > 2 else f"l{line}" for line in range(len(pairs))]
        (folder / f"{part}.label").write_text("".join(f"{label}\n" for label in labels))
        write_columns(folder / f"{part}.tsv", source, target, source[::-1])
        write_columns(folder / f"{part}.labelled.tsv", source, labels, labels[::-1], target)
    varied = [" ".join("".join(draw.choices("abcdefgh", k=5)) for _ in range(2)) for _ in range(60)]
    for side in ("source", "target"):
        (folder / f"varied.{side}").write_text("".join(f"{line}\n" for line in varied))


def write_tokenizers(folder: Path) -> None:
    """Write a model of sentencepiece, and vocabularies of the library `tokenizers`."""
    SentencePieceTrainer.train(
        input=str(folder / "train.target"),
        model_prefix=str(folder / "spm"),
        vocab_size=30,
        user_defined_symbols="w05,<mask>",
        minloglevel=2,
        **{"pad_id": 0, "unk_id": 1, "bos_id": 2, "eos_id": 3},
    )
    names = ["<pad>", "<unk>", "<s>", "</s>", "<mask>"]
    for name, words_of in (("given", WORDS), ("other", WORDS[::-1])):
        vocab = {each: number for number, each in enumerate([*names, *words_of])}
        model = {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}
        tree = {"version": "1.0", "pre_tokenizer": {"type": "WhitespaceSplit"}, "model": model}
        (folder / f"{name}.json").write_text(json.dumps(tree))
    parts = [*"w0123456789rae\u0120\u00c3\u00a9", "01", "11"]  # letters and digits do not merge
    vocab = {each: number for number, each in enumerate(parts)}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n0 1\n1 1\n")
    (folder / "other-merges.txt").write_text("0 1\n")


def write_columns(path: Path, *columns: list[str]) -> None:
    rows = zip(*columns, strict=True)
    path.write_text("".join("\t".join(row) + "\n" for row in rows))


@pytest.fixture
def seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """seen(package): all that a short run shows, by name."""
    compiled: list[object] = []

    def note(function: Any, **_: object) -> Any:
        compiled.append(function)
        return function

    monkeypatch.setattr(torch, "compile", note)
    recomputed: list[object] = []

    def checkpointed(function: Any, *inputs: Any, **_: object) -> Any:
        recomputed.append(function)
        return function(*inputs)

    monkeypatch.setattr(recomputation, "checkpoint", checkpointed)

    def look(package: CompiledPackage) -> dict[str, object]:
        compiled.clear()
        recomputed.clear()
        place = tmp_path / str(len(list(tmp_path.iterdir())))
        package.write(place / "package")
        bleu = greedy_bleu(package.spec) if package.spec.training.validation.bleu else None
        summary = train(
            place / "package",
            place / "run",
            cache=tmp_path / "cache",
            score=bleu,
            with_steps=with_steps,
            report=lambda _: None,
        )
        return {
            "compiled": len(compiled),
            "recomputed": len(recomputed),
            "end": (summary.reason, summary.step, summary.best_step, summary.best_score),
            "figures": figures(place / "run" / "metrics.jsonl"),
            **data_of(package, tmp_path),
            **results_of(Run.open(place / "run")),
        }

    return look


def figures(path: Path) -> list[dict[str, object]]:
    """The metrics of a run, but for the time that it took."""
    lines = map(json.loads, path.read_text().splitlines())
    return [{key: line[key] for key in line.keys() - TIMES} for line in lines]


def data_of(package: CompiledPackage, folder: Path) -> dict[str, object]:
    prepared = prepare(package.spec, folder / "cache", report=lambda _: None)
    parts = {"train": prepared.train, "valid": prepared.valid, **prepared.tests}
    return {part: digest(each) for part, each in parts.items()}


def digest(examples: Examples) -> str:
    batch = examples.collate(np.arange(len(examples)))
    arrays = (*batch.inputs, batch.places, batch.labels)
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def results_of(run: Run) -> dict[str, object]:
    return {
        "translation": translation_results,
        "language_model": generation_results,
        "masked_language_model": lambda _: {},
        "classification": lambda _: {},
        "embedding": lambda _: {},
    }[run.package.spec.task](run)


def generation_results(run: Run) -> dict[str, object]:
    generator = Generator(scrambled(run.load_model()), run.tokenizers()[0], run.package.spec)
    measures = measure_language_model(run, "test").measures
    return {
        "texts": generator.generate(["w01 w02", "", "w03"]),
        "measures": {each.name: each.value for each in measures},
    }


def translation_results(run: Run) -> dict[str, object]:
    _, target = run.tokenizers()
    text = read_scoring_set(run.package.spec, "test", target)
    scores = score(["W01 w02, x"], ["w01 w02 , x"], run.package.spec.evaluation)
    weights = run.load_model().state_dict()
    return {
        "weights": [tensor.sum(dtype=torch.float64).item() for tensor in weights.values()],
        "short": translations(run, run.load_model(), text.sources),
        "long": translations(run, scrambled(run.load_model()), text.sources),
        "references": text.references,
        "further": [
            read_scoring_set(run.package.spec, split, target).further for split in ("valid", "test")
        ],
        "scores": asdict(scores),
    }


def translations(run: Run, model: nn.Module, sources: list[str]) -> list[tuple[str, float]]:
    translator = Translator(model, *run.tokenizers(), run.package.spec)
    return [(best.text, best.score) for best, *_ in translator.translate_n_best(sources, 1)]


def scrambled(model: nn.Module) -> nn.Module:
    """With weights so large that translations become long and different."""
    torch.manual_seed(7)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter))
    return model


def code(package: CompiledPackage) -> list[str]:
    """What is run or tested: the lock alone always changes."""
    return [text for name, text in package.files.items() if name.endswith(".py")]


@pytest.mark.parametrize("field", FIELDS)
def test_every_field_changes_something(field: str, specs: Path, seen: Any) -> None:
    place, info, context = FIELDS[field]
    spec = str(specs / f"{task_of(place, context)}.yaml")
    before = compile_spec(spec, context)
    value: Any = before.spec
    for step in place.split("."):
        value = getattr(value[0] if isinstance(value, list) else value, step)
    place = as_written(place)
    of_context = (VALUES_OF_CONTEXTS.get((place, each)) for each in context)
    other = next(filter(None, of_context), None) or other_value(place, info, value)
    if other is None or any((place, each) in ELSEWHERE for each in context):
        pytest.skip("there is only one value")
    if place == "data.folder":
        other = str(specs / other)
    settings = [*context, setting(place, other), *CONSEQUENCES.get(place, ())]
    after = compile_spec(spec, settings)
    if code(before) == code(after):
        assert seen(before) != seen(after), f"{place}: {value} and {other} make no difference"
