"""Folders with any values in their JSON files: an import, or mistakes of the user; no traceback."""

import json
import shutil
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from tests.runtime.published.folders import published

pytestmark = pytest.mark.filterwarnings("ignore")

NAMES = ("llama", "bert-classifier", "gemma3", "bart", "t5", "roberta")
MOST = 30
"""Entries of a mapping or a list that are changed: a vocabulary has many more, all alike."""
FILES = {
    "config.json": {
        "rope_scaling": {"rope_type": "linear", "factor": 2.0},
        "sliding_window": 4,
        "eos_token_id": [1, 2],
        "layer_types": ["full_attention"],
        "head_dim": 4,
    },
    "generation_config.json": {"eos_token_id": [1, 2], "repetition_penalty": 1.1},
    "tokenizer_config.json": {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": {"content": "</s>"},
        "additional_special_tokens": ["<s>"],
    },
}
"""Files, with keys that they may have beside their own."""
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 70),
    st.floats(-2, 2, allow_nan=False),
    st.sampled_from(["", "x", "gelu", "7", "full_attention", "</s>"]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab01"), inner, max_size=3)
    ),
    max_leaves=4,
)


@cache
def _place() -> TemporaryDirectory[str]:
    return TemporaryDirectory()


@cache
def _folder(name: str) -> Path:
    place = Path(_place().name)
    return published(name, 1, place).folder


@pytest.fixture(scope="module", autouse=True)
def _clean() -> Iterator[None]:
    yield
    _folder.cache_clear()
    _place().cleanup()
    _place.cache_clear()


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the places of a tree, but not those of the many tokens of a vocabulary."""
    if path:
        yield path
    inner = tree.items() if isinstance(tree, dict) else ()
    inner = enumerate(tree) if isinstance(tree, list) else inner
    for key, each in islice(inner, MOST):
        yield from places(each, (*path, key))


def with_value(tree: Any, path: tuple[Any, ...], value: Any) -> None:
    """Put a value at a place of a tree."""
    for step in path[:-1]:
        tree = tree[step]
    tree[path[-1]] = value


@settings(max_examples=12, deadline=None, phases=[Phase.generate])
@given(data=st.data())
@pytest.mark.parametrize("file", [*FILES, "tokenizer.json"])
def test_any_value_is_read_or_refused(file: str, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(NAMES))
    with TemporaryDirectory() as temporary, pytest.MonkeyPatch.context() as patch:
        folder = Path(temporary, name)
        shutil.copytree(_folder(name), folder)
        path = folder / file
        tree = json.loads(path.read_text()) if path.is_file() else {}
        more = deepcopy(FILES.get(file, {}))
        tree |= {key: each for key, each in more.items() if data.draw(st.booleans())}
        assume(tree)
        place = data.draw(st.sampled_from(list(places(tree))))
        with_value(tree, place, data.draw(VALUES))
        path.write_text(json.dumps(tree))
        patch.setattr("runtime.published.model.can_compare", lambda: False)
        before, out = sorted(Path(temporary).rglob("*")), Path(temporary, "run")
        code = imported(folder, out, patch)
        assert code in (0, 2)
        if code:
            assert sorted(Path(temporary).rglob("*")) == before


def imported(folder: Path, out: Path, patch: pytest.MonkeyPatch) -> int:
    """Return the exit code of the command; an error without words of its own is raised."""
    from runtime.command import app

    patch.setattr("sys.argv", ["specformer", "import", str(folder), "--out", str(out)])
    with pytest.raises(SystemExit) as ended:
        app.main()
    return int(ended.value.code or 0)
