"""One table in every format."""

import pytest

from compiler.explain import explain
from compiler.export.report import reasons
from compiler.export.targets import TARGETS
from compiler.page import html, latex
from compiler.page.markdown import escaped, markdown, table
from compiler.page.model import Cell, Column, Document, Paragraph, Section, Table, columns
from compiler.page.text import as_csv, least_width, lines, text
from compiler.pipeline import compile_spec
from runtime.command.explain import page_of

pytestmark = pytest.mark.quick


def test_text_means_itself_on_one_line() -> None:
    assert escaped("a|b\n*c* _d_ <e>") == r"a\|b \*c\* \_d\_ \<e\>"
    assert escaped("d_model") == "d_model"


def test_columns_of_numbers_go_to_the_right() -> None:
    rows = [("c", "1"), ("d", "2")]
    assert table(("a", "b"), rows, right=[1]) == ("| a | b |\n| --- | ---: |\n| c | 1 |\n| d | 2 |")


TABLE = Table(
    columns=(
        Column(name="", kind="group"),
        Column(name="d_ff", align="center", symbol=True),
        Column(name="valid PPL", align="right", help="perplexity"),
    ),
    rows=(
        ("", "512", "3.32 \N{PLUS-MINUS SIGN} 0.07"),
        ("(A)", "", Cell(text="3.34", mark="*", tone="strong")),
        ("", "64", Cell(text="diverged", tone="bad")),
    ),
    groups=frozenset({0, 1}),
    base=0,
    notes=("* better",),
)


def test_text_sets_groups_apart_and_notes_below() -> None:
    rule = "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * 22
    assert text(TABLE).splitlines() == [
        "     d_ff    valid PPL",
        rule,
        "      512  3.32 \N{PLUS-MINUS SIGN} 0.07",
        "",
        "(A)              3.34*",
        "       64     diverged",
        rule,
        "* better",
    ]
    assert text(Table(columns=columns(("", "")), rows=(("a", "b"),))) == "a  b\n"


def test_a_table_that_is_too_wide_breaks_its_heads() -> None:
    wide = Table(columns=columns(("tokens a second", "b"), right=("b",)), rows=(("1", "2"),))
    assert least_width(wide) == 9
    shown = ["".join(word for *_, word in line) for line in lines(wide, 10)]
    assert shown == ["tokens", "a", "second  b", "1       2"]
    assert next(iter(lines(wide, 80)))[0][2] == "tokens a second  b"


def test_a_last_column_of_words_is_folded_and_has_its_tone() -> None:
    long = Cell(text="all positions that come before it", tone="quiet")
    folded = list(lines(Table(columns=columns(("mask",)), rows=((long,),)), 20))[1:]
    assert [line[0][2] for line in folded] == ["all positions that", "come before it"]


def test_html_repeats_groups_for_sorting_and_aligns_deviations() -> None:
    made = html.table(TABLE, 'class="results"', "Rows")
    assert made.startswith('<table class="results">\n<caption>Rows</caption>')
    assert "<i>d</i><sub>ff</sub>" in made
    assert '<abbr title="perplexity">valid PPL</abbr>' in made
    assert '<tr class="base starts"><td class="group"></td>' in made
    assert '<td class="group repeated">(A)</td>' in made
    assert '3.32<span class="spread">\N{PLUS-MINUS SIGN} 0.07</span>' in made
    assert '<td class="right strong">3.34<span class="spread"></span>' in made
    assert '<td class="right bad">diverged' in made


def test_latex_csv_and_markdown_have_the_same_cells() -> None:
    made = latex.latex(TABLE, "50% more", "a b")
    assert r"\caption{50\% more.}" in made
    assert r"\label{tab:a-b}" in made
    assert r"\begin{tabular}{lcr}" in made
    assert r" & $d_{\text{ff}}$ & valid PPL \\" in made
    assert made.count(r"\midrule") == 2
    assert r"(A) &  & 3.34$^*$ \\" in made
    assert as_csv(TABLE).splitlines()[2] == "(A),,3.34*"
    assert r"| (A) |  | 3.34\* |" in markdown(TABLE)
    assert markdown(TABLE).endswith("\n\n- \\* better\n")


def test_parts_of_a_page_without_titles_are_set_apart() -> None:
    parts = tuple(Section(parts=(Paragraph(text=each),)) for each in ("one", "two"))
    page = Document(sections=parts)
    assert text(page) == "one\n\ntwo\n"
    assert markdown(page) == "one\n\ntwo\n"
    assert "<h2>" not in html.page(page)


def test_explain_is_a_page_in_every_format() -> None:
    package = compile_spec("demo")
    exports = reasons(package.loaded, list(TARGETS.values()))
    page = page_of(explain(package, 32), exports)
    assert "\n  self_attention " in text(page)
    assert "| self_attention | \\[source, D_MODEL\\] | 131,072 |" in markdown(page)
    assert '<td class="right">131,072</td>' in html.page(page)
    assert "<td>FLOPs per update</td>" in html.page(page)


def test_records_stand_below_each_other_where_columns_have_no_room() -> None:
    rows = (("embedding.position", "sinusoidal", "a sentence of some words, which is folded"),)
    table = Table(columns=columns(("setting", "here", "why")), rows=rows, records=True)
    wide = ["".join(piece for _, _, piece in line) for line in lines(table, 70)]
    assert wide[0].split() == ["setting", "here", "why"]
    narrow = ["".join(piece for _, _, piece in line) for line in lines(table, 40)]
    assert narrow[:3] == [
        "setting  embedding.position",
        "here     sinusoidal",
        "why      a sentence of some words, which",
    ]
    assert max(map(len, narrow)) <= 40
