"""Values of attention beside those of a table of tokens."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from compiler.pipeline import compile_spec
from tests.support.helpers import rendered, renders
from tests.support.packages import import_package

pytestmark = pytest.mark.quick

SPEC = Path(__file__).parents[2] / "cases" / "value-embedding" / "spec.yaml"


@renders("add_embedded_value")
def test_two_factors_weigh_a_value_and_that_of_the_token() -> None:
    value, embedded = torch.randn(2, 3, 4, 5), torch.randn(2, 3, 4, 5)
    factors = torch.tensor([0.25, 2.0])
    got = rendered("add_embedded_value").add_embedded_value(value, embedded, factors)
    torch.testing.assert_close(got, 0.25 * value + 2.0 * embedded)


def test_attention_is_that_of_the_equation(tmp_path: Path) -> None:
    """A layer of the encoder by hand: softmax(Q K^T / sqrt(d_k)) (f_1 V + f_2 E[tokens])."""
    torch.manual_seed(0)
    model = import_package(compile_spec(str(SPEC)), tmp_path).Model().eval()
    tables = [name for name in model.state_dict() if name.endswith("value_embedding.weight")]
    assert tables == ["source_value_embedding.weight", "target_value_embedding.weight"]
    attention = model.encoder.layers[0].self_attention
    with torch.no_grad():
        attention.value_factors.copy_(torch.tensor([0.5, 3.0]))
        tokens, x = torch.randint(4, 20, (2, 7)), torch.randn(2, 7, 16)
        mask = torch.ones(2, 1, 1, 7, dtype=torch.bool)
        found = model.source_value_embedding(tokens)
        embedded = found.view(2, 7, 2, 4).transpose(1, 2)
        got = attention(x, embedded, mask)
        query, key, value = torch.split(attention.query_key_value(x), [16, 8, 8], dim=-1)
        value = 0.5 * value + 3.0 * found
        heads = []
        for head in range(4):
            place = slice(4 * (head // 2), 4 * (head // 2) + 4)
            scores = query[..., 4 * head : 4 * head + 4] @ key[..., place].mT / 2
            heads.append(scores.softmax(dim=-1) @ value[..., place])
        expected = F.linear(torch.cat(heads, dim=-1), attention.output.weight)
    torch.testing.assert_close(got, expected)
