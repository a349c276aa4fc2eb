"""Which parameters Muon makes orthogonal, and in which parts: the table in `training.py`."""

import importlib
from fnmatch import fnmatchcase
from pathlib import Path

import pytest
from torch import nn

from compiler.explain import explain
from compiler.pipeline import compile_spec
from tests.support.packages import import_package

pytestmark = pytest.mark.quick

Table = dict[str, tuple[int, ...]]

MUON = ("training.optimizer=muon", "training.schedule.peak=0.001")
CASES = Path(__file__).parents[1] / "cases"
SOME = (
    *("paper", "experts", "gated", "recurrence", "convolution", "classification"),
    *("masked-language-model", "embedding", "layers-of-kinds", "relative", "language-model"),
)


def table_of(name: str, folder: Path, *settings: str) -> tuple[nn.Module, Table]:
    """Return a model and the table of its `training.py`."""
    package = compile_spec(str(CASES / name / "spec.yaml"), [*MUON, *settings])
    module = import_package(package, folder)
    table: Table = importlib.import_module(f"{module.__name__}.training").HIDDEN_MATRICES
    return module.Model(), table


@pytest.mark.parametrize("name", SOME)
def test_they_are_all_linear_maps_but_output_layers(name: str, tmp_path: Path) -> None:
    model, table = table_of(name, tmp_path)
    expected = {
        f"{path}.{parameter}"
        for path, module in model.named_modules()
        if isinstance(module, nn.Linear | nn.GRU | nn.LSTM) and path not in ("classifier", "output")
        for parameter, each in module.named_parameters()
        if each.ndim == 2
    }
    found = set()
    for parameter, each in model.named_parameters():
        for pattern, rows in table.items():
            if fnmatchcase(parameter, pattern):
                assert sum(rows) == each.shape[0], f"{parameter}: {pattern}"
                found.add(parameter)
    assert found == expected
    assert all(any(fnmatchcase(name, pattern) for name in found) for pattern in table)


def test_what_is_several_matrices_has_the_rows_of_each(tmp_path: Path) -> None:
    settings = ("model.attention.kv_heads=1", "model.feed_forward.gated=true")
    _, table = table_of("language-model", tmp_path, *settings)
    parts = {name.rsplit(".", 2)[1]: len(rows) for name, rows in table.items()}
    assert parts["query_key_value"] == 3
    assert parts["hidden"] == 2 or parts["gate_up"] == 2


def test_memory_is_one_mean_of_matrices_and_two_of_all_else() -> None:
    adam, muon = (explain(compile_spec("demo", list(each)), 32) for each in ((), MUON))
    saved = adam.memory_bytes - muon.memory_bytes
    assert 0.5 * 4 * adam.parameters < saved < 4 * adam.parameters
