"""The source map: every line of code has the settings that it comes from, and no others move it."""

import random
from pathlib import Path

import pytest

from compiler.pipeline import compile_loaded
from compiler.source_map import SourceMap, source_map
from compiler.spec.load import load
from tests.support.source_maps import programs, unnamed, without_origin

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
    *("model.attention.sinks=true", "model.attention.output_gate=element"),
    *("model.attention.output_gate=head", "model.attention.differential=true"),
    "model.attention.temperature={kind: position, length: 8, offset: 1}",
    "model.attention.temperature={kind: logarithm, length: 64}",
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
    *("training.optimizer=lion", "training.z_loss=1e-4", "training.optimizer.kind=adamw"),
    *("training.optimizer=muon", "training.optimizer={kind: muon, scale: original}"),
    *("training.optimizer=adafactor", "training.optimizer=sgd", "training.batching=padded"),
    *("training.optimizer.betas=[0.9, 0.99]", "training.optimizer.eps=1e-8", "decoding.beam=2"),
    *("model.encoder.block=[self_attention]", "data.max_length=64"),
    "model.decoder.block=[[self_attention, feed_forward], cross_attention]",
]
"""One for each setting of the demo that has a part in its code, and some that have none."""


@pytest.mark.quick
@pytest.mark.parametrize("name", LIBRARY)
def test_every_line_of_code_comes_from_a_few_settings(name: str) -> None:
    loaded = load(name)
    found = source_map(loaded)
    assert found.files == compile_loaded(loaded).files
    assert all("model.parameters()) ==" in each for each in without_origin(found))


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
    assert "model.py:22: - HEADS = 4" in found


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
