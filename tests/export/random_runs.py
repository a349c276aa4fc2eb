"""Runs of random specs with random weights, to be exported and compared."""

import itertools
import json
import random
import string
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from unittest import mock

import torch
from hypothesis import HealthCheck, Phase, given, seed, settings

from compiler.export.target import refusals
from compiler.export.targets import TARGETS
from compiler.pipeline import CompiledPackage
from compiler.source.diagnostic import Rejected
from compiler.spec.tasks import TASKS
from runtime.data.symbols import NAMES, NAMES_WITH_MASK
from runtime.data.tokenizers.characters import CharacterTokenizer
from runtime.export.source import Exportable
from runtime.package import load_package
from runtime.weights.run import create_published
from tests.support.knobs import DRAWN, KNOBS, Tree
from tests.support.packages import compile_tree
from tests.support.strategies import specs

PLAIN = {
    "width_of_a_stack": (None,),
    "d_v": (None,),
    "activation": ("relu", "gelu", "silu"),
    "experts": (None,),
    "norm": ("layer_norm", "rms_norm"),
    "place": ("post", "pre"),
    "eps": (1e-5,),
    "final": (None,),
    "soft_cap": (None,),
    "output_scale": (1.0,),
    "position": ("sinusoidal", {"kind": "learned", "max_length": 24}, "rotary"),
    "position_of_decoder": (None,),
    "score_cap": (None,),
    "query_key_norm": (None,),
    "encoder_mask": (None,),
    "decoder_mask": (None,),
    "cross_mask": (None,),
    "block": (None,),
    "kernel": ("auto",),
    "kinds_of_layers": (1,),
    "own_settings": (False,),
    "mixer": (None,),
    "first": (None,),
    "latent": (None,),
    "sinks": (None,),
    "temperature": (None,),
    "differential": (None,),
    "value_embedding": (None,),
    "output_gate": (None,),
    "residual": (None,),
    "layer_scale": (None,),
    "clamp": (None,),
    "up_offset": (None,),
    "initialization": ("xavier", "fairseq"),
    **{knob: (None,) for knob in KNOBS if knob.endswith("_head_mask")},
}
"""Values of knobs of which published models are made: formats of other programs can say these."""


PUBLISHED = PLAIN | {
    "d_k": (None,),
    "output_bias": (False,),
    "shared": (True,),
    "tied": ("all",),
    "gated": (False,),
    "norm": ("layer_norm",),
    "place": ("pre",),
    "position": ("sinusoidal",),
    "kv_heads": (None,),
    "embedding_norm": (False,),
    "embedding_width": (None,),
    "attention_scale": (None,),
    "activation": ("relu", "gelu"),
}
"""Values of which GPT-2, Marian and Pegasus are made, in other coordinates."""


def trees(count: int) -> list[Tree]:
    """Return random specs, always the same ones, of all tasks in turn.

    Every second one has plain settings alone, and a decoder; of these every second one has those
    of published models.
    """
    each = count // (2 * len(TASKS)) + 1
    seeds = itertools.count()
    every = [_drawn(each, task, {}, next(seeds)) for task in TASKS]
    decoders = [task for task, found in TASKS.items() if "decoder" in found.stacks]
    plain = [
        _drawn(len(TASKS) * each // len(decoders) + 1, task, knobs, next(seeds))
        for task in decoders
        for knobs in (PLAIN, PUBLISHED)
    ]
    pairs = zip(_in_turn(every), _in_turn(plain), strict=False)
    return [tree for pair in pairs for tree in pair][:count]


def _in_turn(lists: list[list[Tree]]) -> list[Tree]:
    return [tree for together in zip(*lists, strict=True) for tree in together]


def _drawn(count: int, task: str, knobs: dict[str, tuple[object, ...]], start: int) -> list[Tree]:
    """Return specs of as many networks; `start` is the seed of the generator."""
    found: dict[str, Tree] = {}

    @seed(start)
    @settings(
        max_examples=3 * count + 10,
        phases=(Phase.generate,),
        database=None,
        derandomize=False,
        suppress_health_check=list(HealthCheck),
    )
    @given(tree=specs(("task", task)))
    def collect(tree: Tree) -> None:
        drawn = with_few_layers(tree)
        found.setdefault(json.dumps(drawn["model"], sort_keys=True), drawn)

    with mock.patch.dict(KNOBS, knobs), _uncounted():
        collect()
    return list(found.values())[1 : count + 1]  # the first one is the least of all


@contextmanager
def _uncounted() -> Iterator[None]:
    """Values that are drawn here do not count among those that other tests have tried."""
    before = deepcopy(DRAWN)
    yield
    DRAWN.clear()
    DRAWN.update(before)


def with_few_layers(tree: Tree) -> Tree:
    """Return a spec with at most two layers of a kind, whose tokens are characters."""
    tree = deepcopy(tree)
    tree["data"]["tokenizer"] = {"kind": "characters"}
    tree.pop("decoding", None)
    for stack in (each for name, each in tree["model"].items() if name in ("encoder", "decoder")):
        if isinstance(stack["layers"], int):
            stack["layers"] = min(stack["layers"], 2)
        else:
            stack["layers"][0]["repeat"] = 1
    return tree


def random_run(tree: Tree, folder: Path) -> tuple[CompiledPackage, Exportable]:
    """Return the run of a spec, with weights as it begins them and biases that are not zero."""
    package = compile_tree(tree, folder)
    package.write(folder / "package")
    loaded = load_package(folder / "package")
    spec = loaded.spec
    torch.manual_seed(0)
    model = loaded.model_class()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    symbols = NAMES_WITH_MASK if TASKS[spec.task].symbols > len(NAMES) else NAMES
    rows = spec.model.vocabulary
    sizes = [rows.size] if rows.size else [rows.source, rows.target]
    both = [
        CharacterTokenizer(string.ascii_lowercase[: (size or 0) - len(symbols)], symbols)
        for size in sizes
    ]
    run = create_published(
        folder / "run",
        loaded,
        model.state_dict(),
        (both[0], both[-1]),
        ["one", "two", "three"] if spec.task == "classification" else [],
        {},
        {},
    )
    return package, Exportable.of(run, package.loaded)


def random_texts(exportable: Exportable, count: int = 6) -> tuple[list[list[int]], list[list[int]]]:
    """Return tokens of sources and of targets, of unequal lengths, without symbols."""
    draw = random.Random(0)
    first = TASKS[exportable.spec.task].symbols

    def text(size: int) -> list[int]:
        return [draw.randrange(first, size) for _ in range(draw.randint(1, 9))]

    source, target = (each.size for each in exportable.tokenizers)
    return [text(source) for _ in range(count)], [text(target) for _ in range(count)]


def able(package: CompiledPackage) -> list[str]:
    """Return the formats that can say a spec."""
    return [name for name, each in TARGETS.items() if not refusals(each, package.loaded)]


def is_right(tree: Tree, folder: Path) -> bool:
    """Return whether a spec compiles: a narrowed one may ask for what does not go together."""
    try:
        compile_tree(tree, folder)
    except Rejected:
        return False
    return True
