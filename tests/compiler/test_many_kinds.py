"""More kinds of layers than there are letters, and kinds that differ in cross-attention alone."""

import ast
from pathlib import Path

import pytest
import yaml

from compiler.pipeline import compile_spec

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
