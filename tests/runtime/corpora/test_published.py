"""Each published corpus from small copies of its files, in the forms in which it is published."""

import hashlib
import json
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import pytest

from runtime.corpora.catalogue import PublishedCorpus, catalogue, command_for
from runtime.corpora.filters import Filters
from runtime.corpora.readers import open_pairs
from runtime.corpora.supply import Supply
from runtime.corpora.writing import RECORD, write_published
from runtime.data.checksummed import check_sums
from runtime.errors import UserError
from tests.support.published import (
    ENGLISH,
    ENWIK,
    GERMAN,
    captions,
    cut_for_wikipedia,
    newstests,
    talks,
    wikipedia,
)

pytestmark = pytest.mark.quick

Small = Callable[..., PublishedCorpus]

PAGE = Path(__file__).parents[3] / "docs" / "corpora.md"
LIBRARY = Path(__file__).parents[3] / "specs"


def lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").split("\n")[:-1]


def record(folder: Path) -> dict[str, dict[str, dict[str, object]]]:
    found: dict[str, dict[str, dict[str, object]]] = json.loads((folder / RECORD).read_text())
    return found


def test_specs_of_the_library_that_a_corpus_names_read_what_it_writes() -> None:
    from compiler.spec.load import load

    for name, corpus in catalogue().items():
        written = {f"{part}.{end}" for part in corpus.parts for end in corpus.languages}
        for each in corpus.specs:
            data = load(each).spec.data
            command = command_for(Path(data.folder))
            assert command == f"specformer corpus data/{name} --name {name}"
            head = (LIBRARY / f"{each}.yaml").read_text().partition("\nname:")[0]
            assert command in head.replace("\n# ", " "), each
            for split in filter(None, (data.train, data.valid, data.test)):
                used = split.model_dump(include={"source", "target", "text"})
                assert set(used.values()) <= written, each


def test_the_page_has_the_table_of_the_catalogue() -> None:
    rows = []
    for name, each in catalogue().items():
        specs = ", ".join(f"`{spec}`" for spec in each.specs)
        cells = f"`{name}` | {', '.join(each.parts)} | {each.size} | {each.licence} |"
        rows.append(f"| {cells} {specs} |" if specs else f"| {cells} |")
    assert "\n".join(rows) in PAGE.read_text(encoding="utf-8")


def test_files_without_a_checksum_say_so_and_the_others_say_whose_it_is() -> None:
    unchecked = {
        name: file
        for corpus in catalogue().values()
        for name, file in corpus.files.items()
        if not file.checked_by
    }
    assert list(unchecked) == ["de-en.tgz"]
    assert unchecked["de-en.tgz"].sha256 is None


def test_captions_are_written_as_they_are_published(tmp_path: Path, small: Small) -> None:
    captions(tmp_path)
    small("multi30k-en-de", tmp_path)
    folder = tmp_path / "new" / "multi30k-en-de"
    written = write_published("multi30k-en-de", folder, origin=tmp_path)
    assert {path.name for path in folder.iterdir()} == {
        *("train.en", "train.de", "valid.en", "valid.de"),
        *("test_2016_flickr.en", "test_2016_flickr.de", RECORD, "SHA256SUMS"),
    }
    for part in ("train", "valid", "test_2016_flickr"):
        assert lines(folder / f"{part}.en") == ENGLISH
        assert lines(folder / f"{part}.de") == GERMAN
    check_sums(folder)
    kept = record(folder)
    assert kept["parts"]["train"]["written"] == 3
    digest = hashlib.sha256((tmp_path / "val.de.gz").read_bytes()).hexdigest()
    assert kept["files"]["val.de.gz"]["sha256"] == digest
    assert written.doubts[0] == "train has 3 pairs, and 29,000 where it is published"


def test_talks_are_read_without_markup_and_split_as_fairseq_splits_them(tmp_path: Path) -> None:
    talks(tmp_path)
    folder = tmp_path / "iwslt14"
    written = write_published("iwslt14-de-en", folder, origin=tmp_path)
    assert lines(folder / "train.en") == ENGLISH
    assert lines(folder / "train.de") == GERMAN
    assert lines(folder / "valid.de") == []
    german = lines(folder / "test.de")
    sets = ("TED.dev2010", "TEDX.dev2012", "TED.tst2010", "TED.tst2011", "TED.tst2012")
    assert german == [f"{each} {line}" for each in sets for line in GERMAN[:2]]
    assert written.counts["train"].read == 3


