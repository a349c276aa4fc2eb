"""The pages about costs and checkpoints, and the words in them."""

import json
from dataclasses import asdict

import pytest

from compiler.diff.checkpoint import checkpoint_difference, checkpoint_section
from compiler.diff.cost import CostDifference, cost_difference, cost_section
from compiler.explain import explain
from compiler.format import engineering, of_bytes
from compiler.page.model import Paragraph, Section, Table
from compiler.pipeline import CompiledPackage, compile_spec
from compiler.weights.names import name_ranges

pytestmark = pytest.mark.quick


def base(*settings: str) -> CompiledPackage:
    return compile_spec("transformer-base", settings)


def costs(*settings: str, length: int = 32) -> CostDifference:
    return cost_difference(base(), base(*settings), length)


def rows(section: Section, table: int) -> dict[str, tuple[str, ...]]:
    found = [each for each in section.parts if isinstance(each, Table)][table]
    assert all(len(row) == len(found.columns) for row in found.rows)
    return {row[0]: row[1:] for row in found.rows}


def test_base_against_big() -> None:
    section = cost_section(cost_difference(base(), compile_spec("transformer-big")))
    totals, parts = rows(section, 0), rows(section, 1)
    assert totals["parameters"] == ("63,045,632", "214,171,648", "+151,126,016 (+240%)")
    assert totals["cache after 32 tokens"] == ("1.5 MiB", "3 MiB", "+1.5 MiB (+100%)")
    assert parts["encoder.layers.feed_forward"][0] == "+37.8 M (+300%)"
    assert parts["embedding"][-1] == ""


def test_only_what_differs_is_shown() -> None:
    section = cost_section(costs("model.encoder.layers=4"))
    assert set(rows(section, 1)) == {
        *(f"encoder.layers.{each}" for each in ("self_attention", "feed_forward")),
        *(f"encoder.layers.{each}_norm" for each in ("self_attention", "feed_forward")),
        "between the parts",
    }
    assert rows(section, 0)["cache after 32 tokens"] == ("1.5 MiB", "1.5 MiB", "")


def test_a_model_of_the_same_cost() -> None:
    (part,) = cost_section(costs("model.attention.heads=4")).parts
    assert part == Paragraph(text="The same in every part: 63,045,632 parameters.")


def test_a_window_bounds_a_cache() -> None:
    window = "model.decoder.self_attention.mask=causal & window(100)"
    short, long = costs(window), costs(window, length=500)
    assert short.total.cache_bytes.delta == 0
    assert not short.is_equal
    section = cost_section(short)
    assert rows(section, 1) == {"decoder.layers.self_attention": ("", "", "", "grows otherwise")}
    words = "24 KiB a position, 101 at most"
    assert any(isinstance(each, Paragraph) and words in each.text for each in section.parts)
    kept = long.total.cache_bytes
    assert (kept.before, kept.after) == (24 * 1024 * 1000, 24 * 1024 * (500 + 101))


def test_a_recurrence_keeps_as_much_whatever_the_length() -> None:
    settings = ("model.recurrence={kind: lstm}", "model.decoder.block=[recurrence, feed_forward]")
    package = compile_spec("language-model", settings)
    kept = [cost_difference(package, package, each).total for each in (8, 800)]
    assert kept[0].cache_bytes == kept[1].cache_bytes
    assert " a position" not in kept[0].cache[0]


def test_parts_that_one_side_alone_has() -> None:
    found = {each.part: each.only for each in costs("model.norm.place=pre").parts}
    assert found["encoder.norm"] == "after"
    assert "encoder.norm (new)" in rows(cost_section(costs("model.norm.place=pre")), 1)
    turned = cost_difference(base("model.norm.place=pre"), base())
    assert "encoder.norm (gone)" in rows(cost_section(turned), 1)


def test_layers_of_several_kinds_are_one_part() -> None:
    kinds = "model.encoder.layers=[{repeat: 5, self_attention: {mask: window(9)}}, {repeat: 1}]"
    assert not [each for each in costs(kinds).parts if each.only or "[" in each.part]


