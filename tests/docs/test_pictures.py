"""The pictures in `docs/pictures/` are what `specformer draw` writes; --update-golden does it."""

from pathlib import Path

import pytest

from compiler.draw.drawing import picture_of, read_drawing, written
from compiler.draw.mask_picture import mask_svg
from compiler.spec.load import load

pytestmark = pytest.mark.quick

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


def check_golden(name: str, svg: str, request: pytest.FixtureRequest) -> None:
    path = PICTURES / name
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(svg, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == svg, "pytest tests/docs --update-golden"


@pytest.mark.parametrize(
    ("name", "specs", "part"),
    [
        ("transformer-base.svg", ["transformer-base"], ""),
        ("attention.svg", ["transformer-base"], "decoder.self_attention"),
        ("demo-and-local-global.svg", ["demo", "local-global"], ""),
    ],
)
def test_networks(name: str, specs: list[str], part: str, request: pytest.FixtureRequest) -> None:
    shown = picture_of([read_drawing(load(each)) for each in specs], part)
    check_golden(name, written(shown, "svg"), request)


def test_mask(request: pytest.FixtureRequest) -> None:
    check_golden("mask.svg", mask_svg("causal & (window(4) | first(2))"), request)
