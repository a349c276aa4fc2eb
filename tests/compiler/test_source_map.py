"""The source map: every line of code has the settings that it comes from, and no others move it."""

import ast
import random
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path

import pytest

from compiler.pipeline import compile_loaded
from compiler.source_map import MOST, Setting, SourceMap, source_map
from compiler.spec.load import load
from compiler.spec.spec import Spec

LIBRARY = sorted(
    path.stem for folder in ("specs", "specs/variants") for path in Path(folder).glob("*.yaml")
)
CHANGES = [
    *("model.d_model=64", "model.vocabulary.size=300", "model.dropout=0", "model.dropout=0.2"),
    *("model.norm.place=post", "model.norm.place=sandwich", "model.norm.place=deep"),
    *("model.norm.kind=rms_norm", "model.norm.eps=1e-6", "model.norm.bias=false"),
    *("model.norm.final=false", "model.attention.heads=8", "model.attention.d_k=16"),
    *("model.attention.d_v=16", "model.attention.kv_heads=2", "model.attention.bias=true"),
    *("model.attention.output_bias=true", "model.attention.dropout=0.1"),
    *("model.attention.scale=0.5", "model.attention.soft_cap=20.0"),
    *("model.attention.query_key_norm.kind=rms_norm", "model.encoder.layers=3"),
    *("model.decoder.self_attention.mask=causal & window(4)", "model.decoder.layers=4"),
    *("model.encoder.self_attention.mask=window(4)", "model.encoder.attention.heads=2"),
    *("model.decoder.feed_forward.d_ff=64", "model.feed_forward.d_ff=64"),
    *("model.feed_forward.activation=gelu", "model.feed_forward.gated=true"),
    *("model.feed_forward.bias=false", "model.feed_forward.dropout=0.1"),
    *("model.feed_forward.scale=0.5", "model.feed_forward.experts.count=4"),
    *("model.embedding.position=rotary", "model.embedding.position=alibi"),
    *("model.embedding.position=learned", "model.embedding.position=none"),
    *("model.embedding.tied=none", "model.embedding.tied=target", "model.embedding.scale=none"),
    *("model.embedding.norm=true", "model.embedding.width=32", "model.output.bias=true"),
    *("model.output.scale=0.5", "model.output.soft_cap=20.0", "model.initialization=fairseq"),
    *("model.initialization={kind: normal, std: 0.02}", "model.kernel=flex"),
    *("model.initialization={kind: scaled, std: 0.02}", "model.encoder.stochastic_depth=0.1"),
    *("training.label_smoothing=0", "training.schedule.warmup_steps=100"),
    *("training.schedule.peak=0.001", "training.schedule.start=0.0001"),
    *("training.schedule={kind: cosine, warmup_steps: 10, peak: 0.001}", "training.seed=3"),
    *("training.schedule={kind: constant, peak: 0.001}", "training.optimizer=adamw"),
    *("training.optimizer=adafactor", "training.optimizer=sgd", "training.batching=padded"),
    *("training.optimizer.betas=[0.9, 0.99]", "training.optimizer.eps=1e-8", "decoding.beam=2"),
    *("model.encoder.block=[self_attention]", "data.max_length=64"),
    "model.decoder.block=[[self_attention, feed_forward], cross_attention]",
]
"""One for each setting of the demo that has a part in its code, and some that have none."""


def code_lines(text: str) -> set[int]:
    """Return the lines of code, from 0 on, in classes and functions, and those of constants."""
    inside, words, constants = set[int](), set[int](), set[int]()
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            first = min(each.lineno for each in (node, *node.decorator_list))
            inside |= set(range(first, (node.end_lineno or 0) + 1))
            if ast.get_docstring(node, clean=False) is not None:
                words |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            constants.add(node.lineno)
    lines = text.split("\n")
    return {each - 1 for each in (inside - words) | constants if lines[each - 1].strip()}


def programs(found: SourceMap) -> dict[str, str]:
    return {name: text for name, text in found.files.items() if name.endswith(".py")}


@pytest.mark.quick
@pytest.mark.parametrize("name", LIBRARY)
def test_every_line_of_code_comes_from_a_few_settings(name: str) -> None:
    loaded = load(name)
    found = source_map(loaded)
    assert found.files == compile_loaded(loaded).files
    for file, text in programs(found).items():
        for line in code_lines(text):
            settings = found.lines[file][line]
            assert 1 <= len(settings) <= MOST, f"{file}:{line + 1}"
            assert all(path not in ("", "model") for each in settings for path in each.paths)


