"""What lies in the folder of packages, and what may be written over."""

import subprocess
from pathlib import Path

import pytest

from compiler.output import SUMS, Output
from compiler.pipeline import CompiledPackage, compile_spec

pytestmark = pytest.mark.quick

GENERATED = Path(__file__).parents[2] / "generated"
NO_ATTENTION = [
    "name=demo",
    "model.decoder.block=[recurrence, feed_forward]",
    "model.recurrence={kind: gru}",
]


@pytest.fixture
def demo() -> CompiledPackage:
    return compile_spec("demo")


@pytest.fixture
def output(tmp_path: Path, demo: CompiledPackage) -> Output:
    output = Output(folder=tmp_path)
    output.write(demo)
    return output


def test_what_was_written_is_listed_as_sha256sum_wants_it(output: Output) -> None:
    command = ["sha256sum", "--strict", "--check", SUMS]
    subprocess.run(command, cwd=output.folder, check=True, capture_output=True)
    assert len((output.folder / SUMS).read_text().splitlines()) == 7


def test_the_committed_packages_are_as_they_were_written() -> None:
    output = Output(folder=GENERATED)
    packages = [path.name for path in GENERATED.iterdir() if path.is_dir()]
    assert all(output.is_listed(each) and not output.edited(each) for each in packages)


def test_an_edit_and_a_lost_file_are_seen(output: Output, demo: CompiledPackage) -> None:
    assert output.is_free(demo)
    with (output.folder / "demo" / "model.py").open("a") as file:
        file.write("# mine\n")
    (output.folder / "demo" / "training.py").unlink()
    assert output.edited("demo") == ["demo/model.py", "demo/training.py"]
    assert output.at_stake(demo) == ["demo/model.py"]
    assert not output.is_free(demo)
    (output.folder / "demo" / "model.py").unlink()
    assert output.is_free(demo)


def test_what_is_no_utf8_is_an_edit_too(output: Output, demo: CompiledPackage) -> None:
    """And so are other ends of lines."""
    place = output.folder / "demo"
    (place / "model.py").write_bytes(b"# caf\xe9\n")
    (place / "__init__.py").write_bytes(b"# \xe9\n")
    text = (place / "training.py").read_bytes()
    (place / "training.py").write_bytes(text.replace(b"\n", b"\r\n"))
    files = ["demo/__init__.py", "demo/model.py", "demo/training.py"]
    assert sorted(output.at_stake(demo)) == files
    assert sorted(demo.stale(place)) == [each.removeprefix("demo/") for each in files]
    output.eject("demo")
    assert output.is_ejected("demo")


def test_a_file_of_ones_own_where_a_package_gets_one_is_seen(output: Output) -> None:
    without_attention = compile_spec("language-model", NO_ATTENTION)
    output.write(without_attention)
    (output.folder / "demo" / "attention_weights.py").write_text("# mine")
    assert output.is_free(without_attention)
    assert output.at_stake(compile_spec("demo")) == ["demo/attention_weights.py"]


def test_a_spec_that_changes_is_no_edit(output: Output) -> None:
    changed = compile_spec("demo", ["model.attention.heads=8"])
    assert changed.stale(output.folder / "demo") == ["model.py", "spec.lock.yaml"]
    assert output.is_free(changed)


def test_what_a_package_has_no_more_is_removed_and_other_packages_stay(output: Output) -> None:
    output.write(compile_spec("demo", ["name=other"]))
    note = output.folder / "demo" / "notes.txt"
    note.write_text("mine")
    output.write(compile_spec("language-model", NO_ATTENTION))
    assert not (output.folder / "demo" / "attention_weights.py").exists()
    assert note.exists()
    assert output.edited("demo") == ["demo/notes.txt"]
    assert not output.edited("other")


def test_files_that_nobody_listed_are_written_over_only_if_they_are_equal(
    tmp_path: Path, demo: CompiledPackage
) -> None:
    demo.write(tmp_path / "demo")
    assert Output(folder=tmp_path).is_free(demo)
    (tmp_path / "demo" / "model.py").write_text("# an older one, or mine\n")
    assert not Output(folder=tmp_path).is_free(demo)


def test_an_ejected_package_is_nobody_elses(output: Output, demo: CompiledPackage) -> None:
    output.eject("demo")
    assert output.is_ejected("demo")
    assert not output.is_listed("demo")
    assert not output.is_free(demo)
    assert "edit it" in (output.folder / "demo" / "__init__.py").read_text().splitlines()[0]


def test_lines_that_lead_out_of_the_folder_are_nothing_to_us(
    output: Output, demo: CompiledPackage
) -> None:
    precious = output.folder / "precious.txt"
    precious.write_text("mine")
    with (output.folder / SUMS).open("a") as file:
        file.write(f"{'0' * 64}  demo/../precious.txt\nno sums at all\n")
    output.write(demo)
    assert precious.exists()
