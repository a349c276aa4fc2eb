"""Text and tables in Markdown."""

import pytest

from compiler.markdown import escaped, table

pytestmark = pytest.mark.quick


def test_text_means_itself_on_one_line() -> None:
    assert escaped("a|b\n*c* _d_ <e>") == r"a\|b \*c\* \_d\_ \<e\>"
    assert escaped("d_model") == "d_model"


def test_columns_of_numbers_go_to_the_right() -> None:
    rows = [("c", "1"), ("d", "2")]
    assert table(("a", "b"), rows, right=[1]) == ("| a | b |\n| --- | ---: |\n| c | 1 |\n| d | 2 |")
