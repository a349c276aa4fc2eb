"""What goes wrong on the way to a corpus: one located error each, and nothing half-written."""

import functools
import hashlib
import http.server
import json
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from runtime.corpora import fetching
from runtime.corpora.catalogue import PublishedCorpus, PublishedFile, catalogue
from runtime.corpora.writing import RECORD, write_published
from runtime.errors import UserError
from tests.support.published import ENGLISH, GERMAN, archive, captions, newstests, talks, wikipedia

pytestmark = pytest.mark.quick

Small = Callable[..., PublishedCorpus]


@pytest.fixture
def origin(tmp_path: Path) -> Path:
    (folder := tmp_path / "brought").mkdir()
    return folder


def refused(tmp_path: Path, name: str, origin: Path | None, **options: Any) -> str:
    """Write a corpus; return the error and its help, where nothing is left of the folder."""
    (place := tmp_path / "place").mkdir(exist_ok=True)
    with pytest.raises(UserError) as error:
        write_published(name, place / "new", origin=origin, **options)
    assert list(place.iterdir()) == []
    assert str(place) not in str(error.value)
    return f"{error.value}\n{error.value.help}"


def test_a_wrong_checksum_is_refused(tmp_path: Path, origin: Path, small: Small) -> None:
    captions(origin)
    small("multi30k-en-de", origin)
    content = bytearray((origin / "val.de.gz").read_bytes())
    content[-1] ^= 1
    (origin / "val.de.gz").write_bytes(content)
    said = refused(tmp_path, "multi30k-en-de", origin)
    assert "val.de.gz is not the published file: its SHA-256 is" in said
    assert "fetch it again" in said


def test_the_md5_that_sacrebleu_knows_is_compared(tmp_path: Path, origin: Path) -> None:
    newstests(origin)
    (origin / "train.en").write_text("a\n")
    (origin / "train.de").write_text("b\n")
    said = refused(tmp_path, "wmt14-en-de", origin)
    assert "test.tgz is not the published file: its MD5 is" in said
    assert "48eca5d02f637af44e85186847141f67" in said


@pytest.mark.parametrize("name", ["iwslt14-de-en", "enwik8"])
def test_a_damaged_archive_is_named(name: str, tmp_path: Path, origin: Path, small: Small) -> None:
    (wikipedia if name == "enwik8" else talks)(origin)
    path = next(origin.iterdir())
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    small(name, origin)
    assert f"{path} is damaged" in refused(tmp_path, name, origin)


def test_a_page_in_the_place_of_an_archive_is_refused(tmp_path: Path, origin: Path) -> None:
    (origin / "de-en.tgz").write_text("<html>Sign in</html>")
    assert "is damaged, or no archive" in refused(tmp_path, "iwslt14-de-en", origin)


def test_an_archive_without_a_member_is_refused(tmp_path: Path, origin: Path) -> None:
    archive(origin / "de-en.tgz", {"de-en/train.tags.de-en.de": "Hallo\n"})
    said = refused(tmp_path, "iwslt14-de-en", origin)
    assert "de-en.tgz has no member" in said
    assert "train.tags.de-en.en" in said


def test_sides_of_different_length_are_refused(tmp_path: Path, origin: Path) -> None:
    talks(origin, english=ENGLISH)
    members = {}
    for language, lines in (("de", GERMAN), ("en", ENGLISH[:2])):
        members[f"de-en/train.tags.de-en.{language}"] = "".join(f"{line}\n" for line in lines)
    for member in catalogue()["iwslt14-de-en"].parts["test"].members:  # type: ignore[union-attr]
        for language in ("de", "en"):
            members[member.format(language=language)] = '<seg id="1"> a </seg>\n'
    archive(origin / "de-en.tgz", members)
    said = refused(tmp_path, "iwslt14-de-en", origin)
    assert "unpacked/de-en.tgz/de-en/train.tags.de-en.en ends after 2 sentences" in said


def test_a_part_that_nobody_brings_is_named(tmp_path: Path, origin: Path, small: Small) -> None:
    captions(origin)
    small("multi30k-en-de", origin)
    (origin / "val.de.gz").unlink()
    assert f"{origin} has no val.de.gz" in refused(tmp_path, "multi30k-en-de", origin)
    (other := tmp_path / "other").mkdir()
    assert "has no train-*.parquet, train.jsonl" in refused(tmp_path, "wmt14-en-fr", other)
    (other / "train.fr").write_text("un\n")
    assert "has no train.en" in refused(tmp_path, "wmt14-en-fr", other)
    assert "there is no" in refused(tmp_path, "wmt14-en-fr", origin / "elsewhere")


def test_a_series_of_files_has_no_gaps(tmp_path: Path, origin: Path) -> None:
    for number in (0, 2):
        (origin / f"train-0000{number}-of-00003.parquet").touch()
    said = refused(tmp_path, "wmt14-en-de", origin)
    assert "lacks 1 of 3 files, train-00001-of-00003.parquet first" in said


