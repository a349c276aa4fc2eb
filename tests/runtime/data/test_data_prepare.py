import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from compiler.spec.spec import Spec
from runtime.data import sentences as sentences_module
from runtime.data.batches import Padded, batches
from runtime.data.files import read_rows
from runtime.data.prepare import Prepared, entry_name, file_digests, load_prepared, prepare
from runtime.data.symbols import END, UNKNOWN
from runtime.errors import UserError

MakeSpec = Callable[..., Spec]
Run = Callable[..., Prepared]

ROOT = Path(__file__).parents[3]
MULTI30K = ROOT / ".." / "shared" / "data" / "multi30k"
SENTENCEPIECE = {"kind": "sentencepiece", "model": "bpe", "character_coverage": 1.0}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def report() -> list[str]:
    return []


@pytest.fixture
def run(make_spec: MakeSpec, cache: Path, report: list[str]) -> Run:
    """run(**settings of make_spec): prepares, with new lines in `report`."""

    def run(**settings: object) -> Prepared:
        report.clear()
        return prepare(make_spec(**settings), cache, report=report.append)

    return run


def entries(cache: Path) -> list[str]:
    return [path.name for path in cache.iterdir() if path.name != ".lock"]


def append(path: Path, text: str) -> None:
    with path.open("a") as file:
        file.write(text)


@pytest.mark.quick
def test_what_is_prepared_is_the_text(run: Run, make_spec: MakeSpec) -> None:
    prepared, data = run(), make_spec().data
    assert prepared.target is prepared.source
    for corpus, pairs in ((data.train, prepared.train), (data.test, prepared.tests["test"])):
        lines = list(read_rows(corpus, data.folder))
        assert len(pairs) == len(lines)
        for number, (source, target) in enumerate(lines):
            assert pairs.source(number).tolist() == [*prepared.source.encode(source), END]
            assert pairs.target(number).tolist() == [*prepared.target.encode(target), END]
            assert pairs.source_lengths[number] == len(source.split()) + 1
            assert pairs.target_lengths[number] == len(target.split()) + 1


@pytest.mark.quick
def test_prepared_text_does_not_depend_on_dropout(make_spec: MakeSpec) -> None:
    names = {
        entry_name(spec, file_digests(spec))
        for dropout in (None, 0.1)
        for spec in [make_spec(tokenizer=SENTENCEPIECE | {"dropout": dropout})]
    }
    assert len(names) == 1


