"""The emitted tests catch what is planted into the emitted network by hand."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from compiler.pipeline import compile_spec

SMALL = (
    *("model.d_model=8", "model.attention.heads=2", "model.feed_forward.d_ff=8"),
    *("model.vocabulary.size=20", "model.encoder.layers=1", "model.decoder.layers=1"),
)
WINDOW = "causal & (window(3) | first(1))"
PLANTED = {
    "a window without causal": (
        "causal & window(3)",
        "return (j <= i) & (i - j <= 3)",
        "return (j - i <= 3) & (i - j <= 3)",
    ),
    "a block without causal": (
        "causal & block(4)",
        "return (j <= i) & (i // 4 == j // 4)",
        "return i // 4 == j // 4",
    ),
    "a bidirectional decoder": ("causal", ", is_causal=True", ""),
    "one more at the window's edge": (WINDOW, "i - j <= 3", "i - j <= 4"),
    "one less at the window's edge": (WINDOW, "(i - j <= 3)", "(i - j <= 2)"),
    "one of the next block": (
        "causal & block(40)",
        "(i // 40 == j // 40)",
        "((i // 40 == j // 40) | ((i % 40 == 0) & (i - j == 1)))",
    ),
    "a later one at a chunk's edge": (
        WINDOW,
        "mask = reads(i, j) & (j >= first)",
        "mask = (reads(i, j) | ((j == i + 1) & (i % chunk == 0))) & (j >= first)",
    ),
    "keys of a chunk that are not its own": (
        WINDOW,
        "F.pad(x, (0, 0, left, after + right))",
        "F.pad(x, (0, 0, left - 1, after + right + 1))",
    ),
    "a cache that forgets too early": (WINDOW, "return (i - j <= 3)", "return (i - j <= 2)"),
    "a dilated cache that is read elsewhere": (
        "causal & dilated(3)",
        "lineage.position % len(self.parts)",
        "(lineage.position + lineage.position // 3) % len(self.parts)",
    ),
}


def emitted_tests(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", str(folder)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=folder.parent, env=environment
    )


@pytest.mark.parametrize("mask", sorted({mask for mask, _, _ in PLANTED.values()}))
def test_without_a_leak_they_pass(mask: str, tmp_path: Path) -> None:
    package = compile_spec("demo", (*SMALL, f'model.decoder.self_attention.mask="{mask}"'))
    package.write(tmp_path / "package")
    done = emitted_tests(tmp_path / "package")
    assert done.returncode == 0, done.stdout


@pytest.mark.quick
@pytest.mark.parametrize("leak", PLANTED)
def test_a_planted_leak_is_caught(leak: str, tmp_path: Path) -> None:
    mask, right, wrong = PLANTED[leak]
    package = compile_spec("demo", (*SMALL, f'model.decoder.self_attention.mask="{mask}"'))
    package.write(tmp_path / "package")
    path = tmp_path / "package" / "model.py"
    text = path.read_text()
    assert right in text
    path.write_text(text.replace(right, wrong))
    done = emitted_tests(tmp_path / "package")
    assert done.returncode == 1, done.stdout
    assert "AssertionError" in done.stdout
