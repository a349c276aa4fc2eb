"""Which packages may import which, and which commands start without heavy imports."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.quick

ROOT = Path(__file__).parents[1]
EXPLAIN = ROOT / "compiler" / "explain.py"
COMPILER_LAYERS = (
    *(
        "atomic_files",
        "page",
        "activations",
        "source",
        "vocabulary",
        "mask",
        "spec",
        "ops",
        "ir",
        "lower",
        "analysis",
        "transforms",
        "weights",
    ),
    *("emit", "pipeline", "export", "source_map", "output", "format", "draw", "explain", "diff"),
    *("conform", "where", "view", "ablation"),
)
RUNTIME_LAYERS = (
    *("errors", "system", "corpus", "package", "data", "corpora"),
    *("checkpoints", "run_record", "run", "weights", "training", "inference", "scoring"),
    *("export", "behaviour", "attention", "published", "ablation"),
)


def imports(path: Path) -> set[str]:
    """The modules of ours that a file imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
        elif isinstance(node, ast.Import):
            found.update(each.name for each in node.names)
    return found


def files(package: str) -> list[Path]:
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize(
    ("package", "levels"), [("compiler", COMPILER_LAYERS), ("runtime", RUNTIME_LAYERS)]
)
def test_inside_a_package_imports_point_one_way(package: str, levels: tuple[str, ...]) -> None:
    for path in files(package):
        level = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        if level not in levels:
            continue
        for module in imports(path):
            parts = module.split(".")
            if parts[0] == package and len(parts) > 1:
                assert parts[1] in levels[: levels.index(level) + 1], f"{path} imports {module}"


def test_ops_and_passes_know_no_spec() -> None:
    for layer in ("ops", "ir", "analysis", "transforms"):
        for path in files(f"compiler/{layer}"):
            assert not any(each.startswith("compiler.spec") for each in imports(path)), path


ABSTRACT = {
    f"compiler.ops.{each}" for each in ("op", "parameter", "expression", "shape", "caption")
}
CREATED = {
    "derive_step": {"decoding"},
    "partition": {"decoding"},
    "select_kernel": {"attention", "masking"},
    "hoist": {"masking"},  # it takes `Tokens` away
    "derive_weights": {"attention", "difference"},
    "derive_packed": {"packing"},
    "derive_functional": {"decoding"},  # it reads the programs that `derive_step` has made
}
"""The modules of the ops that each transform creates."""


def test_only_transforms_name_ops_and_only_those_that_they_create() -> None:
    clients = (
        *("ir", "analysis", "transforms", "emit", "draw", "diff"),
        *("weights", "page", "ablation"),
    )
    for path in (*(each for client in clients for each in files(f"compiler/{client}")), EXPLAIN):
        created = CREATED.get(path.stem, set()) if path.parent.name == "transforms" else set()
        ops = {each for each in imports(path) if each.startswith("compiler.ops")}
        assert ops <= ABSTRACT | {f"compiler.ops.{each}" for each in created}, path


def test_the_compiler_imports_neither_the_runtime_nor_torch() -> None:
    for path in files("compiler"):
        for module in imports(path):
            assert module.split(".")[0] not in {"runtime", "torch", "generated"}, path


CLIENTS = ("command", "ablation", "attention", "published", "export")


def test_the_runtime_imports_only_languages_of_the_compiler() -> None:
    """They are those of specs, import maps, vocabularies and pages.

    `atomic_files` writes files for both. Commands, ablations, published models, exports and the
    pictures of attention, whose masks the IR knows, are clients of the whole compiler.
    """
    languages = (
        "compiler.spec",
        "compiler.weights",
        "compiler.vocabulary",
        "compiler.page",
        "compiler.atomic_files",
    )
    for path in files("runtime"):
        is_client = path.relative_to(ROOT / "runtime").parts[0] in CLIENTS
        for module in imports(path):
            ours = module.startswith("compiler")
            assert not ours or is_client or module.startswith(languages), f"{path}: {module}"
            assert not module.startswith("generated"), path


def test_the_product_does_not_import_the_corpus_of_the_demo() -> None:
    for path in files("runtime"):
        place = path.relative_to(ROOT).as_posix()
        if not place.startswith(("runtime/corpus/", "runtime/command/corpus.py")):
            assert not any(each.startswith("runtime.corpus") for each in imports(path)), path


def test_files_are_short() -> None:
    for package in ("compiler", "runtime"):
        for path in files(package):
            assert len(path.read_text().splitlines()) <= 400, path


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["list"],
        ["check", "demo"],
        ["explain", "demo"],
        ["draw", "demo"],
        ["import-weights", "demo", "--names"],
        ["export", "demo", "--to", "all", "--dry-run"],
    ],
    ids=" ".join,
)
def test_light_commands_never_import_torch(arguments: list[str]) -> None:
    script = (
        "import sys\n"
        f"sys.argv = ['specformer', *{arguments!r}]\n"
        "from runtime.command.app import main\n"
        "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
        "assert 'torch' not in sys.modules\n"
        "assert 'numpy' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
