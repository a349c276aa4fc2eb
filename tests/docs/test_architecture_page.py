"""The worked example of docs/architecture.md is what the compiler makes of the page's spec."""

import os
import re
from pathlib import Path

import pytest

from compiler.ir.block import Block, Repeat
from compiler.ir.dump import dump
from compiler.pipeline import CompiledPackage, check_spec, compile_spec
from compiler.source.diagnostic import Rejected

pytestmark = pytest.mark.quick

PAGE = Path(__file__).parents[2] / "docs" / "architecture.md"
EXAMPLE = re.compile(r"(<!-- made by a test: (\w+) -->\n```\w*\n)(.*?)(```\n)", re.DOTALL)


def test_the_worked_example_is_up_to_date(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    page = PAGE.read_text(encoding="utf-8")
    examples = examples_of(page, tmp_path / "tiny.yaml")
    assert {name for _, name, _, _ in EXAMPLE.findall(page)} == set(examples)
    made = EXAMPLE.sub(lambda found: found[1] + examples[found[2]] + found[4], page)
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        PAGE.write_text(made, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == made, "pytest tests/docs --update-golden"


def examples_of(page: str, spec: Path) -> dict[str, str]:
    """Return the text of each example for the first spec of the page, written into a file."""
    found = re.search(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert found
    spec.write_text(found[1], encoding="utf-8")
    package = compile_spec(str(spec))
    ir = dump(self_attention(package.model), "self_attention")
    return {
        "lowered": ir[: ir.index("  start(")],
        "step": ir[ir.index("  step(") : ir.index("  prefill(")],
        "code": class_text(package, "DecoderSelfAttention", "forward", "step"),
        "refused": refusal(spec),
    }


def self_attention(model: Block) -> Block:
    decoder = model.part("decoder")
    assert isinstance(decoder, Block)
    layers = decoder.part("layers")
    assert isinstance(layers, Repeat)
    block = layers.block.part("self_attention")
    assert isinstance(block, Block)
    return block


def class_text(package: CompiledPackage, name: str, *methods: str) -> str:
    """Return the class with its constructor and these methods, without the others."""
    _, _, rest = package.files["model.py"].partition(f"\n\nclass {name}(")
    text = f"class {name}(" + rest.partition("\n\n\n")[0]
    head, *members = re.split(r"\n(?=    def )", text)
    kept = [
        each
        for each in members
        if re.match(rf"    def ({'|'.join(('__init__', *methods))})\(", each)
    ]
    return "\n".join([head, *(each.rstrip() + "\n" for each in kept)])


def refusal(spec: Path) -> str:
    """Return what is said of the spec without the first half of its mask."""
    spec.write_text(spec.read_text(encoding="utf-8").replace("causal & ", ""), encoding="utf-8")
    with pytest.raises(Rejected) as raised:
        check_spec(str(spec))
    return str(raised.value).replace(f"{spec.parent}/", "") + "\n"