def leaves(value: object, path: str = "") -> Iterator[tuple[str, object]]:
    """Yield the settings of a spec with their paths."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}.{key}" if path else key)
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for number, below in enumerate(value):
            yield from leaves(below, f"{path}.{number}")
    else:
        yield path, value


def changed(before: Spec, after: Spec) -> set[str]:
    """Return the paths of the settings that differ."""
    one, other = (dict(leaves(each.model_dump(exclude_none=True))) for each in (before, after))
    return {path for path in one.keys() | other.keys() if one.get(path) != other.get(path)}


def unnamed(before: SourceMap, after: SourceMap) -> list[str]:
    """Return the lines of code that differ though no setting that differs is named as their cause.

    A line that is another one now is named before or after. Lines that only moved are as they were.
    Whether a file is there at all depends on the whole network.
    """
    paths = changed(before.loaded.spec, after.loaded.spec)
    found = []
    for name in programs(before).keys() & programs(after).keys():
        sides = [(each.files[name].split("\n"), each.lines[name]) for each in (before, after)]
        code = [code_lines(each.files[name]) for each in (before, after)]
        counts = [Counter(lines) for lines, _ in sides]
        matcher = SequenceMatcher(None, sides[0][0], sides[1][0], autojunk=False)
        for kind, *ends in matcher.get_opcodes():
            wrong, is_named = [], False
            for side, places in enumerate((range(*ends[:2]), range(*ends[2:]))):
                lines, causes = sides[side]
                for line in places if kind != "equal" else ():
                    has_moved = counts[0][lines[line]] == counts[1][lines[line]]
                    if line not in code[side] or has_moved:
                        continue
                    if names(causes[line], paths):
                        is_named = True
                    else:
                        wrong.append(f"{name}:{line + 1}: {lines[line]}")
            found += wrong if kind != "replace" or not is_named else []
    return found


def names(settings: tuple[Setting, ...], paths: set[str]) -> bool:
    return any(each.covers(path) for each in settings for path in paths)


@pytest.fixture(scope="module")
def demo() -> SourceMap:
    return source_map(load("demo"))


@pytest.mark.quick
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_moves_only_lines_that_name_it(demo: SourceMap, change: str) -> None:
    after = source_map(load("demo", [change]))
    assert not unnamed(demo, after)
    is_of_code = not change.startswith(("training.seed", "training.batching", "decoding", "data"))
    assert (programs(demo) != programs(after)) is is_of_code


@pytest.mark.quick
def test_a_line_that_names_nothing_is_noticed(demo: SourceMap) -> None:
    """A source map without causes fails the test above, so that test can fail."""
    after = source_map(load("demo", ["model.attention.heads=8"]))
    blind = {name: [() for _ in lines] for name, lines in demo.lines.items()}
    found = unnamed(
        SourceMap(loaded=demo.loaded, files=demo.files, lines=blind),
        SourceMap(loaded=after.loaded, files=after.files, lines={**after.lines, **blind}),
    )
    assert "model.py:22: HEADS = 4" in found


def settings_at(found: SourceMap, file: str, code: str) -> list[str]:
    line = found.files[file].split("\n").index(code)
    return [each.name for each in found.lines[file][line]]


@pytest.mark.quick
def test_constants_come_from_their_own_setting(demo: SourceMap) -> None:
    assert settings_at(demo, "model.py", "D_FF = 512") == ["model.feed_forward.d_ff"]
    assert settings_at(demo, "model.py", "ENCODER_LAYERS = 2") == ["model.encoder.layers"]
    assert settings_at(demo, "training.py", "PEAK = 0.003")[0] == "training.schedule.peak"


@pytest.mark.quick
def test_a_default_says_what_it_follows_from(demo: SourceMap) -> None:
    line = demo.files["model.py"].split("\n").index("D_K = 32")
    (setting,) = demo.lines["model.py"][line]
    assert setting.name == "model.attention.d_k"
    assert setting.span is None
    assert [each.name for each in setting.follows] == ["model.attention.heads", "model.d_model"]


@pytest.mark.quick
def test_changes_of_a_changed_spec_are_named_as_well() -> None:
    """Two changes at random, one after the other; a pair that is no spec is left out."""
    draw = random.Random(17)
    for _ in range(6):
        first, second = draw.sample(CHANGES[:11] + CHANGES[28:34], 2)
        if first.split("=")[0] == second.split("=")[0]:
            continue
        before = source_map(load("demo", [first]))
        assert not unnamed(before, source_map(load("demo", [first, second]))), (first, second)
