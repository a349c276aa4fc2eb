"""Files of tensors: what is read, and what is refused without being executed."""

import pickle
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from runtime.errors import UserError
from runtime.weights.files import read_tensors, write_tensors

pytestmark = pytest.mark.quick

TENSORS = {"a": torch.arange(6.0).reshape(2, 3), "b.c": torch.ones(2, dtype=torch.bfloat16)}


def same(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("is_zip", [True, False])
def test_what_torch_saved(is_zip: bool, tmp_path: Path) -> None:
    path = tmp_path / "pytorch_model.bin"
    torch.save(TENSORS, path, _use_new_zipfile_serialization=is_zip)
    assert same(read_tensors([path]), TENSORS)


def test_dictionaries_in_dictionaries_have_dotted_names(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    content = {"model": {"a": TENSORS["a"], "b": {"c": TENSORS["b.c"]}}, "step": 7, "name": "x"}
    torch.save(content, path)
    assert same(read_tensors([path]), {f"model.{name}": each for name, each in TENSORS.items()})


def test_several_files_are_one_model(tmp_path: Path) -> None:
    one, other = tmp_path / "1.safetensors", tmp_path / "2.bin"
    save_file({"a": TENSORS["a"]}, one)
    torch.save({"b.c": TENSORS["b.c"]}, other)
    assert same(read_tensors([one, other]), TENSORS)


def test_what_was_written_is_read_with_its_metadata(tmp_path: Path) -> None:
    path = tmp_path / "out.safetensors"
    write_tensors(TENSORS, path, {"model": "hash"})
    assert same(read_tensors([path]), TENSORS)
    with safe_open(path, framework="pt") as file:
        assert file.metadata() == {"model": "hash"}


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.path,)


@pytest.mark.filterwarnings("ignore:Detected pickle protocol")
@pytest.mark.parametrize("save", [torch.save, lambda it, path: path.write_bytes(pickle.dumps(it))])
def test_nothing_in_a_file_is_executed(save: object, tmp_path: Path) -> None:
    assert callable(save)
    path, sprung = tmp_path / "model.bin", tmp_path / "sprung"
    save({"a": Trap(sprung)}, path)
    with pytest.raises(UserError, match=r"model\.bin is no plain state dict: reading it could run"):
        read_tensors([path])
    assert not sprung.exists()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.safetensors", b"", "is no safetensors file, or is damaged"),
        ("x.safetensors", b"\xff" * 99, "is no safetensors file, or is damaged"),
        ("x.bin", b"", "x.bin is no "),
        ("x.bin", b"PK", "x.bin is no "),
        ("x.bin", b"PK\x03\x04" + b"\0" * 99, "x.bin is no "),
        ("x.bin", b"hello", "x.bin is no "),
        ("x.bin", b"\x80\x02}q\x00.", "x.bin is no "),
    ],
)
def test_other_files_are_refused(name: str, content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_tensors([path])


def test_what_is_missing_doubled_or_empty_is_refused(tmp_path: Path) -> None:
    path, empty = tmp_path / "a.safetensors", tmp_path / "empty.pt"
    with pytest.raises(UserError, match=r"there is no file .*a\.safetensors"):
        read_tensors([path])
    save_file(TENSORS, path)
    with pytest.raises(UserError, match="has a tensor a, and so has a file before it"):
        read_tensors([path, path])
    torch.save({"step": 3}, empty)
    with pytest.raises(UserError, match=r"empty\.pt holds no tensors"):
        read_tensors([empty])


@pytest.mark.parametrize("is_zip", [True, False])
def test_a_file_that_is_not_whole_is_refused(is_zip: bool, tmp_path: Path) -> None:
    whole, path = tmp_path / "whole.bin", tmp_path / "part.bin"
    tensors = {f"layers.{each}.weight": torch.randn(32, 16) for each in range(4)}
    torch.save(tensors, whole, _use_new_zipfile_serialization=is_zip)
    content = whole.read_bytes()
    for size in (2, 100, 2000, 5000, len(content) // 2, len(content) - 40):
        path.write_bytes(content[:size])
        with pytest.raises(UserError, match=r"part\.bin is no "):
            read_tensors([path])
    save_file(tensors, tmp_path / "whole.safetensors")
    content = (tmp_path / "whole.safetensors").read_bytes()
    for size in (1, 8, 100, len(content) - 1):
        (tmp_path / "part.safetensors").write_bytes(content[:size])
        with pytest.raises(UserError, match=r"part\.safetensors is no "):
            read_tensors([tmp_path / "part.safetensors"])