def test_every_23rd_pair_that_is_kept_is_held_out(tmp_path: Path) -> None:
    german = [f"Satz {number}" if number % 5 else "" for number in range(200)]
    for language in ("de", "en"):
        text = "".join(f"{line}\n" for line in german)
        (tmp_path / f"train.{language}").write_text(text)
        (tmp_path / f"test.{language}").write_text("Ende\n")
    folder = tmp_path / "new"
    counts = write_published("iwslt14-de-en", folder, origin=tmp_path).counts
    kept = [line for line in german if line]
    held_out = kept[22::23]
    assert lines(folder / "valid.de") == held_out
    assert lines(folder / "train.de") == [each for each in kept if each not in held_out]
    train = counts["train"]
    assert (train.read, train.dropped["empty"], train.held_out) == (200, 40, len(held_out))
    assert train.read == sum(train.dropped.values()) + train.held_out + train.written


def test_test_sets_are_read_as_sacrebleu_reads_them(
    tmp_path: Path, md5_of_archives: Callable[[Path], None]
) -> None:
    from sacrebleu.dataset import DATASETS

    newstests(tmp_path)
    md5_of_archives(tmp_path)
    corpus = catalogue()["wmt14-en-de"]
    (fetched := tmp_path / "fetched").mkdir()
    supply = Supply(corpus, fetched, origin=tmp_path)
    for name in ("newstest2013", "newstest2014"):
        part = corpus.parts[name]
        rows = list(open_pairs(name, part, supply))  # type: ignore[arg-type]
        known = DATASETS[part.test_set]  # type: ignore[union-attr]
        for side, member in enumerate(known.langpairs["en-de"]):
            archive = fetched / "unpacked" / Path(known.data[0]).name / member
            known._convert_format(str(archive), str(tmp_path / "text"))
            assert [row[side] for row in rows] == lines(tmp_path / "text")
    assert rows[1][0] == "Two cats sleep ."


@pytest.mark.parametrize("form", ["jsonl", "jsonl without a key", "text", "text.gz", "parquet"])
def test_training_text_of_the_hub_comes_in_several_forms(
    form: str, tmp_path: Path, md5_of_archives: Callable[[Path], None]
) -> None:
    newstests(tmp_path)
    md5_of_archives(tmp_path)
    write_training_text(tmp_path, form)
    folder = tmp_path / "new"
    write_published("wmt14-en-de", folder, origin=tmp_path)
    assert lines(folder / "train.en") == ENGLISH
    assert lines(folder / "train.de") == GERMAN
    assert lines(folder / "newstest2014.de") == GERMAN
    check_sums(folder)