@pytest.mark.parametrize(
    ("row", "error"),
    [
        ('{"en": "a"}', "train.jsonl, row 2: expected texts named en and de"),
        ('{"en": "a", "de": null}', "train.jsonl, row 2: expected texts"),
        ("[1]", "train.jsonl, row 2: expected texts"),
        ("{", "train.jsonl:2: this line is no JSON"),
    ],
)
def test_a_bad_row_is_located(row: str, error: str, tmp_path: Path, origin: Path) -> None:
    good = json.dumps({"translation": {"en": "a", "de": "b"}})
    (origin / "train.jsonl").write_text(f"{good}\n{row}\n")
    for name in ("valid", "test"):
        (origin / f"{name}.jsonl").write_text(f"{good}\n")
    assert error in refused(tmp_path, "wmt14-en-de", origin)


def test_text_that_is_not_utf_8_is_located(tmp_path: Path, origin: Path, small: Small) -> None:
    (origin / "input.txt").write_bytes(b"To be\nor not\xff\n")
    small("tiny-shakespeare", origin)
    assert "input.txt:2" in refused(tmp_path, "tiny-shakespeare", origin)


def test_a_text_that_is_too_short_is_refused(tmp_path: Path, origin: Path, small: Small) -> None:
    wikipedia(origin)
    small("enwik8", origin)
    said = refused(tmp_path, "enwik8", origin)
    assert "enwik8 has 128 bytes, and the published text at least 90,000,000" in said


