"""Networks of our own as classes of transformers, in the coordinates of each family."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from compiler.export.huggingface.native import nearest
from runtime.export.comparison import largest_difference
from runtime.export.exporter import Options
from runtime.export.huggingface.native import NativeExporter
from runtime.export.own_network import OwnNetwork
from runtime.export.source import Exportable
from runtime.published.model import Import
from runtime.run import Run
from tests.export.random_runs import random_run, random_texts
from tests.support.knobs import Tree

pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore")

CLOSE = 2e-5
ROTARY = {"kind": "rotary"}
LLAMA: Tree = {
    "embedding": {"tied": "none", "scale": "none", "position": ROTARY},
    "norm": {"kind": "rms_norm", "place": "pre", "eps": 1e-6},
    "attention": {"heads": 4, "kv_heads": 2},
    "feed_forward": {"d_ff": 40, "activation": "silu", "gated": True, "bias": False},
    "decoder": {"layers": 2},
}
PAIR: Tree = {
    "attention": {"heads": 4},
    "feed_forward": {"d_ff": 40},
    "encoder": {"layers": 2},
    "decoder": {"layers": 2},
}
GPT2: Tree = {
    "norm": {"place": "pre"},
    "attention": {"heads": 4},
    "feed_forward": {"d_ff": 40},
    "decoder": {"layers": 2},
}
T5: Tree = PAIR | {
    "embedding": {"scale": "none", "position": {"kind": "relative", "buckets": 8}},
    "norm": {"kind": "rms_norm", "place": "pre"},
    "attention": {"heads": 4, "scale": 1.0},
    "feed_forward": {"d_ff": 40, "bias": False},
}
BERT: Tree = {
    "embedding": {"scale": "none", "norm": True, "position": {"kind": "learned", "max_length": 30}},
    "norm": {"place": "post", "eps": 1e-12},
    "attention": {"heads": 4, "bias": True},
    "feed_forward": {"d_ff": 40, "activation": "gelu"},
    "encoder": {"layers": 2},
}
LEARNED = {"kind": "learned", "max_length": 80, "offset": 2}
LM, MT, MLM = "language_model", "translation", "masked_language_model"


def changed(model: Tree, **sections: Any) -> Tree:
    """Return settings of a model with more in some of its sections."""
    return {
        **model,
        **{
            key: model.get(key, {}) | value if isinstance(value, dict) else value
            for key, value in sections.items()
        },
    }


CASES: dict[str, tuple[str, str, Tree]] = {
    "llama": ("llama", LM, LLAMA),
    "tied": ("llama", LM, changed(LLAMA, embedding={"tied": "all"})),
    "neighbours turned": (
        "llama",
        LM,
        changed(LLAMA, embedding={"position": ROTARY | {"layout": "interleaved"}}),
    ),
    "layers in turn": ("llama", LM, changed(LLAMA, decoder={"layers": 3, "distinct": 1})),
    "narrow tables": ("llama", LM, changed(LLAMA, embedding={"width": 8})),
    "narrow keys": (
        "gpt2",
        LM,
        changed(GPT2, attention={"d_k": 3, "d_v": 4, "scale": 0.5}),
    ),
    "partly turned": (
        "phi3",
        LM,
        changed(LLAMA, embedding={"position": ROTARY | {"fraction": 0.5}}),
    ),
    "factors": (
        "llama",
        LM,
        changed(LLAMA, output={"scale": 0.3}, norm={"offset": True})
        | {"feed_forward": LLAMA["feed_forward"] | {"scale": 0.5}},
    ),
    "scaled embeddings": ("llama", LM, changed(LLAMA, embedding={"scale": "sqrt_d_model"})),
    "mistral": ("mistral", LM, changed(LLAMA, attention={"mask": "causal & window(4)"})),
    "qwen2": ("qwen2", LM, changed(LLAMA, attention={"bias": True, "output_bias": False})),
    "mixtral": (
        "mixtral",
        LM,
        changed(LLAMA, feed_forward={"bias": False, "experts": {"count": 3, "active": 2}}),
    ),
    "qwen3_moe": (
        "qwen3_moe",
        LM,
        changed(
            LLAMA,
            attention={"query_key_norm": {"eps": 1e-6}},
            feed_forward={"bias": False, "experts": {"count": 3, "normalize": False}},
        ),
    ),
    "smollm3": (
        "smollm3",
        LM,
        changed(LLAMA, decoder={"layers": [{"repeat": 2}, {"position": "none"}]}),
    ),
    "qwen3": ("qwen3", LM, changed(LLAMA, attention={"query_key_norm": {"eps": 1e-6}})),
    "olmo2": (
        "olmo2",
        LM,
        changed(
            LLAMA,
            norm={"place": "output"},
            attention={"query_key_norm": {"over": "all_heads", "eps": 1e-6}},
        ),
    ),
    "gemma2": (
        "gemma2",
        LM,
        changed(
            LLAMA,
            norm={"place": "sandwich", "offset": True},
            embedding={"tied": "all", "scale": "sqrt_d_model"},
            feed_forward={"activation": "gelu_tanh"},
            attention={"soft_cap": 3.0, "scale": 0.5},
            output={"soft_cap": 5.0},
        ),
    ),
    "gpt2": ("gpt2", LM, GPT2),
    "without positions": ("gpt2", LM, changed(GPT2, embedding={"position": {"kind": "none"}})),
    "marian": ("marian", MT, PAIR),
    "pegasus": ("pegasus", MT, changed(PAIR, norm={"place": "pre"})),
    "bart": (
        "bart",
        MT,
        changed(PAIR, embedding={"norm": True, "position": LEARNED}),
    ),
    "rows before": (
        "bart",
        MT,
        changed(PAIR, embedding={"norm": True, "position": LEARNED | {"offset": 0}}),
    ),
    "mbart": (
        "mbart",
        MT,
        changed(PAIR, embedding={"norm": True, "position": LEARNED}, norm={"place": "pre"}),
    ),
    "t5": ("t5", MT, T5),
    "gated t5": ("t5", MT, changed(T5, feed_forward={"gated": True, "activation": "gelu_tanh"})),
    "distilbert": ("distilbert", MLM, BERT),
    "bert": ("bert", MLM, changed(BERT, embedding={"segments": 2})),
    "classifier": ("bert", "classification", BERT | {"classifier": {"classes": 3}}),
    "embedding": ("distilbert", "embedding", BERT),
}


def tree_of(task: str, model: Tree) -> Tree:
    """Return a small spec whose tokens are letters."""
    names = {MT: ("source", "target"), "classification": ("text", "label")}
    texts = {each: f"{each}.txt" for each in names.get(task, ("text",))}
    if task == "embedding":
        texts = {"source": "a.txt", "target": "b.txt"}
    tree = {
        "name": "some-model",
        "task": task,
        "model": {"d_model": 16, "vocabulary": {"size": 24}, **model},
        "data": {
            "train": texts,
            "valid": texts,
            "max_length": 24,
            "tokenizer": {"kind": "characters"},
        },
        "training": {"batch_tokens": 1000, "steps": 5000},
    }
    alone: Tree = json.loads(json.dumps(tree))  # YAML would write one mapping once
    return alone


def exported(case: str, folder: Path) -> tuple[Exportable, Path, str]:
    """Return a run, the folder that is made of it, and the family."""
    _, task, model = CASES[case]
    _, exportable = random_run(tree_of(task, model), folder)
    native = nearest(exportable.spec)
    assert native is not None
    assert native.is_sayable, native.differences
    out = folder / "out"
    out.mkdir()
    NativeExporter().write(exportable, out, Options())
    return exportable, out, native.family


@pytest.mark.parametrize("case", CASES)
def test_a_class_computes_what_the_run_does(case: str, tmp_path: Path) -> None:
    exportable, out, family = exported(case, tmp_path)
    assert family == CASES[case][0]
    own, theirs = OwnNetwork.of(exportable), NativeExporter().load(out, exportable)
    sources, targets = random_texts(exportable)
    if exportable.spec.model.decoder is None:
        difference = largest_difference(own.outputs(targets), theirs.outputs(targets))
    else:
        given = sources if exportable.spec.model.encoder else None, targets
        difference = largest_difference(
            own.log_probabilities(*given), theirs.log_probabilities(*given)
        )
    assert difference < CLOSE


@pytest.mark.parametrize("case", ["llama", "distilbert", "embedding", "marian"])
def test_an_export_is_imported_as_the_same_network(case: str, tmp_path: Path) -> None:
    exportable, out, _ = exported(case, tmp_path)
    found = Import.of(out, tmp_path / "back")
    found.check()
    comparison = found.create()
    assert comparison is not None
    assert comparison.is_close
    back = Exportable.of(Run.open(tmp_path / "back"), found.compiled.loaded)
    assert back.spec.model.d_model == exportable.spec.model.d_model
    (tmp_path / "again").mkdir()
    NativeExporter().write(back, tmp_path / "again", Options())
    old, new = (
        json.loads((each / "config.json").read_text()) for each in (out, tmp_path / "again")
    )
    assert old == new


def test_trained_rows_that_no_text_has_are_left_out() -> None:
    """A bias of logits that hides a row may have been trained; the row counts for nothing."""
    from compiler.vocabulary.rows import Rows
    from runtime.export.huggingface.native_weights import without_absent_rows

    tensors = {"embedding.weight": torch.ones(4, 2), "output_bias": torch.ones(4)}
    found = without_absent_rows(tensors, Rows((None, 0, 1, 2), 4))
    assert found["embedding.weight"].tolist() == [[0.0, 0.0], [1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]
    assert found["output_bias"].tolist() == [-10000.0, 1.0, 1.0, 1.0]
