"""The weights of a text are those of the network: their sums, their masks, their axes."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from runtime.attention.attention import Attention
from runtime.attention.layers import CROSS, SELF
from runtime.errors import UserError
from tests.support.attention import TEXT, random_observer

pytestmark = pytest.mark.quick
TARGET = "so far the for@@ est"
SPECS = (
    *("demo", "head-masks", "sinks", "albert", "relative", "alibi", "local-global"),
    *("grouped-heads", "soft-cap", "convolution", "lstm"),
)


def seen(reference: str, folder: Path, *settings: str) -> Attention:
    observer = random_observer(reference, folder, *settings)
    is_translation = observer.run.package.spec.task == "translation"
    return observer.attention(TEXT, TARGET if is_translation else None)


@pytest.mark.parametrize(
    "reference", [*SPECS, "classifier", "language-model", "masked-language-model"]
)
def test_a_query_gives_all_its_weight_to_keys_that_it_may_read(
    reference: str, tmp_path: Path
) -> None:
    found = seen(reference, tmp_path)
    assert found.layers
    for each in found.layers:
        queries, keys = (found.stream(each.kind, axis).tokens for axis in ("query", "key"))
        assert each.weights.shape == each.allowed.shape
        assert each.weights.shape == (len(each.masks), len(queries), len(keys))
        assert (each.weights[~each.allowed] == 0).all()
        assert (each.weights[each.allowed] > 0).all()
        np.testing.assert_allclose(each.weights.sum(-1), 1, atol=1e-5)


def test_the_weights_are_those_that_the_network_computes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are compared with the queries and keys that torch's own function is given."""
    computed: list[Tensor] = []
    attend = F.scaled_dot_product_attention

    def noted(query: Tensor, key: Tensor, value: Tensor, *masks: Tensor, **others: bool) -> Tensor:
        score = query @ key.mT / query.size(-1) ** 0.5
        if others.get("is_causal"):
            later = torch.ones(query.size(2), key.size(2)).triu(1).bool()
            score = score.masked_fill(later, -torch.inf)
        computed.append(score.softmax(-1)[0])
        return attend(query, key, value, *masks, **others)  # type: ignore[arg-type]

    observer = random_observer("demo", tmp_path)
    monkeypatch.setattr(F, "scaled_dot_product_attention", noted)
    found = observer.attention(TEXT, TARGET)
    assert len(computed) == len(found.layers) == 6
    for each, expected in zip(found.layers, computed, strict=True):
        np.testing.assert_allclose(each.weights, expected, atol=1e-6)


def test_layers_are_numbered_in_their_stack_where_modules_are_applied_again(
    tmp_path: Path,
) -> None:
    found = seen("albert", tmp_path)
    places = [(each.kind, each.layer) for each in found.layers]
    assert places[:4] == [(SELF["encoder"], number) for number in (1, 2, 3, 4)]
    assert [layer for kind, layer in places if kind == CROSS] == [1, 2, 3, 4]
    first, second = (found.layer(SELF["encoder"], number).weights for number in (1, 2))
    assert not np.allclose(first, second, atol=1e-3)


def test_heads_of_one_layer_have_masks_of_their_own(tmp_path: Path) -> None:
    layer = seen("head-masks", tmp_path).layer(SELF["decoder"], 1)
    assert layer.masks == ("causal & window(8)", "causal & window(8)", "causal", "causal")


@pytest.mark.parametrize(
    ("reference", "part"), [("lstm", "recurrence"), ("convolution", "convolution")]
)
def test_layers_without_weights_are_told(reference: str, part: str, tmp_path: Path) -> None:
    found = seen(reference, tmp_path)
    assert {each.kind for each in found.layers} == {CROSS}
    told = {each.kind: each.words for each in found.without_weights}
    assert set(told) == set(SELF.values())
    assert f"has a {part} in the place of attention" in told[SELF["encoder"]]


def test_arrays_have_axes_with_names(tmp_path: Path) -> None:
    found = seen("demo", tmp_path)
    cross = found.weights(CROSS)
    assert cross.sizes == {"layer": 2, "head": 4, "query": 6, "key": 12}
    assert np.asarray(cross).shape == (2, 4, 6, 12)
    with pytest.raises(KeyError) as mistake:
        found.weights("sideways")
    assert mistake.value.args == (
        "there is no 'sideways' in this network: it has encoder self-attention, decoder "
        "self-attention and cross-attention",
    )
    with pytest.raises(KeyError, match="there is no 'cross-attention' in layer 3 of this network"):
        found.layer(CROSS, 3)


def test_subwords_are_joined_to_words(tmp_path: Path) -> None:
    found = seen("demo", tmp_path)
    layer = found.layer(CROSS, 2)
    source, target = found.streams["source"], found.streams["target"]
    assert source.words == (
        *("the", "dog", "followed", "its", "owner", "into", "the", "forest", ".", "</s>"),
    )
    assert target.words == ("<s>", "so", "far", "the", "forest")
    joined = found.words(layer).values
    weights = layer.weights
    np.testing.assert_allclose(joined[:, 4, 2], weights[:, 4:6, 2:4].sum(2).mean(1), atol=1e-6)
    np.testing.assert_allclose(joined.sum(-1), 1, atol=1e-5)


def test_a_long_text_is_cut_and_said_to_be(tmp_path: Path) -> None:
    observer = random_observer("demo", tmp_path, "data.max_length=9")
    found = observer.attention(TEXT, TARGET)
    assert len(found.streams["source"].tokens) == 9
    assert found.notes == (
        "The text is cut: it has 11 tokens, of which the network reads the first 8.",
    )


def test_whether_the_target_was_given_is_told(tmp_path: Path) -> None:
    observer = random_observer("demo", tmp_path, "decoding.max_extra_length=1")
    assert "the target was given" in observer.attention(TEXT, TARGET).about
    own = observer.attention("the dog")
    assert "the network's own translation" in own.about
    assert own.streams["target"].tokens[0] == "<s>"


def test_mistakes_are_explained(tmp_path: Path) -> None:
    observer = random_observer("language-model", tmp_path)
    with pytest.raises(UserError, match="line 3: `task: language_model` has no target"):
        observer.attention(TEXT, TARGET, line=3)
    with pytest.raises(UserError, match="line 2: the text is empty"):
        observer.attention("", line=2)
    with pytest.raises(UserError, match=r"^the text is empty"):
        observer.attention("")


@pytest.mark.parametrize("given", [None, 3, ["a"], b"a"])
def test_what_is_no_text_is_refused(given: Any, tmp_path: Path) -> None:
    observer = random_observer("demo", tmp_path)
    with pytest.raises(TypeError, match="text: expected one text, a string, got ") as mistake:
        observer.attention(given)
    assert repr(given) in str(mistake.value)
    if given is not None:
        with pytest.raises(TypeError, match="target: expected one text, a string, or None, got "):
            observer.attention(TEXT, given)


def test_a_classifier_reads_a_gap_as_the_text_that_it_is(tmp_path: Path) -> None:
    """Only a masked model has a symbol for it, and `classify` reads the same tokens."""
    observer = random_observer("classifier", tmp_path)
    found = observer.attention("the ___ so")
    tokens = observer.reader.tokenizers[0].encode("the ___ so")
    assert list(found.streams["source"].numbers[1:-1]) == tokens


def test_gaps_of_a_masked_model_are_its_symbol(tmp_path: Path) -> None:
    found = random_observer("masked-language-model", tmp_path).attention("the ___ so")
    assert found.streams["source"].tokens == ("<s>", "the", "<mask>", "so", "</s>")
