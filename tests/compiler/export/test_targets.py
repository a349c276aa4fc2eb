"""Every format speaks of every setting; refusals stand at their lines, and name what can say it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from compiler.export.report import page_of, reasons, report_on
from compiler.export.target import Place, Table, Target, Verdicts, dotted, refusals
from compiler.export.targets import TARGETS, require_sayable
from compiler.export.verdict import refused, said, said_otherwise, without_effect
from compiler.page.text import lines
from compiler.source.diagnostic import Rejected
from compiler.spec.fields import members
from compiler.spec.load import Loaded, load
from compiler.spec.spec import Spec
from compiler.spec.walk import sections_below, sections_in
from tests.support.specs import good_specs

pytestmark = pytest.mark.quick


def leaves(spec: Spec) -> Iterator[str]:
    """The paths of all settings that hold a value, and no section."""
    for section, path in sections_below(spec):
        for name in type(section).model_fields:
            place = Place(spec=spec, section=section, path=(*path, name))
            if not list(sections_in(place.value)) and not place.is_absent_section:
                yield dotted(place.path)


def unspoken(verdicts: Verdicts, spec: Spec) -> list[str]:
    """The settings without a verdict of their own or on a section that holds them."""
    wholes = {path for path, each in verdicts.items() if each.is_about_all_below}

    def is_spoken_of(path: str) -> bool:
        steps = path.split(".")
        above = {".".join(steps[:end]) for end in range(1, len(steps))}
        return path in verdicts or not wholes.isdisjoint(above)

    return [path for path in leaves(spec) if not is_spoken_of(path)]


def keys_of_the_language() -> set[tuple[str, str]]:
    """Each section that a spec may have, with each of its settings that may hold a value."""
    found: set[tuple[str, str]] = set()
    open_sections: list[type[BaseModel]] = [Spec]
    seen: set[type[BaseModel]] = set()
    while open_sections:
        section = open_sections.pop()
        if section in seen:
            continue
        seen.add(section)
        for name, field in section.model_fields.items():
            below = [*members(field).values()]
            open_sections += below
            found |= set() if below else {(section.__name__, name)}
    return found


def test_the_specs_of_the_tests_have_every_setting_of_the_language() -> None:
    """So that what follows speaks of every setting, too, of one that is added tomorrow."""
    there = {
        (type(section).__name__, name)
        for loaded in good_specs().values()
        for section, _ in sections_below(loaded.spec)
        for name in type(section).model_fields
    }
    assert keys_of_the_language() - there == set()


@pytest.mark.parametrize("name", TARGETS)
def test_a_format_speaks_of_every_setting(name: str) -> None:
    for spec, loaded in good_specs().items():
        verdicts = TARGETS[name].verdicts(loaded)
        assert unspoken(verdicts, loaded.spec) == [], spec
        for path, verdict in verdicts.items():
            is_explained = verdict.status == "supported" or verdict.words
            assert is_explained, f"{spec}: {path} is {verdict.status}, and nobody says why"


@pytest.mark.parametrize("name", TARGETS)
def test_a_format_is_called_by_its_name_and_has_an_exporter(name: str) -> None:
    from runtime.export.exporters import EXPORTERS

    target = TARGETS[name]
    assert target.name == name == EXPORTERS[name].name
    words = target.option.split()
    assert words[:2] == ["--to", name.partition("-")[0]]
    assert words[2:] == (["--as", name.partition("-")[2]] if "-" in name else [])


EVERYTHING = {
    "Spec Model Vocabulary Embedding Output Stack Norm LayerGroup Attention FeedForward": said(),
    "SinusoidalPosition NoPosition SentencePieceTokenizer Decoding Data": said(),
}


def table(**rules: object) -> Table:
    """A format that can say what `demo` has, but for settings such as `Attention__heads`."""
    changed = {name.replace("__", "."): rule for name, rule in rules.items()}
    return Table(name="t", title="T", option="--to t", rules={**EVERYTHING, **changed})  # type: ignore[dict-item]


@pytest.fixture
def demo() -> Loaded:
    return load("demo")


def test_a_setting_without_a_rule_is_an_error_of_the_table(demo: Loaded) -> None:
    rules = {key.replace("Output ", ""): rule for key, rule in EVERYTHING.items()}
    with pytest.raises(LookupError, match=r"t has no rule for Output\.bias"):
        Table(name="t", title="T", option="", rules=rules).verdicts(demo)


def test_a_hole_in_a_table_of_verdicts_is_found(demo: Loaded) -> None:
    verdicts = dict(table().verdicts(demo))
    assert unspoken(verdicts, demo.spec) == []
    del verdicts["model.encoder.layers.0.self_attention.heads"]
    assert unspoken(verdicts, demo.spec) == ["model.encoder.layers.0.self_attention.heads"]


def test_a_refused_section_stands_for_all_that_it_holds(demo: Loaded) -> None:
    verdicts = table(LayerGroup__feed_forward=refused("has none")).verdicts(demo)
    below = [path for path in verdicts if "feed_forward" in path]
    assert below == [f"model.{each}.layers.0.feed_forward" for each in ("encoder", "decoder")]
    assert unspoken(verdicts, demo.spec) == []


def test_a_rule_for_a_setting_goes_before_that_of_its_section(demo: Loaded) -> None:
    rules = table(Attention__heads=lambda place: refused(f"counts {place.attention}"))
    found = {path: each for path, each in rules.verdicts(demo).items() if each.is_refused}
    assert {each.words for each in found.values()} == {
        "counts self_attention",
        "counts cross_attention",
    }


def test_settings_of_other_tasks_have_no_effect() -> None:
    loaded = load("classifier")
    rules = {**EVERYTHING, "Classifier LearnedPosition CharacterTokenizer": said()}
    verdicts = Table(name="t", title="T", option="", rules=rules).verdicts(loaded)
    assert verdicts["decoding"].status == "ignored"


def test_refusals_stand_at_their_lines_and_name_what_can_say_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "mine.yaml"
    text = "extends: demo\nname: mine\nmodel:\n  attention: {heads: 2}\n"
    path.write_text(text + "  decoder: {feed_forward: {activation: gelu}}\n")
    narrow = table(
        Attention__heads=refused("has one head"),
        FeedForward__activation=lambda place: (
            said() if place.value == "relu" else refused(f"has no `{place.value}`")
        ),
        BeamSearch__beam=refused("has no beam"),
    )
    monkeypatch.setitem(TARGETS, "t", narrow)
    monkeypatch.setitem(TARGETS, "other", Table(name="o", title="O", option="--to o", rules={}))
    monkeypatch.setitem(TARGETS, "other", table())
    with pytest.raises(Rejected) as rejected:
        require_sayable(narrow, load(str(path)))
    places = [(each.span.source.name, each.span.line) for each in rejected.value.diagnostics]
    messages = [each.message for each in rejected.value.diagnostics]
    assert [message for message in messages if "beam" not in message] == [
        "T has one head",
        "T has no `gelu`",
    ]
    assert (str(path), 4) in places
    assert (str(path), 5) in places
    assert any(each.startswith("T has no beam") for each in messages)
    assert all("`--to t` supports it" in each.help for each in rejected.value.diagnostics)


def test_a_default_that_is_refused_is_named_with_its_value(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text("extends: language-model\nname: mine\n")
    loaded = load(str(path))
    own = table(Output__scale=refused("scales no logits"))
    rules = {**own.rules, "LearnedPosition RotaryPosition CharacterTokenizer": said()}
    (found,) = refusals(Table(name="t", title="T", option="", rules=rules), loaded)
    assert found.message == "T scales no logits (`model.output.scale` is 1.0 by default)"


def page(loaded: Loaded, targets: list[Target], width: int = 80) -> str:
    whole = lines(page_of(report_on(loaded, targets)), width)
    return "\n".join("".join(piece for _, _, piece in line).rstrip() for line in whole)


def test_a_report_fits_into_a_terminal_and_puts_first_what_is_unsupported(demo: Loaded) -> None:
    one = table(Norm__eps=refused("has another eps"), Data__max_length=without_effect("of texts"))
    other = table(Attention__scale=said_otherwise("in the weights of queries"))
    text = page(demo, [one, other])
    assert max(map(len, text.splitlines())) <= 80
    rows = [each.split() for each in text.splitlines()]
    assert rows.index(["no", "yes", "norm.eps"]) < rows.index(
        ["yes", "converted", "attention.scale"]
    )
    assert "no  norm.eps  has another eps" in text
    assert "converted  attention.scale  in the weights of queries" in text
    assert text.count("It supports this spec.") == 1


def test_a_section_that_one_format_refuses_is_shown_as_another_looks_into_it(demo: Loaded) -> None:
    one, other = table(LayerGroup__feed_forward=refused("has none")), table()
    report = report_on(demo, [one, other])
    found = {each.name: each.statuses for each in report.settings}
    assert found["feed_forward.d_ff"] == ("unsupported", "supported")
    assert "feed_forward" not in found


def test_an_absent_section_of_which_one_format_speaks_is_said_by_others(demo: Loaded) -> None:
    one, other = table(FeedForward__experts=refused("has a mixture alone")), table()
    report = report_on(demo, [one, other])
    found = {each.name: each.statuses for each in report.settings}
    assert found["feed_forward.experts"] == ("unsupported", "supported")


def test_settings_of_one_name_that_differ_by_stack_are_told_apart(demo: Loaded) -> None:
    own = table(
        Norm__eps=lambda place: said() if place.stack == "encoder" else refused("is of one eps")
    )
    found = {each.name: each.statuses for each in report_on(demo, [own]).settings}
    assert found["norm.eps (encoder)"] == ("supported",)
    assert found["norm.eps (decoder)"] == ("unsupported",)


def test_what_is_converted_is_a_line_for_each_way(demo: Loaded) -> None:
    way = said_otherwise("in the call")
    own = table(BeamSearch__beam=way, BeamSearch__stop=way, Attention__scale=said_otherwise("so"))
    assert report_on(demo, [own]).converted(own) == [
        "attention.scale: so",
        "decoding.beam, decoding.stop: in the call",
    ]


def test_the_reasons_of_each_format_are_said_once(demo: Loaded) -> None:
    one = table(Attention__heads=refused("has one head"))
    assert reasons(demo, [one]) == {"--to t": ("has one head",)}
    assert reasons(demo, [table()]) == {"--to t": ()}
