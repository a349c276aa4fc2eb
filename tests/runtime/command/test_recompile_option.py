"""`--recompile`: the run of a stranger, without any code of theirs."""

import json
import shutil
from pathlib import Path

import pytest

import runtime
from runtime.errors import UserError
from tests.runtime.command.conftest import Command


@pytest.fixture
def strange(trained_run: Path, tmp_path: Path) -> Path:
    """A run whose code would leave a trace, and whose package holds what no package has."""
    run = Path(shutil.copytree(trained_run, tmp_path / "strange"))
    for name in ("__init__.py", "model.py", "training.py"):
        (run / "package" / name).write_text(f"open({str(tmp_path / 'it-ran')!r}, 'w').close()\n")
    (run / "package" / "torch.py").write_text("1 / 0\n")
    return run


def test_the_lock_is_compiled_and_no_code_of_the_run_is_imported(
    specformer: Command, trained_run: Path, strange: Path, tmp_path: Path
) -> None:
    (tmp_path / "in.txt").write_text("We thanked the policeman.\n")
    options = ("--input", "in.txt", "--workers", 1)
    assert specformer("translate", strange, *options).code == 2
    recompiled = specformer("translate", strange, "--recompile", *options)
    assert recompiled.code == 0, recompiled.err
    assert recompiled.out == specformer("translate", trained_run, *options).out
    assert specformer("evaluate", strange, "--recompile", "--workers", 1).code == 0
    loaded = runtime.load(strange, recompile=True)
    assert loaded.translate(["We thanked the policeman."])  # type: ignore[union-attr]
    with pytest.raises(UserError, match="cannot hold this"):
        runtime.load(strange)
    assert not (tmp_path / "it-ran").exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested deeper than 40 levels"),
        ("name: demo\nextends: demo\n", "a lock holds every setting"),
        ("name: demo\nextends: /etc/passwd\n", "a lock holds every setting"),
        ("x" * 2**21, "more than 1 MiB"),
        ("", "the file holds no spec"),
    ],
)
def test_the_lock_is_read_as_a_spec_of_a_stranger(
    text: str, message: str, specformer: Command, strange: Path
) -> None:
    (strange / "package" / "spec.lock.yaml").write_text(text)
    ended = specformer("translate", strange, "--recompile")
    assert (ended.code, message in ended.err, "root:" in ended.err) == (2, True, False), ended.err


@pytest.mark.parametrize("place", ["tokenizers", "tokenizers/source", "tokenizers/source/*.model"])
def test_tokenizers_behind_links_are_refused(
    place: str, specformer: Command, strange: Path, tmp_path: Path
) -> None:
    """Also where `run.json` lists no checksums, as in runs of earlier versions."""
    begun = json.loads((strange / "run.json").read_text())
    del begun["tokenizers"], begun["sha256"]
    (strange / "run.json").write_text(json.dumps(begun))
    (linked,) = strange.glob(place)
    linked.rename(tmp_path / "elsewhere")
    linked.symlink_to(tmp_path / "elsewhere")
    ended = specformer("translate", strange, "--recompile")
    assert (ended.code, f"{linked} is a link" in ended.err) == (2, True), ended.err


def test_evaluate_writes_into_the_run_and_not_where_its_links_lead(
    specformer: Command, strange: Path, tmp_path: Path
) -> None:
    names = ("evaluation-test.json", "evaluation-test.txt")
    for name in names:
        (tmp_path / name).write_text("mine\n")
        (strange / name).unlink(missing_ok=True)
        (strange / name).symlink_to(tmp_path / name)
    ended = specformer("evaluate", strange, "--recompile", "--workers", 1)
    assert ended.code == 0, ended.err
    for name in names:
        assert (tmp_path / name).read_text() == "mine\n"
        assert (strange / name).is_file()
        assert not (strange / name).is_symlink()


@pytest.mark.quick
def test_weights_of_another_network_are_refused(specformer: Command, strange: Path) -> None:
    lock = strange / "package" / "spec.lock.yaml"
    lock.write_text(lock.read_text().replace("d_ff: 32", "d_ff: 64"))
    ended = specformer("translate", strange, "--recompile")
    assert ended.code == 2
    assert "belongs to a spec with another `model:`" in ended.err