def test_writing_that_is_interrupted_leaves_nothing(
    tmp_path: Path, origin: Path, small: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    captions(origin)
    small("multi30k-en-de", origin)
    folder = tmp_path / "place" / "new"
    write_published("multi30k-en-de", folder, origin=origin)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def press(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("runtime.corpora.writing.write_sums", press)
    for place, force in ((folder, True), (folder.with_name("other"), False)):
        with pytest.raises(KeyboardInterrupt):
            write_published("multi30k-en-de", place, origin=origin, force=force)
    assert [path.name for path in folder.parent.iterdir()] == ["new"]
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_folder_is_replaced_only_if_it_is_a_corpus(tmp_path: Path, origin: Path) -> None:
    for name in ("train", "valid", "test"):
        (origin / f"{name}.jsonl").write_text(json.dumps({"en": "a", "de": "b"}))
    (folder := tmp_path / "new").mkdir()
    (folder / "thesis.tex").write_text("years of work")
    write = functools.partial(write_published, "wmt14-en-de", folder, origin=origin)
    with pytest.raises(UserError, match="exists already"):
        write()
    with pytest.raises(UserError, match="is no corpus that `corpus --name` wrote"):
        write(force=True)
    assert (folder / "thesis.tex").exists()
    (link := tmp_path / "link").symlink_to("nowhere")
    with pytest.raises(UserError, match="link exists already"):
        write_published("wmt14-en-de", link, origin=origin)
    link.unlink()
    (folder / "thesis.tex").rename(folder.with_name("thesis.tex"))
    folder.rmdir()
    write()
    (origin / "train.jsonl").write_text(json.dumps({"en": "c", "de": "d"}))
    write(force=True)
    assert (folder / "train.en").read_text() == "c\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["brought", "new", "thesis.tex"]


def test_a_file_without_a_published_checksum_is_compared_with_the_one_before(
    tmp_path: Path, origin: Path
) -> None:
    talks(origin)
    folder = tmp_path / "new"
    write_published("iwslt14-de-en", folder, origin=origin)
    digest = hashlib.sha256((origin / "de-en.tgz").read_bytes()).hexdigest()
    assert json.loads((folder / RECORD).read_text())["files"]["de-en.tgz"]["sha256"] == digest
    talks(origin, english=["One .", "Two .", "Three ."])
    with pytest.raises(UserError, match=r"de-en\.tgz is not the file that was fetched before"):
        write_published("iwslt14-de-en", folder, origin=origin, force=True)
    assert (folder / "train.en").read_text().startswith(ENGLISH[0])


class _Handler(http.server.SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        if self.path.endswith("short.txt"):
            self.send_header("Connection", "close")
        super().end_headers()

    def do_GET(self) -> None:
        if not self.path.endswith("short.txt"):
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Length", "100")
        self.end_headers()
        self.wfile.write(b"the first part")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(origin: Path) -> Iterator[str]:
    """The address of a server on this machine that has the files of `origin`."""
    handler = functools.partial(_Handler, directory=str(origin))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as found:
        thread = threading.Thread(target=found.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{found.server_address[1]}/"
        found.shutdown()
        thread.join()


def test_files_are_fetched_by_address_and_compared(
    tmp_path: Path, origin: Path, server: str, small: Small
) -> None:
    captions(origin)
    corpus = small("multi30k-en-de", origin)
    moved = {name: file.model_copy(update={"url": server}) for name, file in corpus.files.items()}
    small("multi30k-en-de", origin, files=moved)
    folder = tmp_path / "new"
    seen: list[tuple[str, int]] = []

    def progress(what: str, total: int) -> Any:
        seen.append((what, total))
        return fetching.silent(what, total)

    write_published("multi30k-en-de", folder, progress=progress)
    assert (folder / "train.de").read_text().split("\n")[:-1] == GERMAN
    assert ("val.de.gz", (origin / "val.de.gz").stat().st_size) in seen
    assert json.loads((folder / RECORD).read_text())["files"]["val.de.gz"]["url"].startswith(server)
    (origin / "val.de.gz").write_bytes(b"something else")
    said = refused(tmp_path, "multi30k-en-de", None)
    assert "val.de.gz is not the published file" in said
    (origin / "val.de.gz").unlink()
    said = refused(tmp_path, "multi30k-en-de", None)
    assert "127.0.0.1 answers 404 (File not found) for http://127.0.0.1" in said


def test_a_connection_that_breaks_off_leaves_nothing(tmp_path: Path, server: str) -> None:
    file = PublishedFile(url=server, checked_by="")
    with pytest.raises(UserError, match=r"the connection to 127\.0\.0\.1 broke off") as error:
        fetching.fetch("short.txt", file, tmp_path / "short.txt")
    assert "nothing was kept" in error.value.help
    assert not (tmp_path / "short.txt").exists()


def test_without_a_network_the_host_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise fetching.URLError(OSError(-2, "Name or service not known"))

    monkeypatch.setattr(fetching, "urlopen", unreachable)
    for name, host in (
        ("multi30k-en-de", "raw.githubusercontent.com"),
        ("iwslt14-de-en", "dl.fbaipublicfiles.com"),
        ("enwik8", "mattmahoney.net"),
    ):
        said = refused(tmp_path, name, None)
        assert f"no connection to {host}: [Errno -2] Name or service not known" in said
        assert "name them by --from" in said


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A package `datasets` that answers as it is told here."""
    package = ModuleType("datasets")
    answer = SimpleNamespace(error=None, asked=[], rows=[])

    class DatasetsError(Exception):
        pass

    def load_dataset(*arguments: object, **options: object) -> object:
        answer.asked.append((arguments, options))
        if answer.error:
            raise answer.error
        return SimpleNamespace(iter=lambda **_: iter(answer.rows))

    package.load_dataset = load_dataset  # type: ignore[attr-defined]
    package.exceptions = SimpleNamespace(DatasetsError=DatasetsError)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", package)
    return answer


def test_the_hub_is_asked_for_one_revision(
    hub: SimpleNamespace, tmp_path: Path, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    newstests(origin)
    from sacrebleu.dataset import DATASETS

    def copied(name: str, _file: object, target: Path, _progress: object) -> None:
        target.write_bytes((origin / name).read_bytes())

    for name, file in (("wmt13", "test.tgz"), ("wmt14/full", "test-full.tgz")):
        digest = hashlib.md5((origin / file).read_bytes()).hexdigest()
        monkeypatch.setattr(DATASETS[name], "md5", [digest])
    monkeypatch.setattr("runtime.corpora.supply.fetch", copied)
    hub.rows = [{"translation": [{"de": "Ja", "en": "Yes"}, {"de": "Nein", "en": "No"}]}]
    folder = tmp_path / "new"
    write_published("wmt14-en-de", folder)
    assert (folder / "train.de").read_text() == "Ja\nNein\n"
    assert (folder / "newstest2013.en").read_text().startswith(ENGLISH[0])
    ((arguments, options),) = hub.asked
    assert arguments == ("wmt/wmt14", "de-en")
    assert options == {"split": "train", "revision": "b199e406369ec1b7634206d3ded5ba45de2fe696"}


def test_a_hub_that_does_not_answer_is_named(hub: SimpleNamespace, tmp_path: Path) -> None:
    hub.error = ConnectionError("Couldn't reach 'wmt/wmt14' on the Hub")
    said = refused(tmp_path, "wmt14-en-de", None)
    assert "no connection to huggingface.co: Couldn't reach 'wmt/wmt14'" in said
    hub.error = sys.modules["datasets"].exceptions.DatasetsError("it is gone")
    said = refused(tmp_path, "wmt14-en-de", None)
    assert "wmt/wmt14 cannot be fetched from the Hugging Face hub: it is gone" in said


def test_packages_that_are_missing_are_named(
    tmp_path: Path, origin: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("datasets", "pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    said = refused(tmp_path, "wmt14-en-de", None)
    assert "the package `datasets` is not installed" in said
    assert "pip install 'specformer[corpora]'" in said
    for name in ("train", "valid", "test"):
        (origin / f"{name}.parquet").touch()
    assert "the package `pyarrow` is not installed" in refused(tmp_path, "wmt14-en-de", origin)


def test_filters_of_running_text_are_refused(tmp_path: Path, origin: Path) -> None:
    from runtime.corpora.filters import Filters

    for filters in (Filters(max_length=1), Filters(drop_duplicates=True)):
        said = refused(tmp_path, "enwik8", origin, filters=filters)
        assert "enwik8 is running text: it has no pairs to filter" in said
