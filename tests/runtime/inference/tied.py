"""A network whose table embeds and projects."""

import torch.nn.functional as F
from torch import Tensor, nn


class Tied(nn.Module):
    """A table that embeds and projects, and a linear map with a bias between."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(50, 16)
        self.hidden = nn.Linear(16, 16)
        self.norm = nn.LayerNorm(16)

    def forward(self, tokens: Tensor) -> Tensor:
        return F.linear(self.norm(self.hidden(self.embedding(tokens))), self.embedding.weight)