@pytest.mark.quick
def test_pieces_join(run: Run, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run().train.sources
    shutil.rmtree(cache)
    monkeypatch.setattr("runtime.data.tokenising.PIECE", 7)
    pieces = run().train.sources
    assert pieces.tokens.tolist() == whole.tokens.tolist()
    assert pieces.ends.tolist() == whole.ends.tolist()


@pytest.mark.quick
def test_arrays_are_mapped_and_cannot_be_changed(run: Run) -> None:
    tokens = run().train.sources.tokens
    assert tokens.dtype == "int32"
    with pytest.raises(ValueError, match="read-only"):
        tokens[0] = 0


@pytest.mark.parametrize("tokenizer", [SENTENCEPIECE, {"kind": "segmented", "joiner": "@@"}])
def test_separate_vocabularies(
    run: Run, make_spec: MakeSpec, text: Path, tokenizer: dict[str, object]
) -> None:
    append(text / "train.source", "quax quux quax\n")
    append(text / "train.target", "das das\n")
    segmented = tokenizer["kind"] == "segmented"
    source, target = (21, 19) if segmented else (30, 28)
    vocabulary = {"shared": False, "source": source, "target": target}
    prepared = run(vocabulary=vocabulary, tokenizer=tokenizer)
    assert (prepared.source.size, prepared.target.size) == (source, target)
    assert UNKNOWN not in prepared.source.encode("quax")
    assert UNKNOWN in prepared.target.encode("quax")
    spec = make_spec(vocabulary=vocabulary, tokenizer=tokenizer)
    again = load_prepared(spec, prepared.folder, prepared.digests)
    assert again.target.encode("quax") == prepared.target.encode("quax")


def test_empty_sides_are_left_out_of_train_and_valid_but_not_of_test(
    run: Run, text: Path, report: list[str]
) -> None:
    for part in ("train", "valid", "test"):
        append(text / f"{part}.source", "\nder hund\n \n")
        append(text / f"{part}.target", "die maus\n\n\n")
    prepared = run()
    assert (len(prepared.train), len(prepared.valid), len(prepared.tests["test"])) == (300, 20, 13)
    assert (
        prepared.tests["test"].source(10).tolist()
        == [END]
        == prepared.tests["test"].target(12).tolist()
    )
    assert [line.partition("; ")[2] for line in report[1:]] == [
        "left out: 3 with an empty side, 0 longer than 256 tokens",
        "left out: 3 with an empty side, 0 longer than 256 tokens",
        "",
    ]


@pytest.mark.quick
def test_a_test_set_of_empty_lines(run: Run, text: Path) -> None:
    for side in ("source", "target"):
        (text / f"test.{side}").write_text("\n\n")
    assert run().tests["test"].source_lengths.tolist() == [1, 1]


@pytest.mark.parametrize(
    "settings",
    [
        {"max_length": 6},
        {"max_length": 256, "position": {"kind": "learned", "max_length": 6}},
        {"max_length": 6, "position": {"kind": "learned", "max_length": 256}},
    ],
)
def test_long_pairs_are_left_out_of_train_and_valid_but_not_of_test(
    run: Run, report: list[str], settings: dict[str, object]
) -> None:
    whole, prepared = run(), run(**settings)
    assert prepared.train.sizes.max() == 6
    assert len(prepared.train) == (whole.train.sizes <= 6).sum()
    assert len(prepared.valid) == (whole.valid.sizes <= 6).sum()
    assert len(prepared.tests["test"]) == len(whole.tests["test"])
    left_out = len(whole.train) - len(prepared.train)
    assert report[1].endswith(f"left out: 0 with an empty side, {left_out} longer than 6 tokens")


def test_no_pair_left(run: Run, cache: Path) -> None:
    with pytest.raises(UserError, match=r"data\.train has no pair left: 0 .* 300 longer than 2"):
        run(max_length=2)
    assert entries(cache) == []


def test_pairs_larger_than_a_micro_batch_are_reported(run: Run, report: list[str]) -> None:
    prepared = run(training={"batch_tokens": 24, "accumulate": 4})
    fitting = sum(map(len, batches(prepared.train, Padded(tokens=6), seed=1, epoch=1)))
    assert report[-1] == (
        f"train: {300 - fitting} pairs larger than a batch of 6 tokens are left out"
    )
    run(training={"batch_tokens": 4000, "accumulate": 4})
    assert report[0] == f"prepared text from {prepared.folder}"
    assert report[-1].startswith("test: ")


def test_unknown_tokens_are_reported(run: Run, text: Path, report: list[str]) -> None:
    (text / "valid.source").write_text("der hund xxx yyy\n")
    (text / "valid.target").write_text("die katze zzz nicht\n")
    run()
    assert report[2] == "valid: 1 pairs, 4 source and 4 target tokens, 37.50% unknown"


def test_the_cache_is_used_again_and_reports_the_same(run: Run, report: list[str]) -> None:
    folder = run().folder
    made = list(report)
    times = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    assert run().folder == folder
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == times
    assert (made[0], report[0]) == (
        f"preparing text into {folder}",
        f"prepared text from {folder}",
    )
    assert made[1:] == report[1:]
    assert len(made) == 4


@pytest.mark.parametrize("part", ["train", "valid", "test"])
@pytest.mark.parametrize("side", ["source", "target"])
def test_a_changed_byte_of_the_text_makes_a_new_entry(
    run: Run, text: Path, part: str, side: str
) -> None:
    before = run().folder
    file = text / f"{part}.{side}"
    content = file.read_bytes()
    file.write_bytes(content.replace(b"hund", b"maus", 1))
    changed = run().folder
    file.write_bytes(content)
    assert changed != before == run().folder


def test_what_else_makes_a_new_entry(run: Run) -> None:
    pieces = {"vocabulary": {"shared": True, "size": 30}}
    folders = [
        run(**settings).folder
        for settings in (
            {},
            {"max_length": 9},
            {"vocabulary": {"shared": True, "size": 18}},
            {"tokenizer": {"kind": "segmented", "joiner": "_"}},
            pieces | {"tokenizer": SENTENCEPIECE},
            pieces | {"tokenizer": SENTENCEPIECE | {"model": "unigram"}},
        )
    ]
    assert len(set(folders)) == len(folders)


def test_columns_make_a_new_entry(run: Run, text: Path) -> None:
    lines = (text / "train.source").read_text().splitlines()
    (text / "a.tsv").write_text("".join(f"{line}\tdas\t{line} hund\n" for line in lines))
    one, other = (
        run(train={"tsv": "a.tsv", "source_column": 0, "target_column": column})
        for column in (1, 2)
    )
    assert one.folder != other.folder
    assert one.train.target(0).tolist() != other.train.target(0).tolist()


def test_places_and_recipes_make_no_new_entry(run: Run, text: Path, tmp_path: Path) -> None:
    before = run().folder
    shutil.copytree(text, tmp_path / "moved")
    moved = run(folder=str(tmp_path / "moved"), training={"seed": 7, "batch_tokens": 99})
    assert moved.folder == before


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (errno.ENOSPC, "cannot be written to .*cache: the disk is full"),
        (errno.EACCES, "cannot be written to .*cache: Permission denied"),
    ],
)
@pytest.mark.parametrize("call", [1, 5])
def test_a_disk_that_fills_up(
    run: Run,
    cache: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: int,
    message: str,
    call: int,
) -> None:
    calls = iter(range(1, call + 1))

    def add(self: sentences_module.SentencesWriter, sentences: sentences_module.TokenLists) -> None:
        if next(calls) == call:
            raise OSError(error, os.strerror(error))
        original(self, sentences)

    original = sentences_module.SentencesWriter.add_closed
    with monkeypatch.context() as patch:
        patch.setattr(sentences_module.SentencesWriter, "add_closed", add)
        with pytest.raises(UserError, match=message):
            run()
    assert entries(cache) == []
    assert len(run().train) == 300