def test_both_are_data() -> None:
    found = costs("model.encoder.layers=4"), checkpoint_difference(base(), base())
    assert all(json.loads(json.dumps(asdict(each))) for each in found)


def test_a_deeper_model_in_words() -> None:
    difference = checkpoint_difference(base(), base("model.encoder.layers=8"))
    section = checkpoint_section(difference)
    assert section.parts[0] == Paragraph(
        text="A checkpoint loads in part: 63 M of 69.3 M parameters, 90.9%."
    )
    assert rows(section, 0)["encoder.layers.{6..7}.self_attention.output.weight"] == ("is new",)


def test_what_fits_is_shown_where_that_is_less() -> None:
    section = checkpoint_section(checkpoint_difference(base(), base("model.d_model=256")))
    names = [f"{each}.layers.{{0..5}}.feed_forward.hidden.bias" for each in ("encoder", "decoder")]
    assert list(rows(section, 0)) == names


def test_other_shapes_are_told_from_what_is_new() -> None:
    section = checkpoint_section(checkpoint_difference(base(), base("model.vocabulary.size=100")))
    assert rows(section, 0) == {"embedding.weight": ("has another shape",)}


@pytest.mark.parametrize(
    ("settings", "lines"),
    [
        (
            "model.embedding.tied=none",
            [
                "source_embedding.weight: embedding.weight",
                "target_embedding.weight: embedding.weight",
                "projection.weight: embedding.weight",
            ],
        ),
        (
            "model.encoder.layers=2",
            [
                "encoder.layers.{n}.self_attention_norm.bias: "
                "encoder.layers.{n}.self_attention_norm.bias",
                "- encoder.layers.*.self_attention_norm.bias",
            ],
        ),
    ],
)
def test_maps(settings: str, lines: list[str]) -> None:
    text = checkpoint_difference(base(), base(settings)).map
    assert set(lines) <= {line.strip() for line in text.splitlines()}


def test_one_layer_that_becomes_several() -> None:
    shared = base("model.encoder.layers=[{repeat: 6, distinct: 1}]")
    found = checkpoint_difference(shared, base())
    assert found.verdict == "with a map"
    line = "encoder.layers.{n}.feed_forward.output.bias: encoder.layers.0.feed_forward.output.bias"
    assert line in found.map


def test_long_lists_shortly() -> None:
    names = [
        *(f"a.layers.{n}.experts.{m}.{kind}" for n in range(3) for m in (0, 1) for kind in "xy"),
        *("a.layers.7.b.weight", "a.layers.5.b.weight", "c", "norm.weight"),
    ]
    assert name_ranges(names) == (
        "a.layers.{0..2}.experts.{0..1}.{x,y}",
        "a.layers.5.b.weight",
        "a.layers.7.b.weight",
        "c",
        "norm.weight",
    )


def test_numbers_for_people() -> None:
    assert [engineering(each) for each in (0, 999, 2_256_000)] == ["0", "999", "2.26 M"]
    assert engineering(999_700) == "1 M"
    assert of_bytes(999.7 * 1024) == "0.976 MiB"
    assert [of_bytes(each) for each in (0, 768, 24 * 1024, 1023 * 1024)] == [
        *("0 B", "768 B", "24 KiB", "0.999 MiB")
    ]


def test_explain_speaks_of_the_text_and_not_of_its_segments() -> None:
    segments = ["model.embedding.segments=2"]
    assert explain(compile_spec("masked-language-model", segments), 16).stream == "source"


def test_what_is_written_out_is_kept_for_the_gradient() -> None:
    """Weights and what dropout makes of them, 8 heads of 16 positions that read 16."""
    plain, dropped = (
        explain(compile_spec("transformer-base", [f"model.attention.dropout={rate}"]), 16)
        for rate in (0, 0.1)
    )
    attentions = 6 + 2 * 6
    assert dropped.activation_bytes - plain.activation_bytes == attentions * 2 * 8 * 16 * 4
