"""A text that is longer than a table of positions is refused with an explanation."""

from types import ModuleType

import pytest
import torch

from compiler.pipeline import compile_spec
from tests.support.packages import import_package

pytestmark = pytest.mark.quick
SMALL = (
    *("model.d_model=8", "model.attention.heads=2", "model.feed_forward.d_ff=8"),
    *("model.vocabulary.size=20", "model.encoder.layers=1", "model.decoder.layers=1"),
    *("data.max_length=6", "model.embedding.position.kind=learned"),
    "model.embedding.position.max_length=6",
)


@pytest.fixture(scope="module", params=[0, 2])
def package(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> ModuleType:
    """Six positions, after so many rows of the table that no token has."""
    sets = (*SMALL, f"model.embedding.position.offset={request.param}")
    return import_package(compile_spec("demo", sets), tmp_path_factory.mktemp("positions"))


@pytest.mark.parametrize(("source", "target"), [(7, 2), (2, 7), (20, 1)])
def test_a_text_beyond_the_table_is_refused(package: ModuleType, source: int, target: int) -> None:
    model, ones = package.Model().eval(), torch.ones(2, 20, dtype=torch.long)
    rows = model.source_position.num_embeddings
    message = rf"expected positions below {rows}.*got position {max(source, target) - 7 + rows}"
    with pytest.raises(ValueError, match=message):
        model(ones[:, :source], ones[:, :target])


def test_a_text_as_long_as_the_table_is_read(package: ModuleType) -> None:
    model, ones = package.Model().eval(), torch.ones(2, 6, dtype=torch.long)
    assert model(ones, ones).isfinite().all()


def test_a_step_beyond_the_table_is_refused(package: ModuleType) -> None:
    model, one = package.Model().eval(), torch.ones(2, 1, dtype=torch.long)
    state = model.start(one)
    for _ in range(6):
        model.step(one, 0 * one, state)
    with pytest.raises(ValueError, match="got position"):
        model.step(one, 0 * one, state)
