"""A session of tests in the background, and which files are in the quick tier."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[1]
NETWORKS = "many random networks, of which each is compiled and run"
FAKE = "a worker is started that pretends to have a GPU, and computes with many networks"
RUNS = "a training of some seconds begins each test"
IMPORTS = "models of transformers are made, imported and compared"
EXPORTS = "folders are written, opened and compared"
WITHOUT_QUICK_TESTS = {
    "tests/compiler/draw/test_other_programs.py": "a browser and Mermaid read all pictures",
    "tests/export/test_parity_chain.py": NETWORKS,
    "tests/gpu/test_decoding.py": FAKE,
    "tests/gpu/test_programs.py": "networks are compiled in many shapes",
    "tests/gpu/test_sharing.py": FAKE,
    "tests/gpu/test_updates.py": FAKE,
    "tests/properties/test_compiled.py": "networks are compiled, each for ten seconds or more",
    "tests/properties/test_filler_rows.py": NETWORKS,
    "tests/properties/test_functional.py": NETWORKS,
    "tests/properties/test_generated_coverage.py": NETWORKS,
    "tests/properties/test_generated_style.py": "ruff and mypy read many packages",
    "tests/properties/test_packed.py": NETWORKS,
    "tests/properties/test_random_specs.py": NETWORKS,
    "tests/properties/test_reach.py": NETWORKS,
    "tests/properties/test_shares.py": "two processes train many random networks",
    "tests/properties/test_types.py": NETWORKS,
    "tests/runtime/ablation/test_ablate_command.py": RUNS,
    "tests/runtime/command/test_attend_command.py": RUNS,
    "tests/runtime/command/test_ctranslate2_command.py": RUNS,
    "tests/runtime/command/test_engine_option.py": RUNS,
    "tests/runtime/command/test_evaluate_command.py": RUNS,
    "tests/runtime/command/test_export_command.py": EXPORTS,
    "tests/runtime/command/test_import_command.py": IMPORTS,
    "tests/runtime/command/test_import_sentence_encoders.py": IMPORTS,
    "tests/runtime/command/test_import_weights_command.py": RUNS,
    "tests/runtime/data/test_tokenising.py": "other interpreters are started",
    "tests/runtime/export/test_graphs.py": EXPORTS,
    "tests/runtime/export/test_import_then_export.py": EXPORTS,
    "tests/runtime/export/test_native.py": EXPORTS,
    "tests/runtime/export/test_native_folder.py": EXPORTS,
    "tests/runtime/export/test_remote.py": EXPORTS,
    "tests/runtime/export/test_tokenizer_json.py": EXPORTS,
    "tests/runtime/published/test_any_folder.py": IMPORTS,
    "tests/runtime/published/test_sentencepiece_folders.py": IMPORTS,
    "tests/runtime/training/test_kills.py": RUNS,
    "tests/runtime/training/test_resegmented_training.py": RUNS,
}
"""Files of which `make test-quick` runs nothing, with the reason."""

TESTS = """
import gc, signal, subprocess, sys

def test_that_fails_and_leaves_a_process():
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    kept = open(__file__)
    process.kill()
    assert False

def test_that_is_right():
    gc.collect()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler

def test_that_draws():
    from tests.support.knobs import DRAWN
    DRAWN["knob of the sessions' test"]["value"] += 1
"""


def session(folder: Path, *options: str) -> str:
    """The output of a session with our settings that inherits an ignored Ctrl-C."""
    (folder / "test_example.py").write_text(TESTS)
    settings = ("-c", str(ROOT / "pyproject.toml"), "--rootdir", str(folder))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *settings, "-p", "tests.conftest", *options, str(folder)],
        cwd=ROOT,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN),
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


def test_in_the_background_a_failed_test_does_not_fail_its_neighbours(tmp_path: Path) -> None:
    last = session(tmp_path).splitlines()[-1]
    assert "1 failed, 2 passed" in last


def test_statistics_are_in_a_file_and_not_on_the_last_screen(tmp_path: Path) -> None:
    assert "knob of the sessions' test" not in session(tmp_path)
    (written,) = tmp_path.rglob("drawn.txt")
    assert "knob of the sessions' test: value 1\n" in written.read_text()
    assert "knob of the sessions' test: value 1\n" in session(tmp_path, "--drawn")


def test_every_file_has_a_quick_test_or_a_reason_to_have_none() -> None:
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    names = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in files}
    without = {name for name, text in names.items() if "pytest.mark.quick" not in text}
    assert without == WITHOUT_QUICK_TESTS.keys()
