"""An imported folder that is exported again: the files of each family come back."""

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer

from compiler.spec.load import load
from runtime.export.comparison import Sentences, compare
from runtime.export.exporter import Options
from runtime.export.huggingface.native import NativeExporter
from runtime.export.own_network import OwnNetwork
from runtime.export.source import Exportable
from runtime.published.model import Import
from runtime.run import Run
from tests.runtime.published.folders import KINDS, Published, lines, published

pytestmark = pytest.mark.filterwarnings("ignore")

SHOWN = 4
SUMMED = "embeddings.position_embeddings.weight", "embeddings.token_type_embeddings.weight"
"""Tensors of RoBERTa whose sum is one of ours: the first gets everything."""
ROUNDED = "q_norm.weight", "k_norm.weight"
"""Tensors of Gemma 3 to which an import adds 1: the sum is rounded to float32."""
OF_THE_PROGRAM = {"transformers_version", "dtype", "architectures"}


def exported(theirs: Published, name: str, folder: Path) -> tuple[Exportable, Path]:
    """Return a run of a folder, and the folder that is made of the run."""
    found = Import.of(theirs.folder, folder / "run", languages=KINDS[name].languages)
    found.check()
    found.create()
    run = Run.open(folder / "run")
    exportable = Exportable.of(run, load(str(run.folder / "spec.yaml")))
    out = folder / "out"
    out.mkdir()
    NativeExporter().write(exportable, out, Options())
    return exportable, out


SEEDS = (1, *(pytest.param(each, marks=pytest.mark.slow) for each in (2, 3)))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", KINDS)
def test_the_folder_comes_back(name: str, seed: int, tmp_path: Path) -> None:
    theirs = published(name, seed, tmp_path)
    exportable, out = exported(theirs, name, tmp_path)
    require_equal_tensors(theirs.folder, out)
    before, after = (
        json.loads((each / "config.json").read_text()) for each in (theirs.folder, out)
    )
    kept = before.keys() - OF_THE_PROGRAM
    assert {key: after.get(key) for key in kept} == {key: before[key] for key in kept}
    assert after["architectures"] == before["architectures"]
    before_tokens, after_tokens = (
        Tokenizer.from_file(str(each / "tokenizer.json")) for each in (theirs.folder, out)
    )
    for line in lines()[:100]:
        ids = [
            each.encode(line, add_special_tokens=False).ids
            for each in (before_tokens, after_tokens)
        ]
        assert ids[0] == ids[1], line
    require_same_network(exportable, out)


def require_equal_tensors(before: Path, after: Path) -> None:
    """Bit for bit, but for those that an import computes with."""
    old, new = (load_file(each / "model.safetensors") for each in (before, after))
    assert old.keys() == new.keys()
    for key, tensor in old.items():
        if key.endswith(SUMMED) and "roberta" in key:
            continue
        if key.endswith(ROUNDED):
            torch.testing.assert_close(new[key], tensor, atol=1e-7, rtol=0)
        else:
            assert torch.equal(new[key], tensor), key


def require_same_network(exportable: Exportable, out: Path) -> None:
    """What transformers loads computes what the run does, and writes the same texts."""
    own = OwnNetwork.of(exportable)
    texts = lines()[:SHOWN]
    rows = [each.encode_lines(texts) for each in own.tokenizers]
    reads = exportable.spec.task == "translation"
    sentences = Sentences(lines=list(texts), sources=rows[0] if reads else None, texts=rows[1])
    found = compare(own, NativeExporter().load(out, exportable), sentences)
    assert not found.wrong, found.wrong


def test_halves_come_back_after_a_cast(tmp_path: Path) -> None:
    theirs = published("qwen2", 1, tmp_path)
    theirs.model.to(torch.bfloat16).save_pretrained(theirs.folder)
    _, out = exported(theirs, "qwen2", tmp_path)
    old, new = (load_file(each / "model.safetensors") for each in (theirs.folder, out))
    assert all(torch.equal(new[key].to(each.dtype), each) for key, each in old.items())
