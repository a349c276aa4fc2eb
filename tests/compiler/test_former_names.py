"""A key that has another name now is understood by its former one, wherever specs are written."""

from pathlib import Path

import pytest
import yaml

from compiler.ablation.expand import expand
from compiler.diff.settings import values_at
from compiler.pipeline import check_spec
from compiler.source.diagnostic import Rejected
from compiler.spec.initialization import NormalInitialization, ScaledInitialization
from compiler.spec.load import Loaded, load
from compiler.spec.lock import LOCK, lock_text, read_lock
from compiler.spec.position import RotaryPosition
from compiler.spec.shorthand import FORMER_NAMES

pytestmark = pytest.mark.quick

SCALING = "{kind: linear, factor: 4.0}"
FORMER = f"""
model:
  initialization: {{kind: scaled, deviation: 0.5}}
  embedding: {{position: {{kind: rotary, share: 0.5, stretch: {SCALING}}}}}
  decoder:
    position: {{kind: rotary, share: 0.25}}
    layers: [{{repeat: 1}}, {{repeat: 1, position: {{share: 1.0}}}}]
"""


def renewed(text: str) -> str:
    for names in FORMER_NAMES.values():
        for former, name in names.items():
            text = text.replace(f"{former}:", f"{name}:")
    return text


def spec_of(folder: Path, text: str, extends: str = "demo") -> Loaded:
    """The spec in a file that extends another one."""
    path = folder / "some.yaml"
    path.write_text(f"extends: {extends}\nname: some\n{text}")
    return load(str(path))


def warnings(loaded: Loaded) -> list[str]:
    return [each.message for each in loaded.warnings if each.code == "former-name"]


def test_each_former_name_has_a_key_of_today() -> None:
    for section, kinds in (
        ("position", [RotaryPosition]),
        ("initialization", [NormalInitialization, ScaledInitialization]),
    ):
        for kind in kinds:
            assert set(FORMER_NAMES[section].values()) <= set(kind.model_fields)
            assert FORMER_NAMES[section].keys().isdisjoint(kind.model_fields)


def test_a_spec_means_the_same_under_both_names(tmp_path: Path) -> None:
    former, today = (spec_of(tmp_path, text) for text in (FORMER, renewed(FORMER)))
    assert former.spec == today.spec
    assert warnings(former) == [
        "`deviation` is called `std`",
        "`share` is called `fraction`",
        "`stretch` is called `scaling`",
        "`share` is called `fraction`",
        "`share` is called `fraction`",
    ]
    assert not warnings(today)


def test_children_and_settings_may_use_either_name(tmp_path: Path) -> None:
    (tmp_path / "parent.yaml").write_text(f"extends: demo\nname: parent\n{FORMER}")
    child = "model: {initialization: {std: 0.25}, decoder: {position: {fraction: 0.5}}}\n"
    loaded = spec_of(tmp_path, child, "parent.yaml")
    assert "std: 0.25" in lock_text(loaded.spec)
    setting = "model.initialization.deviation=0.125"
    found = check_spec(str(tmp_path / "some.yaml"), [setting])
    assert "std: 0.125" in lock_text(found.spec)
    assert str(found.warnings[0].span) == "--set:1:22"


def test_locks_of_former_versions_are_read(tmp_path: Path) -> None:
    loaded = spec_of(tmp_path, renewed(FORMER))
    lock = lock_text(loaded.spec)
    for names in FORMER_NAMES.values():
        for former, name in names.items():
            lock = lock.replace(f" {name}:", f" {former}:")
    assert "share: 0.25" in lock
    (tmp_path / LOCK).write_text(lock)
    assert read_lock(tmp_path / LOCK) == loaded.spec


def test_ablations_may_use_either_name(tmp_path: Path) -> None:
    def rows(text: str) -> list[Loaded]:
        path = tmp_path / "some.yaml"
        path.write_text(f"ablation: some\nbase: demo\ngroups:\n  A: {{grid: {{{text}}}}}\n")
        return [each.package.loaded for each in expand(path).rows]

    kind = "model.initialization.kind: [normal]"
    former = rows(f"{kind}, model.initialization.deviation: [0.1, 0.2]")
    today = rows(f"{kind}, model.initialization.std: [0.1, 0.2]")
    assert [each.spec.model for each in former] == [each.spec.model for each in today]
    assert sum(bool(warnings(each)) for each in former) == 2


def test_tables_of_ablations_find_settings_under_either_name(tmp_path: Path) -> None:
    spec = spec_of(tmp_path, FORMER).spec
    section = "model.initialization"
    former, today = values_at(spec, [f"{section}.deviation", f"{section}.std"])
    assert former == today == ("0.5",)
    section = "model.decoder.position"
    former, today = values_at(spec, [f"{section}.share", f"{section}.fraction"])
    assert former == today == ("0.25", "1.0")


def test_a_key_under_both_names_is_refused(tmp_path: Path) -> None:
    both = {"kind": "normal", "std": 0.1, "deviation": 0.2}
    with pytest.raises(Rejected) as caught:
        spec_of(tmp_path, yaml.safe_dump({"model": {"initialization": both}}))
    assert [each.code for each in caught.value.diagnostics] == ["unknown-key"]


def test_a_key_under_both_names_is_told_so(tmp_path: Path) -> None:
    both = "model: {embedding: {position: {kind: rotary, share: 0.5, fraction: 0.5}}}"
    with pytest.raises(Rejected) as caught:
        spec_of(tmp_path, both)
    (found,) = caught.value.diagnostics
    assert found.help == (
        "`share` is the former name of `fraction`, which is written, too: leave it out"
    )
