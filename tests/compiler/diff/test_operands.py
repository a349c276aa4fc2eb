"""What can be compared: specs, packages and runs, on the disk and in git; and what cannot."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from compiler.diff.operand import Operand, read_operand
from compiler.diff.revision import is_at_revision
from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from compiler.spec import library

pytestmark = pytest.mark.quick

HERE = Path(__file__).parent
Git = Callable[..., str]


def rejected(reference: str) -> str:
    with pytest.raises(Rejected) as rejected:
        read_operand(reference)
    return str(rejected.value)


def commit(git: Git, **files: str) -> None:
    for name, text in files.items():
        path = Path(name.replace("__", "/") + ".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    git("add", ".")
    git("commit", "-qm", "files")


@pytest.fixture
def history(git: Git) -> Git:
    """A base of 4 heads that has 8 later, and a child that stays as it is."""
    base = (HERE / "base.yaml").read_text()
    commit(git, specs__base=base, specs__child="extends: base.yaml\nname: child\n")
    commit(git, specs__base=base.replace("heads: 4", "heads: 8"))
    return git


def heads(side: Operand) -> int:
    encoder = side.package.spec.model.encoder
    assert encoder is not None
    assert encoder.layers[0].self_attention is not None
    return encoder.layers[0].self_attention.heads


@pytest.mark.usefixtures("history")
def test_parents_are_read_at_the_same_revision() -> None:
    assert heads(read_operand("specs/child.yaml")) == 8
    old = read_operand("HEAD~1:specs/child.yaml")
    assert heads(old) == 4
    path = "model.encoder.layers.0.self_attention.heads"
    assert str(old.package.loaded.origin(path)) == "HEAD~1:specs/base.yaml:7:22"


@pytest.mark.usefixtures("history")
def test_a_revision_may_be_seen_from_a_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir("specs")
    assert heads(read_operand("HEAD~1:./child.yaml")) == 4
    assert heads(read_operand("HEAD~1:specs/child.yaml")) == 4
    assert "did you mean `HEAD~1:./child.yaml`?" in rejected("HEAD~1:child.yaml")


def test_parents_of_the_library_are_read_at_the_revision_if_it_is_there(
    history: Git, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    named = "extends: base\nname: other\n"
    commit(history, specs__other=named, variants="extends: demo\nname: variants\n")
    assert "there is no spec `base`" in rejected("HEAD:specs/other.yaml")
    assert read_operand("HEAD:variants.yaml").package.spec.model.d_model == 128
    monkeypatch.setattr("compiler.diff.revision.folder", lambda: tmp_path / "specs")
    assert heads(read_operand("HEAD:specs/other.yaml")) == 8
    assert heads(read_operand("HEAD~2:base")) == 4
    assert "there is no spec `demo`" in rejected("HEAD:variants.yaml")


def test_a_package_may_lie_at_a_revision(history: Git) -> None:
    compile_spec("specs/child.yaml").write(Path("generated"))
    model = Path("generated/model.py")
    model.write_text(model.read_text() + "# mine\n")
    history("add", "--all")
    history("commit", "-qm", "package")
    model.unlink()
    assert read_operand("HEAD:generated").edited == ("model.py",)


def test_a_run_is_the_package_in_it(tmp_path: Path) -> None:
    compile_spec("demo").write(tmp_path / "run" / "package")
    side = read_operand(str(tmp_path / "run"))
    assert (side.package.spec.name, side.is_locked, side.edited) == ("demo", True, ())


@pytest.mark.usefixtures("history")
def test_a_file_with_a_colon_is_no_revision() -> None:
    Path("HEAD:specs").mkdir()
    Path("HEAD:specs/child.yaml").write_text("extends: ../specs/base.yaml\nname: colon\n")
    assert read_operand("HEAD:specs/child.yaml").package.spec.name == "colon"


@pytest.mark.parametrize("reference", [r"C:\specs\demo.yaml", "C:/specs/demo.yaml", "demo", ":a"])
def test_what_is_no_revision(reference: str) -> None:
    assert not is_at_revision(reference)


@pytest.mark.usefixtures("history")
@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("nope:specs/base.yaml", "spec:1:1: error[no-revision]: git knows no revision `nope`"),
        ("--all:specs/base.yaml", "spec:1:1: error[no-revision]: git knows no revision `--all`"),
        ("HEAD:specs/bass.yaml", "spec:1:6: error[no-spec]: there is no spec `specs/bass.yaml`"),
        ("HEAD:specs/bass.yaml", "help: did you mean `specs/base.yaml`?"),
        ("nothing.yaml", "spec:1:1: error[no-spec]: there is no spec `nothing.yaml`"),
        ("specs", "no package and no run: it has no spec.lock.yaml"),
        ("", "spec:1:1: error[no-spec]: there is no spec ``"),
    ],
)
def test_mistakes_point_at_the_part_that_is_wrong(reference: str, message: str) -> None:
    assert message in rejected(reference)


def test_outside_of_a_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "error[no-git]: this is not a folder of a git repository" in rejected("HEAD:x.yaml")


def test_without_git(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object, **__: object) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "run", missing)
    assert "error[no-git]: git is not installed" in rejected("HEAD:x.yaml")


def test_a_file_at_a_revision_that_is_no_text(git: Git) -> None:
    Path("x.yaml").write_bytes(b"\xff\xfe")
    git("add", ".")
    git("commit", "-qm", "bytes")
    assert "HEAD:x.yaml:1:1: error[not-utf-8]" in rejected("HEAD:x.yaml")


@pytest.mark.usefixtures("history")
def test_a_submodule_holds_no_files_of_the_revision(git: Git) -> None:
    commit_of_another = "160000,4b825dc642cb6eb9a060e54bf8d69288fbee4904,module"
    git("update-index", "--add", "--cacheinfo", commit_of_another)
    git("commit", "-qm", "submodule")
    for reference in ("HEAD:module", "HEAD:module/x.yaml"):
        assert "error[no-spec]: there is no spec `module" in rejected(reference)
    assert heads(read_operand("HEAD:specs/base.yaml")) == 8


@pytest.mark.usefixtures("history")
def test_mistakes_at_a_revision_have_their_place_there(git: Git) -> None:
    commit(git, wrong="extends: specs/base.yaml\nname: wrong\nmodel: {d_modell: 3}\n")
    Path("wrong.yaml").unlink()
    assert "HEAD:wrong.yaml:3:9: error[unknown-key]" in rejected("HEAD:wrong.yaml")


def test_the_library_is_where_it_was() -> None:
    assert library.folder().name == "specs"
