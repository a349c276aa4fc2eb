"""Several residual streams: a network whose connections have learned nothing is the plain one."""

from pathlib import Path

import pytest
import torch

from compiler.pipeline import compile_spec
from tests.support.packages import import_package

pytestmark = pytest.mark.quick

SPEC = """
name: small
task: language_model
model:
  d_model: 16
  vocabulary: {size: 20}
  norm: {kind: rms_norm, place: pre, eps: 1e-12}
  attention: {heads: 4}
  feed_forward: {d_ff: 16}
  decoder: {layers: 2}
data: {train: {text: a}, valid: {text: a}, test: {text: a}}
training: {batch_tokens: 1000, steps: 5000}
"""


@pytest.mark.parametrize("dynamic", ["true", "false"])
def test_a_network_begins_as_the_one_with_one_stream(dynamic: str, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(SPEC)
    settings = [f"model.residual.streams={3}", f"model.residual.dynamic={dynamic}"]
    one = import_package(compile_spec(str(path)), tmp_path).Model().eval()
    several = import_package(compile_spec(str(path), settings), tmp_path).Model().eval()
    missing, unexpected = several.load_state_dict(one.state_dict(), strict=False)
    assert missing
    assert all("_streams." in each for each in missing)
    assert not unexpected
    tokens = torch.randint(1, 20, (2, 7))
    torch.testing.assert_close(several(tokens), one(tokens))
