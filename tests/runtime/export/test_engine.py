"""Exports that a run keeps, by which CTranslate2 decodes in the place of its network."""

import time
from pathlib import Path
from threading import Thread

import pytest

from runtime.export.engine import EXPORTS, _alone_in, opened_network
from tests.support.exports import drawn_run

POSITIONS = "model.embedding.position={kind: learned, max_length: 12}"
FEW = ("model.vocabulary.size=120", "model.decoder.layers=1", "data.max_length=12", POSITIONS)


@pytest.mark.quick
@pytest.mark.parametrize("name", ["language-model", "demo"])
def test_a_network_of_few_positions_is_compared_within_them(name: str, tmp_path: Path) -> None:
    found = drawn_run(tmp_path, name, (*FEW, "decoding.max_length=8"))
    run, spec = found.run, found.spec
    for _ in range(2):
        opened_network(run, found.loaded, spec, average=None, int8=False, workers=1)
    assert len([*(run.folder / EXPORTS).iterdir()]) == 1


@pytest.mark.quick
def test_one_process_at_a_time_writes_exports(tmp_path: Path) -> None:
    """Threads stand for processes: each has a handle of its own."""
    inside, most = [0], [0]

    def work() -> None:
        with _alone_in(tmp_path / "exports"):
            inside[0] += 1
            most[0] = max(most[0], inside[0])
            time.sleep(0.05)
            (tmp_path / "exports" / "one").touch()
            inside[0] -= 1

    threads = [Thread(target=work) for _ in range(4)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert most == [1]
    assert (tmp_path / "exports" / "one").exists()


@pytest.mark.quick
def test_a_folder_without_exports_does_not_stay(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), _alone_in(tmp_path / "exports"):
        raise ZeroDivisionError
    assert not (tmp_path / "exports").exists()
