"""The report as a browser shows it, from a file and offline."""

import csv
import io
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from matplotlib.image import imread

from runtime.ablation.outputs import tabulate, write_reports
from tests.support.ablations import DIVERGED, PLANS, Bench, Plan

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
OWN = "not an origin"
MEGABYTES = 1_000_000
needs_browser = pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium here")
Browse = Callable[..., subprocess.CompletedProcess[str]]


class Page(HTMLParser):
    """What a page refers to, and what can be referred to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.foreign: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        self.ids += [found["id"]] if found.get("id") else []
        self.links += [found["href"] or ""] if tag == "a" else []
        targets = (found.get(name) for name in ("src", "href", "srcset", "data", "action"))
        self.foreign += [each for each in targets if each and not each.startswith(("#", "data:"))]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty rows with three seeds, some of which have failed or not run."""
    bench = Bench(folder=tmp_path_factory.mktemp("ablation") / "table3", sentences=10)
    losses = {f"training.label_smoothing={number / 100}" for number in range(14)}
    more = [
        Plan(name=f"d-{number:02}", group="D", settings=dict([setting.split("=")]))
        for number, setting in enumerate(sorted(losses))
    ]
    failures = {f"c-n1-seed{seed}": DIVERGED for seed in (1, 2, 3)} | {"a-h1-seed2": DIVERGED}
    bench.write((*PLANS, *more), seeds=(1, 2, 3), failures=failures, missing=["e-learned-seed1"])
    write_reports(tabulate(bench.folder))
    return bench.folder


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """browse(page, "--screenshot=..."): what chromium says of it."""

    def call(address: str, *options: str) -> subprocess.CompletedProcess[str]:
        assert CHROMIUM is not None
        command = [
            *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
            *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
            # Nothing leaves this machine, whatever the browser or a page asks for.
            "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
            *("--disable-sync", "--enable-logging=stderr", "--hide-scrollbars"),
            *(f"--user-data-dir={tmp_path / 'profile'}", *options, address),
        ]
        return subprocess.run(command, capture_output=True, text=True, timeout=900, check=True)

    return call


def console(done: subprocess.CompletedProcess[str]) -> list[str]:
    """What the page, or the browser about it, has written to the console."""
    return [line for line in done.stderr.splitlines() if ":CONSOLE" in line]


def requests(log: Path) -> set[str]:
    """All addresses that a page has asked for; what the browser asks for itself has no origin."""
    found = (event.get("params", {}) for event in json.loads(log.read_text())["events"])
    asked = (each for each in found if each.get("initiator", OWN) != OWN)
    return {each["url"] for each in asked if not each["url"].startswith("file:")}


@pytest.mark.quick
@needs_browser
def test_it_opens_from_a_file_in_silence(folder: Path, browse: Browse, tmp_path: Path) -> None:
    shown, log = tmp_path / "shown.png", tmp_path / "log.json"
    page = folder / "report.html"
    done = browse(
        page.as_uri(), f"--screenshot={shown}", "--window-size=1400,2000", f"--log-net-log={log}"
    )
    assert console(done) == []
    assert requests(log) == set()
    picture = imread(shown)
    assert picture.shape[:2] == (2000, 1400)
    assert len({tuple(pixel) for pixel in picture[::7, ::7].reshape(-1, picture.shape[-1])}) > 20


@pytest.mark.quick
@needs_browser
def test_noise_would_be_heard(folder: Path, browse: Browse, tmp_path: Path) -> None:
    """The test above can fail: at an error of a script, and at a picture from elsewhere."""
    page, log = tmp_path / "noisy.html", tmp_path / "log.json"
    noise = '<img src="http://127.0.0.1:9/x.png"><script>undefined.x</script></body>'
    page.write_text((folder / "report.html").read_text().replace("</body>", noise))
    done = browse(page.as_uri(), "--dump-dom", f"--log-net-log={log}")
    assert any("Uncaught TypeError" in line for line in console(done))
    assert requests(log) == {"http://127.0.0.1:9/x.png"}


@pytest.mark.quick
@needs_browser
def test_a_link_to_a_row_opens_it(folder: Path, browse: Browse) -> None:
    address = f"{(folder / 'report.html').as_uri()}#row-a-h1"
    opened = re.findall(r'<details id="([^"]*)" open', browse(address, "--dump-dom").stdout)
    assert opened == ["row-a-h1"]


