"""What may not stand in one table is refused, and the message says which runs, and in what."""

import json
from pathlib import Path

import pytest

from runtime.ablation.outputs import tabulate
from runtime.errors import UserError
from tests.support.ablations import PLANS, VERSIONS, Bench

pytestmark = pytest.mark.quick


def refusal(folder: Path) -> str:
    with pytest.raises(UserError) as refused:
        tabulate(folder)
    assert refused.value.help
    return str(refused.value)


def change_lock(bench: Bench, name: str, **parts: str) -> None:
    path = bench.folder / "ablation.json"
    queue = json.loads(path.read_text())
    (run,) = (each for each in queue["queued"] if f"{each['row']}-seed{each['seed']}" == name)
    run["locked"] |= parts
    path.write_text(json.dumps(queue))


def change_setting(bench: Bench, name: str, old: str, new: str) -> None:
    path = bench.place(name) / "package" / "spec.lock.yaml"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_what_belongs_together_is_not_refused(bench: Bench) -> None:
    tabulate(bench.write(PLANS[:2]))


def test_other_data(bench: Bench) -> None:
    folder = bench.write(PLANS[:2])
    change_lock(bench, "a-h1-seed2", data="0" * 64)
    change_setting(bench, "a-h1-seed2", "max_length: 128", "max_length: 64")
    message = refusal(folder)
    assert "in base-seed1, base-seed2, a-h1-seed1; 00000000 in a-h1-seed2" in message
    assert "data.max_length: 128 or 64" in message


def test_the_same_names_of_files_with_other_text(bench: Bench) -> None:
    folder = bench.write(PLANS[:2])
    change_lock(bench, "base-seed1", data="0" * 64)
    assert "the settings agree: the files differ" in refusal(folder)


def test_another_protocol(bench: Bench) -> None:
    folder = bench.write(PLANS[:2])
    change_lock(bench, "a-h1-seed2", protocol="1" * 64)
    change_setting(bench, "a-h1-seed2", "tokenize: 13a", "tokenize: intl")
    message = refusal(folder)
    assert "11111111 in a-h1-seed2" in message
    assert "evaluation.tokenize: 13a or intl" in message


@pytest.mark.parametrize("library", ["torch", "specformer"])
def test_other_versions(bench: Bench, library: str) -> None:
    folder = bench.write(PLANS[:2])
    bench.change("rows/a-h1-seed1/result.json", versions=VERSIONS | {library: "9.9"})
    message = refusal(folder)
    assert (
        f"{library}: {VERSIONS[library]} in base-seed1, base-seed2, a-h1-seed2; 9.9 in " in message
    )


def test_another_signature(bench: Bench) -> None:
    folder = bench.write(PLANS[:2])
    bench.change(
        "rows/a-h1-seed1/result.json", signatures={"test_bleu": "case:lc", "valid_bleu": "x"}
    )
    assert "signature of test_bleu: nrefs:1" in refusal(folder)
    assert "case:lc in a-h1-seed1" in refusal(folder)


def test_a_row_whose_seeds_were_queued_from_two_specs(bench: Bench) -> None:
    folder = bench.write(PLANS[:2])
    change_setting(bench, "a-h1-seed2", "label_smoothing: 0.1", "label_smoothing: 0.2")
    assert "training.label_smoothing: 0.1 in a-h1-seed1; 0.2 in a-h1-seed2" in refusal(folder)
    change_setting(bench, "a-h1-seed2", "label_smoothing: 0.2", "label_smoothing: 0.1")
    change_lock(bench, "a-h1-seed2", code="2" * 64)
    assert "22222222 in a-h1-seed2" in refusal(folder)


@pytest.mark.parametrize("place", ["package", "run/package"])
def test_code_that_was_not_queued(bench: Bench, place: str) -> None:
    folder = bench.write(PLANS[:2])
    model = bench.place("a-h1-seed1") / place / "model.py"
    model.write_text(f"{model.read_text()}# edited\n")
    assert f"a-h1-seed1: code of {place}/" in refusal(folder)


def test_a_result_of_another_row(bench: Bench) -> None:
    folder = bench.write(PLANS[:2])
    own, other = (bench.place(name) for name in ("a-h1-seed1", "a-h1-seed2"))
    (own / "run").rename(folder / "kept")
    (other / "run").rename(own / "run")
    (folder / "kept").rename(other / "run")
    assert "a-h1-seed1: spec of run/package/" in refusal(folder)


def test_files_that_were_changed_by_hand(bench: Bench) -> None:
    folder = bench.write(PLANS[:1])
    (bench.place("base-seed1") / "result.json").write_text('{"scores": 3}')
    assert "result.json cannot be read: scores" in refusal(folder)
    (folder / "ablation.json").unlink()
    assert "not the folder of an ablation" in refusal(folder)
