"""`specformer export`: what it prints and leaves behind, with an exporter of the tests' own."""

import json
import multiprocessing
import os
import shutil
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from compiler.export.verdict import refused, said_otherwise
from runtime.command.export import PIPED
from runtime.export.exporter import Options, Written
from runtime.export.folder import new_export
from runtime.export.own_network import OwnNetwork
from runtime.export.source import Exportable
from tests.export.random_runs import random_run, trees
from tests.runtime.command.conftest import Command
from tests.support.own_format import NAME, OwnExporter, OwnTarget


def left(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


@pytest.mark.usefixtures("own_exporter")
def test_a_folder_is_compared_and_described(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    ended = specformer("export", trained_run, "--to", NAME, "--out", "out")
    assert ended.code == 0, ended.err
    assert left(tmp_path / "out") == ["export.json", "weights.safetensors"]
    lines = ended.out.splitlines()
    assert lines[0].startswith(f"{trained_run} -> out: a network, ")
    assert lines[1].startswith("weights         the mean of the last")
    assert lines[2:5] == ["converted       one thing", "unsupported     another", f"{'':<16}more"]
    assert lines[5].startswith("compared        10 validation sentences: log-probabilities within ")
    texts = "greedy 10/10, beam 4 (length) 10/10, beam 4 (gnmt) 10/10 texts equal"
    assert lines[6:] == [f"{'':<16}{texts}"]


@pytest.mark.usefixtures("own_exporter")
def test_a_text_that_has_moved_is_named_and_found(
    specformer: Command, trained_run: Path, corpus: Path, tmp_path: Path
) -> None:
    moved = shutil.copytree(corpus, tmp_path / "moved")
    text = (moved / "valid.en").read_text().splitlines()
    (moved / "valid.en").write_text("".join(f"{line}\n" for line in text[:5]))
    for each in moved.glob("valid.*"):
        lines = each.read_text().splitlines(keepends=True)
        each.write_text("".join(lines[:5]))
    ended = specformer("export", trained_run, "--to", NAME, "--out", "out", "--data", moved)
    assert "compared        5 validation sentences:" in ended.out, ended.err
    (moved / "valid.en").unlink()
    ended = specformer("export", trained_run, "--to", NAME, "--out", "new", "--data", moved)
    assert (ended.code, "there is no file" in ended.err) == (2, True)
    assert left(tmp_path) == ["moved", "out"]


def test_a_published_model_without_a_text_is_compared_on_drawn_ones(
    specformer: Command, own_exporter: OwnExporter, tmp_path: Path
) -> None:
    """Its spec names files that nobody has written yet."""
    for number, tree in enumerate(trees(10)):
        folder = tmp_path / f"{number}"
        folder.mkdir()
        run = random_run(tree, folder)[1].run.folder
        ended = specformer("export", run, "--to", NAME, "--out", folder / "out")
        assert ended.code == 0, ended.err
        assert " texts of tokens drawn at random: " in ended.out
    for options, message in (
        (("--data", "nowhere"), "there is no file nowhere/"),
        (("--compare", "all"), "has no validation set whose sentences could all be compared"),
    ):
        ended = specformer("export", run, "--to", NAME, "--out", "wrong", *options)
        assert (ended.code, message in ended.err) == (2, True), ended.err
    own_exporter.added = 1e-2
    assert specformer("export", run, "--to", NAME, "--out", "wrong").code == 2


@pytest.mark.usefixtures("own_exporter")
def test_the_record_has_checkpoints_versions_and_the_comparison(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    specformer("export", trained_run, "--to", NAME, "--out", "out", "--checkpoint", "4")
    record = json.loads((tmp_path / "out" / "export.json").read_text())
    assert record["run"] == trained_run.name
    assert (record["format"], record["updates"]) == (NAME, [4])
    assert [len(each) for each in record["checkpoints"].values()] == [64]
    assert {"specformer", "torch", "safetensors"} == set(record["versions"])
    assert record["unsupported"] == ["another", "more"]
    assert record["compared"]["difference"] < 1e-5
    assert [each["count"] for each in record["compared"]["texts"]] == [10, 10, 10]


@pytest.mark.usefixtures("own_exporter")
def test_the_weights_are_those_of_the_chosen_checkpoints(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    checkpoints = trained_run / "checkpoints"
    states = [load_file(each / "model.safetensors") for each in sorted(checkpoints.glob("*0*"))]
    specformer("export", trained_run, "--to", NAME, "--out", "last", "--average", 1)
    specformer("export", trained_run, "--to", NAME, "--out", "mean", "--average", 2)
    last, mean = (load_file(tmp_path / each / "weights.safetensors") for each in ("last", "mean"))
    for name, tensor in states[-1].items():
        assert torch.equal(last[name], tensor)
        both = torch.stack([each[name] for each in states[-2:]]).double().mean(0)
        assert torch.allclose(mean[name], both.float())


@pytest.mark.parametrize("added", [3e-3, float("nan")])
def test_a_network_that_differs_leaves_nothing_behind(
    specformer: Command,
    trained_run: Path,
    own_exporter: OwnExporter,
    tmp_path: Path,
    added: float,
) -> None:
    own_exporter.added = added
    ended = specformer("export", trained_run, "--to", NAME)
    assert ended.code == 2
    assert "the export to safetensors is not the network of" in ended.err
    assert "log-probabilities differ by" in ended.err
    assert own_exporter.opened == [["weights.safetensors"]]
    assert left(tmp_path) == []


@pytest.mark.usefixtures("own_exporter")
def test_texts_that_differ_are_refused_and_named(
    specformer: Command,
    trained_run: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    """The numbers of references may be right where the search of a format is not."""
    from runtime.export import own_network

    answers = own_network.OwnNetwork.texts

    def others(self, lines, decoding):  # type: ignore[no-untyped-def]
        found = answers(self, lines, decoding)
        if self.model is made[-1].model:
            (first, *rest) = found
            tokens = (*first.tokens[:1], 7, *first.tokens)
            found = [own_network.Answer(text="something else", tokens=tokens), *rest]
        return found

    made = []
    load = OwnExporter.load

    def loaded(self, folder, exportable):  # type: ignore[no-untyped-def]
        made.append(load(self, folder, exportable))
        return made[-1]

    monkeypatch.setattr(own_network.OwnNetwork, "texts", others)
    monkeypatch.setattr(OwnExporter, "load", loaded)
    ended = specformer("export", trained_run, "--to", NAME)
    assert ended.code == 2
    assert "greedy: line 1 is written as 'something else', not " in ended.err
    assert left(tmp_path) == []


def test_rounded_weights_are_compared_without_a_bound(
    specformer: Command, trained_run: Path, own_exporter: OwnExporter, tmp_path: Path
) -> None:
    own_exporter.added = 0.1
    ended = specformer("export", trained_run, "--to", NAME, "--quantize", "int8")
    assert ended.code == 0, ended.err
    assert left(tmp_path / "exports") == ["demo-safetensors-int8"]
    ended = specformer("export", trained_run, "--to", NAME, "--quantize", "int8_bfloat16")
    assert ended.code == 2
    assert "--quantize int8_bfloat16: an export to safetensors has no such weights" in ended.err


@pytest.mark.parametrize("method", ["write", "load"])
def test_a_library_that_fails_is_named(
    method: str,
    specformer: Command,
    trained_run: Path,
    own_exporter: OwnExporter,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    def failing(*_: object) -> None:
        raise RuntimeError("no such operator\nand more")

    monkeypatch.setattr(OwnExporter, method, failing)
    ended = specformer("export", trained_run, "--to", own_exporter.name)
    assert ended.code == 2
    assert "the export to safetensors failed: RuntimeError: no such operator\n" in ended.err
    assert "Traceback" not in ended.err
    assert left(tmp_path) == []


@pytest.mark.usefixtures("own_exporter")
def test_what_does_not_fit_is_refused_before_weights_are_read(
    specformer: Command, trained_run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runtime.export.source import Exportable

    monkeypatch.setattr(Exportable, "of", lambda *_: pytest.fail("weights were read"))
    for option, message in (
        (("--quantize", "int8_bfloat16"), "has no such weights"),
        (("--aot",), "has no programs that could be compiled"),
    ):
        ended = specformer("export", trained_run, "--to", NAME, *option)
        assert (ended.code, message in ended.err) == (2, True), ended.err


@pytest.mark.usefixtures("own_exporter")
def test_a_folder_names_no_path_and_no_text(
    specformer: Command, trained_run: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from runtime.export import comparison

    same = comparison.Answer
    texts = OwnNetwork.texts
    calls: list[int] = []

    def sometimes(self: OwnNetwork, lines: list[str], decoding: object) -> list[object]:
        found = texts(self, lines, decoding)  # type: ignore[arg-type]
        calls.append(len(calls))
        if len(calls) != 4:  # the exported network's beam
            return [*found]
        return [same(text="other words", tokens=(9, 9, *found[0].tokens)), *found[1:]]

    monkeypatch.setattr(OwnNetwork, "texts", sometimes)
    ended = specformer("export", trained_run, "--to", NAME, "--out", "out")
    assert "beam 4 (length), others: line 1\n" in ended.out, ended.err
    text = (tmp_path / "out" / "export.json").read_text()
    assert "other words" not in text
    assert '"/' not in text
    assert json.loads(text)["compared"]["texts"][1]["others"] == [1]


def test_a_missing_library_is_named_before_anything_is_written(
    specformer: Command, trained_run: Path, own_exporter: OwnExporter, tmp_path: Path
) -> None:
    own_exporter.libraries = {"no_such_library": "no-such-library", "torch": "torch"}
    ended = specformer("export", trained_run, "--to", NAME)
    assert ended.code == 2
    assert "an export to safetensors needs no-such-library:" in ended.err
    assert "help: pip install no-such-library\n" in ended.err
    assert left(tmp_path) == []


def test_a_library_that_cannot_be_imported_is_named(
    specformer: Command,
    trained_run: Path,
    own_exporter: OwnExporter,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "libraries").mkdir()
    (tmp_path / "libraries" / "broken_library.py").write_text("raise ImportError('no symbol')")
    monkeypatch.syspath_prepend(tmp_path / "libraries")
    own_exporter.libraries = {"broken_library": "broken"}
    ended = specformer("export", trained_run, "--to", NAME)
    assert ended.code == 2
    assert "broken_library is installed and cannot be imported: no symbol" in ended.err
    assert "help: pip install --force-reinstall broken\n" in ended.err
    assert left(tmp_path) == ["libraries"]


@pytest.mark.usefixtures("own_exporter")
def test_others_may_read_an_exported_folder(
    specformer: Command,
    trained_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_plainly = OwnExporter.write

    def write(self: OwnExporter, exportable: Exportable, folder: Path, options: Options) -> Written:
        written = write_plainly(self, exportable, folder, options)
        for each in folder.iterdir():
            each.chmod(0o600)
        return written

    monkeypatch.setattr(OwnExporter, "write", write)
    assert specformer("export", trained_run, "--to", NAME, "--out", "out").code == 0
    (tmp_path / "new").touch()
    modes = {each.stat().st_mode for each in (tmp_path / "out").iterdir()}
    assert modes == {(tmp_path / "new").stat().st_mode}


def test_a_folder_that_cannot_be_written_is_named(
    specformer: Command, trained_run: Path, own_exporter: OwnExporter, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("a file")
    for out, reason in (
        ("file/out", "a part of its path is a file"),
        ("/proc/out", "the system lets nobody make a folder in /proc"),
        ("/proc/no/out", "the system lets nobody make a folder in /proc"),
    ):
        ended = specformer("export", trained_run, "--to", NAME, "--out", out)
        assert ended.code == 2
        assert f"{out} cannot be written: {reason}" in ended.err
    assert own_exporter.opened == []
    assert left(tmp_path) == ["file"]


def test_an_existing_folder_is_replaced_by_force_alone(
    specformer: Command, trained_run: Path, own_exporter: OwnExporter, tmp_path: Path
) -> None:
    arguments = ("export", trained_run, "--to", NAME, "--out", "out")
    assert specformer(*arguments).code == 0
    (tmp_path / "out" / "note").write_text("of the user")
    ended = specformer(*arguments)
    assert (ended.code, "out exists already" in ended.err) == (2, True)
    own_exporter.added = 0.1
    assert specformer(*arguments, "--force").code == 2
    assert "note" in left(tmp_path / "out")
    own_exporter.added = 0.0
    assert specformer(*arguments, "--force").code == 0
    assert left(tmp_path / "out") == ["export.json", "weights.safetensors"]
    assert left(tmp_path) == ["out"]


@pytest.mark.usefixtures("own_exporter")
def test_a_folder_of_another_kind_is_never_replaced(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").mkdir()
    ended = specformer("export", trained_run, "--to", NAME, "--out", "out", "--force")
    assert ended.code == 2
    assert "out is no exported folder: it will not be replaced" in ended.err


def _write_until_killed(out: Path, is_writing: object) -> None:
    with new_export(out, force=False) as folder:
        save_file({"x": torch.ones(2)}, folder / "half.safetensors")
        is_writing.set()  # type: ignore[attr-defined]
        signal.pause()


def test_a_killed_export_has_no_name_and_the_next_one_removes_its_rest(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    begun = [context.Event(), context.Event()]
    places = (tmp_path / "out", tmp_path / "out")
    both = [
        context.Process(target=_write_until_killed, args=(place, event))
        for place, event in zip(places, begun, strict=True)
    ]
    for process, event in zip(both, begun, strict=True):
        process.start()
        assert event.wait(20)
    killed, living = both
    assert killed.pid is not None
    os.kill(killed.pid, signal.SIGKILL)
    killed.join()
    assert [each.suffix for each in tmp_path.iterdir()] == [".unfinished"] * 2
    with new_export(tmp_path / "out", force=False) as folder:
        (folder / "export.json").write_text("{}")
    (unfinished,) = tmp_path.glob(".*.unfinished")  # that of the process that still writes
    assert (unfinished / "half.safetensors").is_file()
    assert left(tmp_path / "out") == ["export.json"]
    living.kill()
    living.join()


def test_an_export_that_is_asked_to_end_leaves_nothing(
    specformer: Command,
    trained_run: Path,
    own_exporter: OwnExporter,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(own_exporter, "load", lambda *_: signal.raise_signal(signal.SIGTERM))
    ended = specformer("export", trained_run, "--to", NAME, "--out", tmp_path / "new" / "out")
    assert (ended.code, ended.err) == (128 + signal.SIGTERM, "stopped by SIGTERM\n")
    assert left(tmp_path) == []
    assert signal.getsignal(signal.SIGTERM) == handler


def test_interrupted_exports_leave_nothing(tmp_path: Path) -> None:
    writing = new_export(tmp_path / "new" / "folders" / "out", force=False)
    folder = writing.__enter__()
    (folder / "half").write_text("half")
    with pytest.raises(KeyboardInterrupt):
        writing.gen.throw(KeyboardInterrupt())
    assert left(tmp_path) == []


def test_what_a_format_cannot_say_is_refused_at_its_lines_all_at_once(
    specformer: Command, trained_run: Path, own_exporter: OwnExporter, own_target: OwnTarget
) -> None:
    own_target.others = {
        "model.decoder.layers.0.feed_forward.d_ff": refused("has no such width"),
        "decoding.beam": refused("knows no beam"),
    }
    ended = specformer("export", trained_run, "--to", NAME)
    assert ended.code == 2
    assert ended.err.count("error[not-exportable]: Safetensors ") == 2
    assert "spec.lock.yaml:" in ended.err
    assert "d_ff: 32" in ended.err
    assert own_exporter.opened == []


def test_dry_run_reads_a_spec_and_refuses_what_a_single_format_cannot_say(
    specformer: Command, own_target: OwnTarget, tmp_path: Path
) -> None:
    own_target.others = {"decoding.normalization": said_otherwise("by a length penalty of 1")}
    ended = specformer("export", "demo", "--to", NAME, "--dry-run")
    assert ended.code == 0
    assert "It supports this spec." in ended.out
    assert "converted  decoding.normalization  by a length penalty of 1" in ended.out
    own_target.others = {"decoding.beam": refused("knows no beam")}
    ended = specformer("export", "demo", "--to", NAME, "--dry-run")
    assert ended.code == 2
    assert "no  decoding.beam  knows no beam" in ended.out
    assert "error[not-exportable]: Safetensors knows no beam" in ended.err
    everything = specformer("export", "demo", "--to", "all", "--dry-run")
    assert everything.code == 0
    assert max(map(len, everything.out.splitlines())) <= PIPED
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--to", "gguf"), "there is no format gguf"),
        (("--to", "all"), "--to all shows what each format supports"),
        (("--to", NAME, "--as", "native"), f"--as native is not for --to {NAME}"),
        (("--to", NAME, "--compare", "20"), "compared on at least 50 sentences"),
        (("--to", NAME, "--compare", "some"), "compared on at least 50 sentences"),
        (("--to", NAME, "--format", "json"), "--format would be ignored"),
        (
            ("--to", NAME, "--dry-run", "--out", "out", "--quantize", "int8", "--force"),
            "--out and --quantize and --force would be ignored",
        ),
        (("--to", NAME, "--dry-run", "--compare", "60"), "--compare would be ignored"),
        (("--to", NAME, "--checkpoint", "3"), "has no checkpoint of update 3"),
    ],
)
@pytest.mark.usefixtures("own_exporter")
def test_wrong_options_are_explained(
    specformer: Command,
    trained_run: Path,
    arguments: tuple[str, ...],
    message: str,
) -> None:
    ended = specformer("export", trained_run, *arguments)
    assert (ended.code, message in ended.err) == (2, True), ended.err
