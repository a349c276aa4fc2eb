"""A chart with logarithmic axes as SVG: lines with their names at their ends."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import ceil, floor, log2, log10

WIDTH, HEIGHT = 460, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 96, 40, 48
COLOURS = ("#1f6feb", "#d1242f", "#8250df", "#1a7f37")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Points (x, y), both positive."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """Several lines over one axis of powers of two."""

    title: str
    x_label: str
    y_label: str
    lines: Sequence[Line]

    def svg(self, left: int = 0) -> str:
        """A group of SVG, `left` units from the left."""
        body = "\n".join([*self._frame(), *self._ticks(), *self._lines()])
        return f'<g transform="translate({left},0)">\n{body}\n</g>'

    def _range(self, axis: int) -> tuple[float, float]:
        values = [point[axis] for line in self.lines for point in line.points]
        if axis == 0:
            return log2(min(values)), log2(max(values))
        return floor(log10(min(values))), ceil(log10(max(values)))

    def _place(self, x: float, y: float) -> tuple[float, float]:
        (x0, x1), (y0, y1) = self._range(0), self._range(1)
        across = (log2(x) - x0) / (x1 - x0)
        up = (log10(y) - y0) / (y1 - y0)
        inner = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
        return LEFT + across * inner[0], HEIGHT - BOTTOM - up * inner[1]

    def _frame(self) -> Iterator[str]:
        yield _text(LEFT, 22, self.title, "start", bold=True)
        yield _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, self.x_label)
        middle = (TOP + HEIGHT - BOTTOM) / 2
        turned = f' transform="rotate(-90 14 {middle:.0f})"'
        yield _text(14, middle, self.y_label, more=turned)

    def _ticks(self) -> Iterator[str]:
        (x0, x1), (y0, y1) = self._range(0), self._range(1)
        for power in range(round(x0), round(x1) + 1):
            x, y = self._place(2**power, 10**y0)
            yield _segment(x, TOP, x, y)
            yield _text(x, y + 16, f"{2**power // 1024}k")
        for power in range(int(y0), int(y1) + 1):
            x, y = self._place(2**x0, 10**power)
            yield _segment(x, y, WIDTH - RIGHT, y)
            yield _text(x - 6, y + 4, f"{10.0**power:g}", "end")

    def _lines(self) -> Iterator[str]:
        for colour, line in zip(COLOURS, self.lines, strict=False):
            places = [self._place(*point) for point in line.points]
            path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
            yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
            for x, y in places:
                yield f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'
            x, y = places[-1]
            colouring = f' style="fill:{colour}"'
            if x < WIDTH - RIGHT:  # lines that go on need the room beside it
                yield _text(x, y - 10, line.name, more=colouring)
            else:
                yield _text(x + 8, y + 4, line.name, "start", more=colouring)


def page(charts: Sequence[Chart]) -> str:
    """A whole SVG with the charts side by side."""
    groups = "\n".join(chart.svg(WIDTH * number) for number, chart in enumerate(charts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH * len(charts)} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">\n'
        f'<rect width="100%" height="100%" fill="white"/>\n{groups}\n</svg>\n'
    )


def _text(
    x: float, y: float, text: str, anchor: str = "middle", *, bold: bool = False, more: str = ""
) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{weight}{more}>{text}</text>'


def _segment(x0: float, y0: float, x1: float, y1: float) -> str:
    return f'<line x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}" stroke="#d0d7de"/>'