@pytest.mark.quick
def test_a_cache_that_is_a_file(run: Run, cache: Path) -> None:
    cache.write_text("")
    with pytest.raises(UserError, match=r"prepared text cannot be written to .*cache: "):
        run()


@pytest.mark.quick
def test_an_interruption_leaves_nothing(
    run: Run, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(sentences_module.SentencesWriter, "add_closed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        run()
    assert entries(cache) == []


KILLED = """
import os, signal, sys
from pathlib import Path
from compiler.spec.spec import Spec
from runtime.data import prepare, sentences
add = sentences.SentencesWriter.add_closed
calls = iter(range(4))
def killed(self, tokens):
    add(self, tokens)
    if next(calls) == 3:
        os.kill(os.getpid(), signal.SIGKILL)
sentences.SentencesWriter.add_closed = killed
prepare.prepare(Spec.model_validate_json(sys.argv[1]), Path(sys.argv[2]), report=print)
"""


@pytest.mark.quick
def test_a_killed_preparation_leaves_no_entry(run: Run, make_spec: MakeSpec, cache: Path) -> None:
    """It leaves a hidden folder, which the next preparation removes, even one of another spec."""
    command = [sys.executable, "-c", KILLED, make_spec().model_dump_json(), str(cache)]
    killed = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.DEVNULL)
    assert killed.returncode == -signal.SIGKILL
    assert [name[0] for name in entries(cache)] == ["."]
    folder = run(max_length=9).folder
    assert entries(cache) == [folder.name]


def test_several_at_once_make_one_entry(
    make_spec: MakeSpec, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each thread opens the lock anew, which makes it as foreign to the others as a process."""
    made = []
    write = prepare.__globals__["_write"]

    def count(*arguments: object) -> None:
        made.append(arguments)
        write(*arguments)

    monkeypatch.setitem(prepare.__globals__, "_write", count)
    spec, prepared = make_spec(), []
    threads = [
        threading.Thread(
            target=lambda: prepared.append(prepare(spec, cache, report=lambda _: None))
        )
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(prepared) == 4
    assert len(made) == 1


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("file", ["train/source.tokens", "valid/target.ends"])
@pytest.mark.parametrize("damage", ["truncated", "missing", "empty"])
def test_an_incomplete_entry_is_made_anew(
    run: Run, report: list[str], file: str, damage: str
) -> None:
    folder = run().folder
    path, made = folder / file, files_of(folder)
    match damage:
        case "truncated":
            path.write_bytes(path.read_bytes()[:-8])
        case "missing":
            path.unlink()
        case "empty":
            path.write_bytes(b"")
    assert run().folder == folder
    assert report[1] == f"that text is damaged: preparing it anew into {folder}"
    assert files_of(folder) == made


def test_a_flaw_in_the_last_file_is_found_before_the_slow_work(
    run: Run, text: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.data.tasks.translation.train_tokenizers", pytest.fail)
    append(text / "test.target", "one more\n")
    with pytest.raises(UserError, match=r"test\.source has 10 lines, but .* has 11"):
        run()


def test_preparation_needs_no_torch() -> None:
    command = "import sys, runtime.data.prepare; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=False).returncode == 0


@pytest.mark.quick
@pytest.mark.skipif(not MULTI30K.is_dir(), reason="Multi30k is not there")
def test_multi30k(run: Run, report: list[str]) -> None:
    files = {"train": "train", "valid": "valid", "test": "test.2016"}
    prepared = run(
        vocabulary={"shared": True, "size": 9712},
        folder=str(MULTI30K / "bpe"),
        **{part: {"source": f"{f}.en", "target": f"{f}.de"} for part, f in files.items()},
    )
    assert prepared.source.size == 9712
    assert [len(p) for p in (prepared.train, prepared.valid, prepared.tests["test"])] == [
        29000,
        1014,
        1000,
    ]
    assert all("left out" not in line for line in report)
    reference = MULTI30K / "tok" / "test_2016_flickr.lc.norm.tok.de"
    decoded = [
        prepared.target.decode(prepared.tests["test"].target(i).tolist()) for i in range(1000)
    ]
    expected = reference.read_text(encoding="utf-8").split("\n")[:-1]
    differing = [pair for pair in zip(decoded, expected, strict=True) if pair[0] != pair[1]]
    assert all("<unk>" in got for got, _ in differing), differing[:3]


@pytest.mark.parametrize(
    "file",
    [
        *("train/source.tokens", "valid/target.ends", "tests/test/source.tokens", "facts.txt"),
        *("tokenizers/source/vocabulary.txt", "tokenizers/source/tokenizer.json", "SHA256SUMS"),
    ],
)
@pytest.mark.parametrize("damage", ["flipped", "folder", "new"])
def test_an_entry_that_is_not_as_it_was_is_made_anew(
    run: Run, report: list[str], file: str, damage: str
) -> None:
    folder = run().folder
    path, made = folder / file, files_of(folder)
    content = bytearray(path.read_bytes())
    if damage == "flipped":
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    elif damage == "folder":
        path.unlink()
        path.mkdir()
    else:
        path.with_name("more").write_bytes(b"")
    assert run().folder == folder
    assert report[1] == f"that text is damaged: preparing it anew into {folder}"
    assert files_of(folder) == made


def test_an_entry_of_another_layout_is_left_alone(
    run: Run, report: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(prepare.__globals__, "LAYOUT", 1)
        older = run().folder
    (older / "SHA256SUMS").unlink()
    newer = run()
    assert newer.folder != older
    assert newer.entry == older.name.partition("-")[0]
    assert report[0] == f"preparing text into {newer.folder}"
    assert older.is_dir()


def test_text_that_grows_while_it_is_prepared_makes_no_entry(
    run: Run, text: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pairs that came too late must not stand under the hash of those before."""
    train = prepare.__globals__["task_of"]

    def grow(spec: Spec) -> object:
        for side in ("source", "target"):
            append(text / f"train.{side}", "der hund\n")
        return train(spec)

    with monkeypatch.context() as patch:
        patch.setitem(prepare.__globals__, "task_of", grow)
        with pytest.raises(UserError, match=r"train\.source has changed while it was read"):
            run()
    assert entries(cache) == []
    assert len(run().train) == 301


def test_text_that_is_learned_from_and_scored_is_reported(
    run: Run, text: Path, report: list[str]
) -> None:
    shutil.copy(text / "train.source", text / "valid.source")
    shutil.copy(text / "train.target", text / "valid.target")
    run()
    assert any("warning: data.valid has the very text of data.train" in line for line in report)


def test_test_sets_have_names_or_there_is_none(run: Run) -> None:
    files = {"source": "valid.source", "target": "valid.target"}
    prepared = run(test=None, tests={"train-like": files, "tokenizers": files})
    assert {name: len(pairs) for name, pairs in prepared.tests.items()} == {
        "train-like": 20,
        "tokenizers": 20,
    }
    assert run(test=None).tests == {}


@pytest.mark.quick
@pytest.mark.parametrize("joiner", [" ", "@ @", "\t", "\u00a0"])
def test_a_joiner_has_no_spaces(make_spec: MakeSpec, joiner: str) -> None:
    with pytest.raises(ValidationError, match="a mark without spaces"):
        make_spec(tokenizer={"kind": "segmented", "joiner": joiner})
