"""The whole compiler on one screen: spec to IR to passes to files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from compiler.emit.package import package_files
from compiler.ir.block import Block
from compiler.passes.derive_step import derive_step
from compiler.passes.infer_shapes import infer_shapes
from compiler.passes.share_classes import share_classes
from compiler.proof import PROOFS, Pass, build
from compiler.source.diagnostic import Diagnostic
from compiler.spec.load import Loaded, load
from compiler.spec.spec import Spec

PASSES: tuple[Pass, ...] = (*PROOFS, share_classes, derive_step, infer_shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPackage:
    """A spec with its network as IR and as files."""

    loaded: Loaded
    model: Block
    files: dict[str, str]

    @property
    def spec(self) -> Spec:
        return self.loaded.spec

    @property
    def warnings(self) -> tuple[Diagnostic, ...]:
        return self.loaded.warnings

    @property
    def folder_name(self) -> str:
        """The name as a Python package can bear it."""
        return self.spec.name.replace("-", "_")

    def write(self, folder: Path) -> None:
        """Writes the files into `folder`, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")

    def stale(self, folder: Path) -> list[str]:
        """The files of `folder` that are missing or not what the spec compiles to."""
        return [name for name, text in self.files.items() if _bytes(folder / name) != text.encode()]


def compile_spec(reference: str, overrides: Iterable[str] = ()) -> CompiledPackage:
    """The package of a spec (a path, or a name of the library); raises `Rejected`."""
    return compile_loaded(load(reference, overrides))


def compile_loaded(loaded: Loaded) -> CompiledPackage:
    """The package of a spec that is complete; raises `Rejected` if its network cannot be proved."""
    model = build(loaded, PASSES)
    return CompiledPackage(loaded=loaded, model=model, files=package_files(loaded.spec, model))


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
