"""Families of published models: their files, and what they say of a config.json.

A folder of `tests/configs` holds a config.json and what is wrong with it.
"""

import os
from pathlib import Path

import pytest

from compiler.source.diagnostic import Rejected
from compiler.source.span import Source
from compiler.weights.config import read_config
from compiler.weights.families import FAMILIES
from compiler.weights.family import COMMON, common, families, find_family, map_of, read_family
from compiler.weights.fitted_map import absent, lines_of
from compiler.weights.imported_spec import name_of, understand
from compiler.weights.map import map_in, read_map
from compiler.weights.parameters import NamedParameter
from compiler.weights.readings import READINGS

pytestmark = pytest.mark.quick

CONFIGS = Path(__file__).parents[1] / "configs"
CASES = sorted(path.parent.name for path in CONFIGS.glob("*/config.json"))


@pytest.mark.parametrize("case", CASES)
def test_all_that_is_wrong_with_a_config_is_said(
    case: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(CONFIGS)
    config = read_config(Path(case, "config.json"), ["cls.predictions.bias"])
    understand(config, None, None)
    path, text = CONFIGS / case / "diagnostics.txt", f"{Rejected(config.wrong)}\n"
    if request.config.getoption("--update-golden"):
        assert not os.environ.get("CI"), "expected outputs are not rewritten in CI"
        path.write_text(text, encoding="utf-8")
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("name", families())
def test_a_family_names_what_there_is(name: str) -> None:
    family = families()[name]
    assert set(family.readings) <= READINGS.keys()
    for task in family.tasks:
        assert read_map(map_of(name, family, task)).entries
    tables = {
        each.values
        for key in family.keys
        if (each := family.meaning(key)) and isinstance(each.values, str)
    }
    assert tables <= common().values.keys()
    both = set(family.keys) & (set(family.only) | set(family.without_effect))
    assert not both


def test_a_model_type_has_one_family_and_no_refusal() -> None:
    types = [each for family in families().values() for each in family.model_types]
    assert len(set(types)) == len(types)
    assert common().refused.keys().isdisjoint(types)
    assert find_family("llama") is not None
    assert find_family("electra") is None


def test_a_wrong_family_is_told_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "family.yaml"
    text = (FAMILIES / "llama" / "family.yaml").read_text("utf-8")
    path.write_text(text.replace("tasks:", "task:").replace("symbols:", "symbols: 3\nx:"))
    with pytest.raises(Rejected) as rejected:
        read_family(path)
    said = str(rejected.value)
    assert "`tasks` is missing" in said
    assert "a family has no `task`" in said
    assert f"{path}:" in said
    assert COMMON.is_file()


def test_a_line_fits_only_if_the_files_have_what_it_reads() -> None:
    """Also where the name of the tensor has no dot, as `final_logits_bias` of BART."""
    text = "tensors:\n  output_bias: final_logits_bias[0]\n"
    lines = lines_of(map_in(Source(name="map", text=text)), {}, "")
    parameters = [NamedParameter(name="output_bias", shape=(3,))]
    assert absent(lines, parameters, ["final_logits_bias"]) == set()
    assert absent(lines, parameters, ["model.weight"]) == {"output_bias"}


@pytest.mark.parametrize(
    ("folder", "name"),
    [
        ("bert-base-uncased", "bert-base-uncased"),
        ("Qwen2.5-0.5B", "qwen2-5-0-5b"),
        ("7B", "model-7b"),
        ("...", "model"),
        ("a" * 90, "a" * 40),
    ],
)
def test_a_spec_is_called_like_the_folder(folder: str, name: str) -> None:
    assert name_of(folder) == name
