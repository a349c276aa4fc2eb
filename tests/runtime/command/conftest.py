"""The command line in this process, and a run that was trained by it in seconds."""

import tarfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from compiler.export.targets import TARGETS
from runtime.command import app
from runtime.export.exporters import EXPORTERS
from tests.support.own_format import NAME, OwnExporter, OwnTarget

SHORT_TRAINING = {
    "model.d_model": 16,
    "model.attention.heads": 2,
    "model.feed_forward.d_ff": 32,
    "model.encoder.layers": 1,
    "model.decoder.layers": 1,
    "model.vocabulary.size": 130,
    "training.batch_tokens": 512,
    "training.steps": 4,
    "training.schedule.warmup_steps": 2,
    "training.validation.every": 2,
}
"""The sizes of a small network, and four updates."""
TINY = SHORT_TRAINING | {"decoding.max_extra_length": 5}
SHORT_TRAINING_OF_DECODER = {
    key: value for key, value in SHORT_TRAINING.items() if "encoder" not in key
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def specformer(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> Command:
    """specformer("translate", run, "--beam", 2): runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ended:
        monkeypatch.setattr("sys.argv", ["specformer", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit:
            app.main()
        captured = capfd.readouterr()
        code = exit.value.code
        return Ended(code=code if isinstance(code, int) else 0, out=captured.out, err=captured.err)

    return run


@pytest.fixture
def expected(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return the folder of what an earlier version computed, from the module's `ARCHIVE`.

    The rest of the archive, such as the run and its spec, lies beside the folder.
    """
    with tarfile.open(Path(__file__).with_name(request.module.ARCHIVE)) as archive:
        archive.extractall(tmp_path, filter="data")
    return tmp_path / "expected"


@pytest.fixture(scope="session")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo corpus, small."""
    from runtime.corpus import write_corpus

    folder = tmp_path_factory.mktemp("text") / "demo"
    write_corpus(folder, train=80, valid=10, test=12, seed=7)
    return folder


@pytest.fixture(scope="session")
def tiny(corpus: Path) -> list[str]:
    """The options that make the demo spec tiny."""
    settings = {**TINY, "data.folder": corpus}
    return [part for key, value in settings.items() for part in ("--set", f"{key}={value}")]


def changed(options: Sequence[str], *changes: str) -> list[str]:
    """`--set` options in which these (`key=value`) take the place of those with their keys."""
    keys = {each.partition("=")[0] for each in changes}
    kept = [each for each in options if each != "--set" and each.partition("=")[0] not in keys]
    return [part for each in (*kept, *changes) for part in ("--set", each)]


@pytest.fixture(scope="session")
def trained_run(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the demo spec, made tiny."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(home)
        patch.setattr("sys.argv", ["specformer", "train", "demo", *tiny])
        with pytest.raises(SystemExit) as exit:
            app.main()
    assert not exit.value.code
    return home / "runs" / "demo"


@pytest.fixture(scope="session")
def taught_run(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of a network that has learned to end its sentences, in seconds."""
    lessons = {
        "model.d_model": 32,
        "model.feed_forward.d_ff": 64,
        "training.steps": 200,
        "training.schedule.warmup_steps": 30,
        "training.schedule.peak": 0.01,
        "training.validation.every": 100,
        "decoding.max_extra_length": 50,
    }
    options = changed(tiny, *(f"{key}={value}" for key, value in lessons.items()))
    run = tmp_path_factory.mktemp("taught") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(run.parent)
        patch.setattr("sys.argv", ["specformer", "train", "demo", *options, "--out", str(run)])
        with pytest.raises(SystemExit) as exit:
            app.main()
    assert not exit.value.code
    return run


@pytest.fixture
def own_target(monkeypatch: pytest.MonkeyPatch) -> OwnTarget:
    """The format of the tests, in the table of formats."""
    target = OwnTarget()
    monkeypatch.setitem(TARGETS, NAME, target)
    return target


@pytest.fixture
def own_exporter(monkeypatch: pytest.MonkeyPatch, own_target: OwnTarget) -> OwnExporter:
    """The exporter of the format of the tests, in the table of exporters."""
    exporter = OwnExporter(name=own_target.name)
    monkeypatch.setitem(EXPORTERS, own_target.name, exporter)
    return exporter
