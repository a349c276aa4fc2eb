"""Locks and records of rows that are damaged, or that somebody made to do damage."""

from pathlib import Path

import pytest

from compiler.source.diagnostic import Rejected
from compiler.spec.lock import read_lock

pytestmark = pytest.mark.quick


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "nested deeper than 40 levels"),
        ("{a: " * 100_000, "nested deeper than 40 levels"),
        ("a: &b [1]\nc: *b\n", "anchors and aliases"),
        ("a: [1\n", "yaml-syntax"),
        ("- 1\n", "is a mapping"),
        ("a: !!python/name:os.system\n", "tags are not part of a spec"),
    ],
)
def test_a_lock_is_read_with_the_limits_of_a_spec(text: str, message: str, tmp_path: Path) -> None:
    lock = tmp_path / "spec.lock.yaml"
    lock.write_text(text)
    with pytest.raises(Rejected, match=message) as caught:
        read_lock(lock)
    assert str(lock) in str(caught.value)
