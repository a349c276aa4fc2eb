"""The whole compiler on one screen: spec to IR to passes to files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from compiler.ir.block import Block
from compiler.ir.verify import verify
from compiler.lower.model import lower
from compiler.passes.derive_step import derive_step
from compiler.passes.drop_no_ops import drop_no_ops
from compiler.passes.infer_shapes import infer_shapes
from compiler.passes.prove_causality import prove_causality
from compiler.passes.share_classes import share_classes
from compiler.source.diagnostic import Diagnostic
from compiler.spec.load import Loaded, load
from compiler.spec.spec import Spec

Pass = Callable[[Block], Block]

PROOFS: tuple[Pass, ...] = (drop_no_ops, infer_shapes, prove_causality)
PASSES: tuple[Pass, ...] = (*PROOFS, share_classes, derive_step, infer_shapes)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompiledPackage:
    """A spec with its network as IR and as files."""

    spec: Spec
    model: Block
    files: dict[str, str]
    warnings: tuple[Diagnostic, ...] = ()

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
        return [name for name, text in self.files.items() if _text(folder / name) != text]


def compile_spec(reference: str, overrides: Iterable[str] = ()) -> CompiledPackage:
    """The package of a spec (a path, or a name of the library); raises `Rejected`."""
    # Here: `check` starts faster without what writes code.
    from compiler.emit.package import package_files

    loaded = load(reference, overrides)
    model = build(loaded)
    files = package_files(loaded.spec, model)
    return CompiledPackage(spec=loaded.spec, model=model, files=files, warnings=loaded.warnings)


def check_spec(reference: str, overrides: Iterable[str] = ()) -> Loaded:
    """The spec, its network proved and not built any further; raises `Rejected`."""
    loaded = load(reference, overrides)
    build(loaded, PROOFS)
    return loaded


def build(loaded: Loaded, passes: tuple[Pass, ...] = PASSES) -> Block:
    """The network of a spec after these passes, verified after each."""
    model = lower(loaded.spec, loaded.origin)
    verify(model, "lower")
    for each in passes:
        model = each(model)
        verify(model, each.__name__)
    return model


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None
