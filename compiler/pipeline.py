"""The whole compiler on one screen: spec to IR to passes to files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from compiler.analysis.infer_shapes import infer_shapes
from compiler.analysis.prove_causality import prove_causality
from compiler.analysis.refusals import why_not_packed
from compiler.ir.block import Block
from compiler.ir.verify import verify
from compiler.lower.model import lower
from compiler.source.diagnostic import Diagnostic, Rejected, in_order
from compiler.source.span import Span
from compiler.spec.load import Loaded, load
from compiler.spec.paths import as_written
from compiler.spec.spec import Spec
from compiler.spec.tokenizer_checks import room_for_text
from compiler.transforms.drop_no_ops import drop_no_ops
from compiler.transforms.hoist import hoist
from compiler.transforms.select_kernel import select_kernel

Pass = Callable[[Block], Block]

PROOFS: tuple[Pass, ...] = (select_kernel, hoist, drop_no_ops, infer_shapes, prove_causality)


def passes() -> tuple[Pass, ...]:
    """Return the passes of a compilation: the proofs, then what makes a program of the network.

    The latter are imported here, as is what writes the code below: `check` needs neither.
    """
    from compiler.transforms.align_layers import align_layers
    from compiler.transforms.derive_step import derive_step
    from compiler.transforms.share_classes import share_classes

    return (*PROOFS, share_classes, derive_step, align_layers, infer_shapes)


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

    def functional(self) -> str:
        """Return the text of `functional.py`, which exporters put beside the other files.

        The network is one whose programs `why_not_traced` does not refuse.
        """
        from compiler.emit.functional import functional_text

        return functional_text(self.model, self.spec.name)

    def write(self, folder: Path) -> None:
        """Writes the files into `folder`, which is made if need be."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in self.files.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")

    def stale(self, folder: Path) -> list[str]:
        """The files of `folder` that are missing or not what the spec compiles to."""
        return [name for name, text in self.files.items() if _bytes(folder / name) != text.encode()]


def check_spec(reference: str, overrides: Iterable[str] = ()) -> Loaded:
    """Return the spec, its network proved and built no further; raises `Rejected`.

    Of a text that is there it is known, too, whether a vocabulary has room for its characters.
    """
    loaded = load(reference, overrides)
    if wrong := list(room_for_text(loaded.spec, loaded.tree)):
        raise Rejected(wrong)
    return with_packing_checked(loaded, build(loaded, PROOFS))


def compile_spec(reference: str, overrides: Iterable[str] = ()) -> CompiledPackage:
    """Return the package of a spec (a path, or a name of the library); raises `Rejected`."""
    return compile_loaded(load(reference, overrides))


def compile_loaded(loaded: Loaded) -> CompiledPackage:
    """Return the package of a complete spec; raises `Rejected` if its network is not causal."""
    from compiler.emit.package import package_files

    model = build(loaded, passes())
    files = package_files(loaded.spec, model)
    return CompiledPackage(loaded=with_packing_checked(loaded, model), model=model, files=files)


def with_packing_checked(loaded: Loaded, model: Block) -> Loaded:
    """Return a spec with a warning if it wants packed batches, which its network cannot compute."""
    if loaded.spec.training.batching != "packed" or (found := why_not_packed(model)) is None:
        return loaded
    place = loaded.origin("training.batching")
    warning = Diagnostic(
        code="not-packed",
        message=f"padded batches take the place of packed ones: {found}",
        span=place,
        help=f"write {as_written(place, 'training.batching', 'auto')}, or change that setting",
        severity="warning",
    )
    return replace(loaded, warnings=in_order((*loaded.warnings, warning)))


def build(
    loaded: Loaded, passes: tuple[Pass, ...], origin: Callable[[str], Span] | None = None
) -> Block:
    """Return the network of a spec after these passes, verified after each.

    `origin` tells the place of the setting at a path, if not as the spec tells it.
    """
    model = lower(loaded.spec, origin or loaded.origin)
    verify(model, "lower")
    for each in passes:
        model = each(model)
        verify(model, each.__name__)
    return model


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None
