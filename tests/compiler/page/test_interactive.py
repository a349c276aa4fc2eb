"""Pages with a script: what stands in them is data, and nothing is asked for from elsewhere."""

from pathlib import Path

import pytest

from compiler.page.interactive import interactive_page
from tests.support.browser import needs_browser, visit

ODD = {"words": ["</script><script>document.title = 'ran'</script>", "<!--", "ß & \u2028 $x"]}
SHOW = "document.body.append(JSON.parse(document.getElementById('data').textContent).words[2]);"


def page(script: str = SHOW, **others: object) -> str:
    return interactive_page(title="A <b> title", style="", script=script, data=ODD, **others)  # type: ignore[arg-type]


@pytest.mark.quick
def test_data_and_title_end_no_element() -> None:
    assert page().count("</script>") == 2
    assert "<title>A &lt;b&gt; title</title>" in page()


@pytest.mark.quick
@pytest.mark.parametrize("text", ["'</script>'", "// <!-- "])
def test_a_script_that_ends_its_element_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="expected a script"):
        page(text)


@pytest.mark.quick
def test_numbers_that_json_does_not_have_are_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        interactive_page(title="", style="", script="", data=[float("nan")])


@needs_browser
def test_the_script_gets_the_data_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(), encoding="utf-8")
    read = "return [document.title, JSON.parse(one('#data').textContent)]"
    seen = visit(file, tmp_path / "visit", read)
    assert seen.found == ["A <b> title", ODD]
    assert "ß &amp; \u2028 $x" in seen.document
    assert (seen.console, seen.requests) == ([], [])


@needs_browser
def test_the_browser_refuses_what_a_page_asks_for_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    image = '<img src="http://elsewhere.example/picture.png">'
    file.write_text(page(body=image), encoding="utf-8")
    seen = visit(file, tmp_path / "visit")
    assert seen.requests == []
    assert any("Content Security Policy" in each for each in seen.console)


@needs_browser
def test_requests_and_errors_of_any_page_are_seen(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(
        '<body><img src="http://elsewhere.example/picture.png">'
        "<script>throw new Error('thrown')</script></body>",
        encoding="utf-8",
    )
    seen = visit(file, tmp_path / "visit")
    assert seen.requests == ["http://elsewhere.example/picture.png"]
    assert any("thrown" in each for each in seen.console)


@needs_browser
def test_an_error_of_the_probe_is_told(tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text(page(), encoding="utf-8")
    with pytest.raises(AssertionError, match="missing is not defined"):
        visit(file, tmp_path / "visit", "return missing")
