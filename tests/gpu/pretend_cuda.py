"""Build and load a CUDA device that computes nothing, so that tensors without data live on it.

`load` comes before `import torch`: PyTorch asks once, when it is loaded, which devices there are.
"""

import ctypes
import importlib.util
import os
import shutil
import subprocess
import sys
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

SOURCE = Path(__file__).with_suffix(".cpp")
CACHE = Path(__file__).parents[2] / ".pytest_cache"
"""The folder of the built library: git ignores it, and `make clean` removes it."""
LOADED_FIRST = ("libtorch_global_deps.so", "libc10.so", "libtorch_cpu.so")
GPU = SimpleNamespace(
    name="NVIDIA H200",
    major=9,
    minor=0,
    total_memory=141 * 10**9,
    multi_processor_count=132,
    uuid="pretended",
    gcnArchName="",  # what a build without CUDA believes to be the name
)


class Unavailable(Exception):
    """Raised with the reason why this machine cannot pretend to have a GPU."""


def build() -> Path:
    """Return the library for the installed PyTorch; compile it if that has not been done before.

    Raises Unavailable without a C++ compiler, and for a build of PyTorch with its own CUDA.
    """
    torch = _folder_of_torch()
    if (torch / "lib" / "libtorch_cuda.so").exists():
        raise Unavailable("this build of PyTorch has CUDA, and cannot get a second one")
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise Unavailable("no C++ compiler was found: install g++ or set CXX")
    key = sha256(SOURCE.read_bytes() + f"{version('torch')} {compiler}".encode()).hexdigest()[:16]
    library = CACHE / f"pretend-cuda-{key}.so"
    if not library.exists():
        CACHE.mkdir(exist_ok=True)
        _compile(compiler, torch, library)
    return library


def _folder_of_torch() -> Path:
    found = importlib.util.find_spec("torch")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def _compile(compiler: str, torch: Path, library: Path) -> None:
    unfinished = library.with_suffix(f".{os.getpid()}")
    options = ("-std=c++20", "-O0", "-shared", "-fPIC", "-w", f"-I{torch / 'include'}")
    libraries = (f"-L{torch / 'lib'}", "-ltorch_cpu", "-lc10")
    command = [compiler, *options, str(SOURCE), *libraries, "-o", str(unfinished)]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(f"{SOURCE.name} does not compile:\n{done.stderr[:4000]}")
    unfinished.replace(library)


def load(library: Path) -> None:
    """Import torch with the device of a built library, and answer what it is asked about it.

    Raises RuntimeError if torch has been imported before.
    """
    if "torch" in sys.modules:
        raise RuntimeError("expected a process that has not imported torch")
    for name in LOADED_FIRST:
        ctypes.CDLL(str(_folder_of_torch() / "lib" / name), mode=ctypes.RTLD_GLOBAL)
    ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
    _answer_as_gpu()


def _answer_as_gpu() -> None:
    """Replace the functions of `torch.cuda` that would ask a driver."""
    import torch
    import torch.cuda.amp.common

    torch.cuda.amp.common.amp_definitely_not_available = lambda: False
    answers = {
        "is_available": True,
        "is_bf16_supported": True,
        "device_count": 1,
        "current_device": 0,
        "get_device_capability": (GPU.major, GPU.minor),
        "get_device_name": GPU.name,
        "get_device_properties": GPU,
        "mem_get_info": (GPU.total_memory, GPU.total_memory),
        "set_device": None,
        "get_rng_state": torch.zeros(16, dtype=torch.uint8),
        "set_rng_state": None,
        "synchronize": None,
        "_lazy_init": None,
        "_exchange_device": 0,
        "_maybe_exchange_device": 0,
        "is_current_stream_capturing": False,
    }
    for name, answer in answers.items():
        setattr(torch.cuda, name, lambda *_, _answer=answer, **__: _answer)
