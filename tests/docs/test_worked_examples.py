"""Code and messages in two pages of docs/ are what the compiler writes."""

import os
import re
from pathlib import Path

import pytest

from compiler.ir.block import Block, Repeat
from compiler.ir.dump import dump
from compiler.pipeline import CompiledPackage, check_spec, compile_spec
from compiler.source.diagnostic import Rejected

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
EXAMPLE = re.compile(r"(<!-- made by a test: (\w+) -->\n```\w*\n)(.*?)(```\n)", re.DOTALL)


def test_the_worked_example_of_the_architecture_is_up_to_date(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    page = ROOT / "docs" / "architecture.md"
    text = page.read_text(encoding="utf-8")
    compare(page, examples_of(text, tmp_path / "tiny.yaml"), request)


def test_the_code_in_the_first_steps_is_up_to_date(request: pytest.FixtureRequest) -> None:
    code = class_text(compile_spec("demo"), "DecoderSelfAttention", "forward", "step")
    compare(ROOT / "docs" / "first_steps.md", {"demo": code}, request)


def compare(page: Path, examples: dict[str, str], request: pytest.FixtureRequest) -> None:
    """Compare the examples of a page with these, by name, or write them into it."""
    text = page.read_text(encoding="utf-8")
    assert {name for _, name, _, _ in EXAMPLE.findall(text)} == set(examples)
    made = EXAMPLE.sub(lambda found: found[1] + examples[found[2]] + found[4], text)
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        page.write_text(made, encoding="utf-8")
    assert page.read_text(encoding="utf-8") == made, "pytest tests/docs --update-golden"


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