@pytest.mark.quick
@needs_browser
def test_a_click_on_a_head_sorts(folder: Path, browse: Browse, tmp_path: Path) -> None:
    text = (folder / "report.html").read_text()
    heads = re.findall(r'<th scope="col" class="(\w[\w-]*)">(?:<(?!/th)[^>]*>)*([^<]*)', text)
    column = next(number for number, head in enumerate(heads, 1) if head[1] == "valid PPL")
    click = f"document.querySelector('.results th:nth-child({column}) button').click();"
    orders = []
    for clicks in (1, 2, 3):
        page = tmp_path / f"{clicks}.html"
        page.write_text(text.replace("</body>", f"<script>{click * clicks}</script></body>"))
        shown = browse(page.as_uri(), "--dump-dom").stdout
        orders.append(re.findall(r'class="row"><a href="#row-([^"]*)"', shown))
    ascending, descending, original = orders
    assert original[:3] == ["base", "a-h1", "a-h8"]
    assert ascending[-1] == descending[-1] == "c-n1", "what has no number comes last"
    assert sorted(ascending) == sorted(descending) == sorted(original)
    lines = csv.DictReader(io.StringIO((folder / "table.csv").read_text()))
    numbers = {line["row"]: f"{float(line['valid_ppl'] or 'inf'):.2f}" for line in lines}
    shown = [float(numbers[row]) for row in ascending]
    assert shown == sorted(shown) != [float(numbers[row]) for row in original]
    shown = [float(numbers[row]) for row in descending[:-1]]
    assert shown == sorted(shown, reverse=True)


def test_it_is_one_file_of_less_than_two_megabytes(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    assert len(text.encode()) < 2 * MEGABYTES
    page = Page(text)
    assert page.foreign == []
    assert "@import" not in text
    assert not re.findall(r"url\((?!['\"]?[#d])", text)


@pytest.mark.quick
def test_links_lead_somewhere_and_every_row_can_be_reached(folder: Path) -> None:
    page = Page((folder / "report.html").read_text())
    assert len(page.ids) == len(set(page.ids))
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    rows = {each for each in page.ids if each.startswith("row-")}
    assert len(rows) == 20
    assert {f"#{each}" for each in rows} <= set(page.links)


@pytest.mark.quick
def test_tables_and_pictures_can_be_read_aloud(folder: Path) -> None:
    page = Page((folder / "report.html").read_text())
    assert all(found.get("scope") in ("col", "row") for tag, found in page.tags if tag == "th")
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    (svg,) = (found for tag, found in page.tags if tag == "svg")
    assert svg["role"] == "img"
    assert svg["aria-label"]


@pytest.mark.quick
def test_it_tells_what_differs_what_failed_and_where_numbers_come_from(folder: Path) -> None:
    text = (folder / "report.html").read_text()
    for expected in (
        "<h3>Architecture</h3>",
        ".difference .added {",
        "the loss or its gradient is not finite in update 300",
        "lower training.schedule.peak",
        "2.13.0",
        "tok:13a",
        "average_last",
        "20 rows, 3 seeds each; 55 of 60 runs have a result; 4 failed.",
    ):
        assert expected in text, expected


@pytest.mark.quick
def test_text_cannot_become_markup(bench: Bench) -> None:
    folder = bench.write(PLANS[:2])
    bench.change("ablation.json", ablation="<script>alert(1)</script>")
    write_reports(tabulate(folder))
    assert "<script>alert" not in (folder / "report.html").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_from_the_paper(folder: Path, scheme: str) -> None:
    """WCAG 2.1, level AA: contrast of at least 4.5."""
    text = (folder / "report.html").read_text()
    blocks = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    colours = dict(re.findall(r"--(\w+): (#\w+);", blocks[0 if scheme == "light" else 1]))
    for paper in ("paper", "raised", "base"):
        for ink in ("ink", "quiet", "link", "bad"):
            assert contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)


def contrast(one: str, other: str) -> float:
    low, high = sorted(luminance(colour) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def luminance(colour: str) -> float:
    shares = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    red, green, blue = (
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
