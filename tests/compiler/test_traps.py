"""Traps of YAML, and specs that mean harm: a located error, or the meaning of YAML 1.2; quickly."""

import ast
import time
from pathlib import Path

import pytest

from compiler.pipeline import compile_spec
from compiler.source.diagnostic import Rejected
from compiler.source.read import plain_value
from compiler.spec.load import load

pytestmark = pytest.mark.quick

SPEC = """\
name: small
summary: "SUMMARY"
model:
  d_model: 8
  vocabulary: {size: 20}
  attention: {heads: 2}
  feed_forward: {d_ff: 16}
  encoder: {layers: 2}
  decoder: {layers: 2}
data:
  folder: FOLDER
  train: {source: train.en, target: train.de}
  valid: {source: valid.en, target: valid.de}
  test: {source: test.en, target: test.de}
training: {batch_tokens: 1000, steps: 5000}
"""
QUICK = 1.0
"""Seconds; a spec takes a hundredth."""


def write(folder: Path, text: str) -> str:
    path = folder / "spec.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    return str(path)


def codes(reference: str) -> list[str]:
    start = time.process_time()
    with pytest.raises(Rejected) as rejected:
        compile_spec(reference)
    assert time.process_time() - start < QUICK
    return [each.code for each in rejected.value.diagnostics]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-4", 1e-4),
        ("1.0e-09", 1e-9),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("010", 10),
        ("0o17", "0o17"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("~", None),
        ("True", True),
        ("2026-11-25", "2026-11-25"),
        ("+1", 1),
        ("1.", 1.0),
        (".5", 0.5),
    ],
)
def test_words_and_numbers_are_those_of_yaml_1_2(text: str, value: object) -> None:
    found = plain_value(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize("folder", ["no", "12:30", "2026-11-25", "on"])
def test_a_folder_may_have_a_name_that_yaml_1_1_would_change(folder: str, tmp_path: Path) -> None:
    assert load(write(tmp_path, SPEC.replace("FOLDER", folder))).spec.data.folder == folder


def test_a_byte_order_mark_and_windows_line_ends_change_nothing(tmp_path: Path) -> None:
    expected = compile_spec(write(tmp_path, SPEC)).files
    assert compile_spec(write(tmp_path, "\ufeff" + SPEC)).files == expected
    assert compile_spec(write(tmp_path, SPEC.replace("\n", "\r\n"))).files == expected


def test_places_are_right_behind_windows_line_ends(tmp_path: Path) -> None:
    text = SPEC.replace("heads: 2", "heads: 3").replace("\n", "\r\n")
    with pytest.raises(Rejected) as rejected:
        compile_spec(write(tmp_path, text))
    (diagnostic,) = rejected.value.diagnostics
    assert (diagnostic.span.line, diagnostic.span.column) == (6, 22)


def test_a_large_file_is_refused_at_once(tmp_path: Path) -> None:
    assert codes(write(tmp_path, SPEC + "# " + "x" * 10_000_000)) == ["large-file"]


def test_the_largest_file_that_is_read_is_read_quickly(tmp_path: Path) -> None:
    assert "unknown-key" in codes(
        write(tmp_path, SPEC + "".join(f"k{i}: 1\n" for i in range(9000)))
    )


def test_a_file_that_cannot_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    path = write(tmp_path, SPEC)
    monkeypatch.setattr(Path, "open", refuse)
    assert codes(path) == ["unreadable"]


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor(tmp_path: Path) -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(20)
    )
    assert codes(write(tmp_path, bomb)) == ["yaml-alias"]


def test_every_duplicate_is_named(tmp_path: Path) -> None:
    assert codes(write(tmp_path, "a: 1\na: 2\nb: {c: 1, c: 2}\n")) == ["duplicate-key"] * 2


HOSTILE_SUMMARIES = [
    '\\"\\"\\"; import os #',
    "'''",
    "{{ 7 * 7 }} {% raw %}",
    "\\\\",
    "\\\\N{BULLET} \\\\x41 \\\\",
    "ends with a backslash \\\\",
    'ends with a quote \\"',
    "f{0} %s ${HOME} $(id)",
    "\u202ereversed",
    "\u0430\u0435",
]


@pytest.mark.parametrize("summary", HOSTILE_SUMMARIES)
def test_a_summary_is_text_in_the_code_or_refused(summary: str, tmp_path: Path) -> None:
    plain = skeleton(compile_spec(write(tmp_path, SPEC)).files)
    reference = write(tmp_path, SPEC.replace("SUMMARY", summary))
    try:
        files = compile_spec(reference).files
    except Rejected as rejected:
        found = [each.code for each in rejected.diagnostics]
    else:
        found = ["bad-value"] if skeleton(files) == plain else ["other code"]
    assert found == ["bad-value"]


def skeleton(files: dict[str, str]) -> dict[str, str]:
    """The code of a package without its texts."""
    found = {}
    for name, text in files.items():
        if name.endswith(".py"):
            tree = ast.parse(text)
            for node in ast.walk(tree):
                if isinstance(node, ast.Constant) and isinstance(node.value, str):
                    node.value = ""
            found[name] = ast.dump(tree)
    return found


@pytest.mark.parametrize(
    "name",
    [
        *("../../etc/cron", "/etc/passwd", "..", ".", "a/b", "a\\\\b", "a b", "A", "a_b", "-a"),
        *("a--b", "{{ 7 }}", "a\u0430", "a\\0b", "a;b", "class", "torch", "random", "con", ""),
    ],
)
def test_a_name_is_an_innocent_folder_or_refused(name: str, tmp_path: Path) -> None:
    assert codes(write(tmp_path, SPEC.replace("name: small", f'name: "{name}"')))


@pytest.mark.parametrize("name", ["print", "list", "open", "self", "model", "transformer"])
def test_builtins_are_names_like_others(name: str, tmp_path: Path) -> None:
    package = compile_spec(write(tmp_path, SPEC.replace("name: small", f"name: {name}")))
    package.write(tmp_path / package.folder_name)
    for file, text in package.files.items():
        assert not file.endswith(".py") or ast.parse(text)


def test_nothing_is_written_outside_of_the_folder(tmp_path: Path) -> None:
    package = compile_spec(write(tmp_path, SPEC))
    package.write(tmp_path / "out" / package.folder_name)
    made = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert made == {"spec.yaml", "out"}
    assert all(Path(name).name == name for name in package.files)
