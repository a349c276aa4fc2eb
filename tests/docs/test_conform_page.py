"""`docs/conform.md`: what the paper says of each setting, beside transformer-base."""

import os
from pathlib import Path

import pytest

from compiler.conform.departures import conformity
from compiler.page.markdown import markdown
from compiler.spec.load import load
from runtime.command.conform import page_of

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "conform.md"
HEAD = """\
# Beside the paper

`specformer conform SPEC` tells where a spec departs from "Attention Is All You Need" (Vaswani et
al. 2017), section by section, with the line where the setting was written (through `extends`) and
what the paper says. SPEC is a spec, a generated package or the folder of a run. A setting agrees
with the paper, departs from it, or is not named by it; where nothing is named, a spec departs only
if it adds something, such as a bound on the gradient. With `--all` the page shows what agrees and
what is not used, too; `--format` is `text`, `markdown`, `html` or `json`, and `--out page.html`
writes a file. A spec whose sizes are those of a row of Table 3 is compared with that row, any other
with the nearer one of base and big. This is
`specformer conform specs/transformer-base.yaml --all`, made by a test:

"""


def test_is_up_to_date(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    page = page_of(conformity(load("specs/transformer-base.yaml")), everything=True)
    text = HEAD + markdown(page).replace("\n#", "\n##").replace(
        "# transformer", "## transformer", 1
    )
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        PAGE.write_text(text, encoding="utf-8")
    assert PAGE.read_text("utf-8") == text, "pytest tests/docs --update-golden"
