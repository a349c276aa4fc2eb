"""What the table of CTranslate2 makes of the library, and of the families of `tests/parity`."""

from pathlib import Path

import pytest

from compiler.export.ctranslate2 import CTRANSLATE2
from compiler.export.target import refusals
from compiler.spec.ctranslate2_search import honoured, not_honoured
from compiler.spec.load import load

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[3]
GOLDEN = Path(__file__).with_name("ctranslate2.txt")


def verdict(reference: str) -> str:
    """`said`, or the reasons against it, each once."""
    reasons = (each.message for each in refusals(CTRANSLATE2, load(reference)))
    return "; ".join(dict.fromkeys(each.removeprefix("CTranslate2 ") for each in reasons)) or "said"


def table() -> str:
    library = [
        *sorted((ROOT / "specs").glob("*.yaml")),
        *sorted(ROOT.glob("specs/variants/*.yaml")),
    ]
    families = sorted(ROOT.glob("tests/parity/*/spec.yaml"))
    lines = [f"{path.stem}: {verdict(str(path))}" for path in library]
    lines += ["", *(f"{path.parent.name}: {verdict(str(path))}" for path in families)]
    return "".join(f"{line}\n" for line in lines)


def test_the_table_is_the_golden_one(request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-golden"):
        GOLDEN.write_text(table(), encoding="utf-8")
    assert table() == GOLDEN.read_text(encoding="utf-8")


def test_a_refusal_stands_at_the_line_of_its_setting() -> None:
    reference = ROOT / "specs" / "variants" / "query-key-norm.yaml"
    lines = reference.read_text(encoding="utf-8").splitlines()
    found = refusals(CTRANSLATE2, load(str(reference)))
    crossing = [each for each in found if "cross-attention" in each.message]
    assert len(crossing) == 1
    assert crossing[0].code == "not-exportable"
    assert "query_key_norm" in lines[crossing[0].span.line - 1]


TRANSLATES, CONTINUES = "demo", "llama-like"
GREEDY = "decoding.beam=1"
UNKNOWN_TO_IT = {
    "ends": (TRANSLATES, ("decoding.ends=[a]",), {"ends"}),
    "certain": (TRANSLATES, ("decoding.stop=certain",), {"stop"}),
    "n-grams of a beam": (TRANSLATES, ("decoding.no_repeat_ngram=2",), {"no_repeat_ngram"}),
    "n-grams": (TRANSLATES, (GREEDY, "decoding.no_repeat_ngram=2"), set()),
    "penalty": (TRANSLATES, ("decoding.repetition_penalty=2",), set()),
    "penalty after a prefix": (
        TRANSLATES,
        ("decoding.repetition_penalty=2", "decoding.prefix=a"),
        {"repetition_penalty"},
    ),
    "penalty of prompts": (
        CONTINUES,
        (GREEDY, "decoding.repetition_penalty=2"),
        {"repetition_penalty"},
    ),
    "draws with ends": (CONTINUES, ("decoding.ends=[a]",), {"ends", "seed"}),
}


@pytest.mark.parametrize("case", UNKNOWN_TO_IT)
def test_the_table_leaves_out_what_the_searches_do_not_honour(case: str) -> None:
    reference, settings, expected = UNKNOWN_TO_IT[case]
    loaded = load(reference, settings)
    verdicts = CTRANSLATE2.verdicts(loaded)
    found = {path for path, each in verdicts.items() if each.status == "left out"}
    assert found == {f"decoding.{each}" for each in expected}
    assert not_honoured(loaded.spec).keys() == expected
    without = honoured(loaded.spec)
    assert not not_honoured(without).keys() - {"seed"}
    assert type(without.decoding).model_validate(without.decoding.model_dump()) == without.decoding
