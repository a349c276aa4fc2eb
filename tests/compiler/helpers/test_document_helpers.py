"""The helpers of documents that share a text, against loops over the documents and tokens."""

from types import SimpleNamespace

import pytest
import torch
from torch import Tensor

from tests.support.helpers import called, rendered, renders

pytestmark = pytest.mark.quick

BEGIN = 2
TOKENS = torch.tensor([[5, 6, 2, 7, 8, 2, 9], [2, 5, 6, 7, 8, 9, 5]])
POSITIONS = [[0, 1, 0, 1, 2, 0, 1], [0, 1, 2, 3, 4, 5, 6]]
LENGTH = TOKENS.size(1)


def helpers_of(*names: str) -> SimpleNamespace:
    """Return helpers in a file that knows the token that begins a document."""
    helpers = rendered(*names)
    helpers._names["BEGIN"] = BEGIN
    return helpers


def positions_of(text: list[int]) -> list[int]:
    """Count the positions of each document of a text, token by token."""
    found: list[int] = []
    for token in text:
        found.append(0 if token == BEGIN or not found else found[-1] + 1)
    return found


def documents_of(text: list[int]) -> list[int]:
    """Number the documents of a text: the number of the document of each token."""
    begins = [position == 0 for position in positions_of(text)]
    return torch.tensor(begins).cumsum(0).tolist()


def near_or_first(i: Tensor, j: Tensor) -> Tensor:
    """Allow a query the key before its own and the first, of positions in its document."""
    return (j <= i) & ((i - j < 2) | (j == 0))


@renders("document_positions")
def test_positions_begin_anew_with_each_document() -> None:
    got = helpers_of("document_positions").document_positions(TOKENS)
    assert got.tolist() == POSITIONS
    assert [positions_of(text) for text in TOKENS.tolist()] == POSITIONS


@renders("DocumentPosition")
@pytest.mark.parametrize("filled", [0, 1, 4])
def test_a_hypothesis_continues_the_position_of_its_parent(filled: int) -> None:
    """Hypotheses of random parents have the positions that their whole texts have."""
    torch.manual_seed(1)
    memory = helpers_of("DocumentPosition").DocumentPosition()
    texts = [[row[:filled]] for row in TOKENS.tolist()]
    if filled:
        whole = memory.fill(TOKENS[:, :filled])
        assert whole.tolist() == [positions_of(text) for (text,) in texts]
    for _ in range(8):
        parent = torch.randint(len(texts[0]), (2, 3))
        token = torch.randint(BEGIN, BEGIN + 3, (2, 3))
        texts = [
            [each[p] + [t] for p, t in zip(*row, strict=True)]
            for each, *row in zip(texts, parent.tolist(), token.tolist(), strict=True)
        ]
        got = memory.advance(token, parent)
        assert got.tolist() == [[positions_of(text)[-1] for text in each] for each in texts]
    memory.keep(torch.tensor([1]))
    got = memory.advance(torch.full((1, 3), BEGIN + 1), torch.tensor([[2, 0, 0]]))
    assert got.tolist() == [[positions_of(texts[1][p])[-1] + 1 for p in (2, 0, 0)]]


def expected_mask(text: list[int]) -> list[list[bool]]:
    """Allow each pair of places of one document that `near_or_first` allows."""
    positions, documents = positions_of(text), documents_of(text)
    pairs = torch.zeros(LENGTH, LENGTH, dtype=torch.bool)
    for i in range(LENGTH):
        for j in range(i + 1):
            query, key = torch.tensor(positions[i]), torch.tensor(positions[j])
            pairs[i, j] = documents[i] == documents[j] and near_or_first(query, key)
    return pairs.tolist()


@renders("within_document")
def test_a_mask_of_distances_ends_at_the_document() -> None:
    place = torch.arange(LENGTH)
    distance = place[:, None] - place
    mask = (distance >= 0) & (distance < 3)
    got = helpers_of("within_document").within_document(torch.tensor(POSITIONS), mask)
    documents = torch.tensor([documents_of(text) for text in TOKENS.tolist()])
    expected = mask & (documents[:, :, None] == documents[:, None])
    assert got.equal(expected[:, None])


@renders("allowed_within_document")
def test_a_mask_counts_positions_in_the_document() -> None:
    helpers = helpers_of("allowed_within_document")
    got = helpers.allowed_within_document(near_or_first, torch.tensor(POSITIONS))
    assert got[:, 0].tolist() == [expected_mask(text) for text in TOKENS.tolist()]


@renders("slots_within_document", "slots_allowed_within_document")
def test_slots_of_a_cache_are_those_of_the_document() -> None:
    """A step reads what the last query of the whole text reads, of slots in another order."""
    helpers = helpers_of("slots_within_document", "slots_allowed_within_document")
    places = torch.randperm(LENGTH, generator=torch.Generator().manual_seed(1))
    for newest in range(LENGTH):
        position = torch.tensor(POSITIONS)[:, newest : newest + 1]
        own = (places <= newest).expand(2, 1, 1, -1)
        at = torch.tensor([newest])
        got = helpers.slots_allowed_within_document(near_or_first, position, own, at, places)
        expected = torch.tensor([expected_mask(text)[newest] for text in TOKENS.tolist()])
        assert got[:, 0, 0].equal(expected[:, places])
        got = helpers.slots_within_document(position, own, at, places)
        documents = torch.tensor([documents_of(text) for text in TOKENS.tolist()])
        expected = documents == documents[:, newest : newest + 1]
        assert got[:, 0, 0].equal(expected[:, places] & own[:, 0, 0])
    none = torch.zeros(2, 1, 1, LENGTH, dtype=torch.bool)
    assert not helpers.slots_within_document(position, none, at, places).any()
    assert not helpers.slots_allowed_within_document(
        near_or_first, position, none, at, places
    ).any()


@renders("at_positions", "of_hypotheses")
@pytest.mark.parametrize("over_heads", [False, True])
def test_values_stand_at_their_positions(over_heads: bool) -> None:
    """Rows that are computed for one position each stand where a table of all has them."""
    helpers, values = rendered("at_positions", "of_hypotheses"), torch.randn(LENGTH, 4)
    position = torch.tensor(POSITIONS)
    index = position[:, None] if over_heads else position
    got = helpers.at_positions(values, index)
    assert got.shape == (*index.shape, 4)
    for text, row in enumerate(POSITIONS):
        for place, each in enumerate(row):
            assert got[text].view(LENGTH, 4)[place].equal(values[each])
    each = torch.stack([values[number] for row in POSITIONS for number in row])[:, None]
    assert helpers.of_hypotheses(each, index).equal(got)


@renders("cosine_sine_of_texts")
def test_angles_of_texts_rotate_as_those_of_one_text() -> None:
    """Each text is rotated as by its own angles, which are those of a helper for one text."""
    angle, x = torch.randn(2, 1, LENGTH, 4), torch.randn(2, 3, LENGTH, 8)
    helpers = rendered("cosine_sine_of_texts", "cosine_sine", called("rotate", "x", "angle"))
    both = helpers.cosine_sine_of_texts(angle)
    assert both.shape == (2, 2, 1, LENGTH, 8)
    got = helpers.rotate(x, both)
    for text in range(2):
        alone = helpers.rotate(x[text], helpers.cosine_sine(angle[text, 0]))
        torch.testing.assert_close(got[text], alone)
