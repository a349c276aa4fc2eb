"""`specformer export --to onnx` and `--to torch`: what other programs do with the folders."""

import subprocess
import sys
from pathlib import Path

import onnx
import pytest
import torch
from safetensors.torch import load_file

from tests.runtime.command.conftest import Command

ALONE = """
import runpy, sys
class Blocked:
    def find_spec(self, name, *_):
        if name.partition(".")[0] in ("torch", "compiler", "runtime", "sentencepiece"):
            raise ImportError(name)
sys.meta_path.insert(0, Blocked())
sys.path[:] = [each for each in sys.path if each]
sys.argv = ["decode.py", *sys.argv[2:]]
runpy.run_path("decode.py", run_name="__main__")
"""
"""Runs decode.py where neither this project nor torch can be imported."""


def decoded(folder: Path, text: str, *options: str) -> list[str]:
    """Return what decode.py of a folder writes for lines, in a process of its own."""
    command = [sys.executable, "-c", ALONE, "decode.py", *options]
    done = subprocess.run(
        command, cwd=folder, input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_onnx_translates_without_torch_and_without_this_project(
    specformer: Command, trained_run: Path, corpus: Path, tmp_path: Path
) -> None:
    ended = specformer("export", trained_run, "--to", "onnx", "--out", "out")
    assert ended.code == 0, ended.err
    assert "-> out: graphs of ONNX, 7,520 parameters" in ended.out
    assert "\nfiles           start.onnx: source [batch, source] -> the state\n" in ended.out
    read = "token [batch, beam], parent [batch, beam], position [], the state"
    assert f"{'':<16}step.onnx: {read} -> logits, what has changed in it\n" in ended.out
    methods = ("greedy", "beam 4 (length)", "beam 4 (gnmt)")
    assert f"{', '.join(f'{each} 10/10' for each in methods)} texts equal" in ended.out
    text = (corpus / "test.en").read_text()
    for options in ([], ["--beam", "1"]):
        ours = specformer("translate", trained_run, "--input", corpus / "test.en", *options)
        assert decoded(tmp_path / "out", text, *options) == ours.out.splitlines()
    weights = load_file(next((trained_run / "checkpoints").glob("*/model.safetensors")))
    stored = sum(each.nbytes for each in weights.values())
    assert (tmp_path / "out" / "weights.bin").stat().st_size < 1.5 * stored  # not twice


@pytest.mark.slow
def test_weights_in_int8_are_smaller(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    ended = specformer("export", trained_run, "--to", "onnx", "--quantize", "int8", "--out", "out")
    assert ended.code == 0, ended.err
    step = onnx.load(tmp_path / "out" / "step.onnx", load_external_data=False)
    kinds = {each.op_type for each in step.graph.node}
    assert "MatMulInteger" in kinds


@pytest.mark.slow
def test_programs_of_torch_are_loaded_without_this_project(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    ended = specformer("export", trained_run, "--to", "torch", "--out", "out")
    assert ended.code == 0, ended.err
    assert "log-probabilities within" in ended.out
    start, step = (
        torch.export.load(tmp_path / "out" / f"{each}.pt2").module() for each in ("start", "step")
    )
    state = start(torch.tensor([[5, 6, 3]]))
    token = torch.tensor([[2]])
    logits, *changed = step(token, torch.zeros_like(token), torch.tensor(0), *state)
    assert logits.shape == (1, 1, 130)
    assert len(changed) == 3


@pytest.mark.slow
def test_programs_are_compiled_for_this_processor(
    specformer: Command, trained_run: Path, tmp_path: Path
) -> None:
    ended = specformer("export", trained_run, "--to", "torch", "--aot", "--out", "out")
    assert ended.code == 0, ended.err
    run = torch._inductor.aoti_load_package(str(tmp_path / "out" / "start.aoti.pt2"))
    plain = torch.export.load(tmp_path / "out" / "start.pt2").module()
    source = torch.tensor([[5, 6, 7, 8, 3], [9, 3, 0, 0, 0]])
    for one, other in zip(run(source), plain(source), strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.quick
@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--to", "torch", "--quantize", "int8"), "an export to torch has no such weights"),
        (("--to", "onnx", "--quantize", "int8_bfloat16"), "give int8"),
        (("--to", "onnx", "--aot"), "has no programs that could be compiled"),
    ],
)
def test_options_of_other_formats_are_refused(
    specformer: Command, trained_run: Path, options: tuple[str, ...], words: str
) -> None:
    ended = specformer("export", trained_run, *options)
    assert ended.code == 2
    assert words in ended.err


@pytest.mark.quick
@pytest.mark.parametrize("form", ["onnx", "torch"])
def test_a_recurrence_of_the_encoder_is_refused_at_its_line(specformer: Command, form: str) -> None:
    ended = specformer("export", "lstm", "--to", form, "--dry-run")
    assert ended.code == 2
    assert "error[not-exportable]" in ended.err
    assert "has no graph of a recurrence in the encoder" in ended.err
    assert ended.err.count("error[") == 1