def write_training_text(folder: Path, form: str) -> None:
    pairs = [{"de": german, "en": english} for german, english in zip(GERMAN, ENGLISH, strict=True)]
    if form == "parquet":
        parquet = pytest.importorskip("pyarrow.parquet", reason="pyarrow is not installed")
        table = pytest.importorskip("pyarrow").Table.from_pylist
        (folder / "de-en").mkdir()
        for number, some in enumerate((pairs[:2], pairs[2:])):
            path = folder / "de-en" / f"train-0000{number}-of-00002.parquet"
            parquet.write_table(table([{"translation": pair} for pair in some]), path)
    elif form.startswith("jsonl"):
        rows = pairs if "without" in form else [{"translation": pair} for pair in pairs]
        (folder / "train.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    else:
        import gzip

        for language in ("de", "en"):
            text = "".join(f"{pair[language]}\n" for pair in pairs).encode()
            end = form.removeprefix("text")
            content = gzip.compress(text) if end else text
            (folder / f"train.{language}{end}").write_bytes(content)


def test_running_text_is_cut_between_characters(tmp_path: Path, small: Small) -> None:
    wikipedia(tmp_path)
    parts = cut_for_wikipedia(catalogue()["enwik8"])
    small("enwik8", tmp_path, parts=parts)
    folder = tmp_path / "enwik8"
    counts = write_published("enwik8", folder, origin=tmp_path).counts
    texts = [(folder / f"{part}.txt").read_bytes() for part in ("train", "valid", "test")]
    assert b"".join(texts) == ENWIK.encode()
    assert [len(text) for text in texts] == [70, 16, 42]
    assert counts["train"].written == len(texts[0].decode())


def test_tiny_shakespeare_is_one_text_with_its_line_ends(tmp_path: Path, small: Small) -> None:
    text = "First Citizen:\n\nBefore we proceed\r\nany further, hear me speak."
    (tmp_path / "input.txt").write_bytes(text.encode())
    small("tiny-shakespeare", tmp_path)
    for origin in (tmp_path, tmp_path / "input.txt"):
        folder = tmp_path / f"from-{origin.name}"
        write_published("tiny-shakespeare", folder, origin=origin)
        assert (folder / "input.txt").read_bytes() == text.encode()
        check_sums(folder)


def test_characters_that_would_break_a_line_become_spaces(tmp_path: Path) -> None:
    rows = [{"en": "one\ntwo\r\nthree\x00", "de": "eins\u2028zwei"}]
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) for row in rows))
    folder = tmp_path / "new"
    write_published("wmt14-en-de", folder, origin=tmp_path)
    assert lines(folder / "train.en") == ["one two  three "]
    assert lines(folder / "train.de") == ["eins\u2028zwei"]


def test_filters_are_counted_and_spare_validation_and_test_text(tmp_path: Path) -> None:
    english = ["a b c", "a b c", "", "a b c d e f", "a", "x y"]
    german = ["d e f", "d e f", "g", "g h i j k l", "g h i j", "x z"]
    for name in ("train", "valid", "test"):
        for language, side in (("en", english), ("de", german)):
            (tmp_path / f"{name}.{language}").write_text("".join(f"{line}\n" for line in side))
    filters = {"max_length": 5, "max_ratio": 2.0, "drop_duplicates": True}
    folder = tmp_path / "new"
    written = write_published("wmt14-en-de", folder, origin=tmp_path, filters=Filters(**filters))
    train = written.counts["train"]
    assert train.said() == (
        "6 pairs read, 1 empty, 1 too long, 1 of unlike length, 1 duplicate, 2 written"
    )
    assert lines(folder / "train.en") == ["a b c", "x y"]
    assert lines(folder / "newstest2013.en") == english
    assert record(folder)["parts"]["train"]["dropped"] == dict(train.dropped)
    assert record(folder)["filters"] == {**filters, "everywhere": False}
    everywhere = Filters(**filters, everywhere=True)
    folder = tmp_path / "everywhere"
    write_published("wmt14-en-de", folder, origin=tmp_path, filters=everywhere)
    assert lines(folder / "newstest2014.de") == ["d e f", "x z"]


def test_nothing_is_written_where_no_pair_is_left(tmp_path: Path) -> None:
    for name in ("train", "valid", "test"):
        (tmp_path / f"{name}.jsonl").write_text(json.dumps({"en": "a b", "de": "c d"}))
    with pytest.raises(UserError, match="train: no pair is left: 1 pairs read, 1 too long"):
        write_published(
            "wmt14-en-de", tmp_path / "new", origin=tmp_path, filters=Filters(max_length=1)
        )
    assert not list(tmp_path.glob("*new*"))


def test_memory_does_not_grow_with_the_corpus(tmp_path: Path) -> None:
    peaks = []
    for count in (2_000, 12_000):
        (origin := tmp_path / str(count)).mkdir()
        for name, lines_of in (("train", count), ("valid", 1), ("test", 1)):
            for language in ("en", "de"):
                text = "".join(f"sentence number {number} is here\n" for number in range(lines_of))
                (origin / f"{name}.{language}").write_text(text)
        tracemalloc.start()
        write_published("wmt14-en-de", origin / "new", origin=origin, filters=Filters(max_ratio=2))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0], peaks
