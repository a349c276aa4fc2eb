"""The tables of docs/memory.md are those of `specformer explain`."""

import pytest

from compiler.explain import explain
from compiler.page.text import text
from compiler.pipeline import compile_spec
from runtime.command.explain import memory_table
from tests.docs.test_worked_examples import ROOT, compare

pytestmark = pytest.mark.quick


def test_the_tables_of_memory_are_up_to_date(request: pytest.FixtureRequest) -> None:
    base = compile_spec("transformer-base")
    sizes = {"base": 1, "shares": 8}
    tables = {name: memory_table(explain(base, 32, gpus)) for name, gpus in sizes.items()}
    examples = {name: text(table) for name, table in tables.items()}
    compare(ROOT / "docs" / "memory.md", examples, request)
