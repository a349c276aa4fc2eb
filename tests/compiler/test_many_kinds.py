"""More kinds of layers than there are letters, and kinds that differ in cross-attention alone."""

import ast
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from compiler.pipeline import compile_spec
from tests.support.packages import compile_tree, import_package

pytestmark = pytest.mark.quick

CASE = Path(__file__).parents[1] / "cases" / "two-cross-masks" / "spec.yaml"


def test_letters_go_on_after_z(tmp_path: Path) -> None:
    spec = yaml.safe_load(CASE.read_text())
    kinds = [{"self_attention": {"mask": f"causal & window({n})"}} for n in range(1, 31)]
    spec["model"]["decoder"] = {"layers": kinds}
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(spec))
    tree = ast.parse(compile_spec(str(path)).files["model.py"])
    names = [each.name for each in tree.body if isinstance(each, ast.ClassDef | ast.FunctionDef)]
    assert "decoder_ad_reads" in names
    assert "DecoderSelfAttentionAD" in names
    assert len(names) == len(set(names))


def test_local_attentions_of_one_model_may_differ(tmp_path: Path) -> None:
    """One drops weights, the other groups heads and scales scores: one helper serves both."""
    files = {"text": "a"}
    mask = "causal & window(2)"
    kinds: list[dict[str, Any]] = [
        {"self_attention": {"dropout": 0.3, "mask": mask}},
        {"self_attention": {"kv_heads": 1, "scale": 0.7, "mask": mask}},
    ]
    tree: dict[str, Any] = {
        "name": "kinds",
        "task": "language_model",
        "model": {
            "d_model": 8,
            "vocabulary": {"size": 30},
            "attention": {"heads": 2},
            "feed_forward": {"d_ff": 8},
            "decoder": {"layers": kinds},
        },
        "data": {"train": {**files}, "valid": {**files}, "test": {**files}},
        "training": {"batch_tokens": 1000, "steps": 5000},
    }
    model = import_package(compile_tree(tree, tmp_path), tmp_path).Model()
    text = torch.randint(4, 30, (2, 21))
    whole, part = model.eval()(text), model(text[:, :3])
    torch.testing.assert_close(whole[:, :3], part)
    model.train()(text).sum().backward()


def test_one_loop_calls_layers_of_several_kinds() -> None:
    """Layers take the masks that any layer of their list reads, and ignore those of the others."""
    code = compile_spec(str(CASE)).files["model.py"]
    assert "self.layers = Layers([DecoderLayerA(), DecoderLayerB()])" in code
    assert code.count("for layer, state in zip(self.layers, states, strict=True):") == 2
    assert "_source_mask_global: Tensor" in code
    assert "_source_mask_local: Tensor" in code
