"""What frame 1 can learn from all of frame 2, beyond the reach of the local search.

Axes: bn windows, b samples, t tokens of frame 1, m tokens (slots) of frame 2, c channels.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn

from models.backbones.lookup_grid import lookup_grid
from models.config import FlowConfig
from models.position import frequencies, log_scale, rotate, rotation
from models.spatial import attend, merge_heads, split_heads, to_map, to_tokens
from models.windows import Placement


@dataclass(frozen=True, kw_only=True)
class Averages:
    """Frame 2 by slots."""

    features: Float[Tensor, "b m c"]
    present: Bool[Tensor, "b m"]
    """False for slots that are not used or that no window touches."""
    y: Float[Tensor, "b m"]
    """Centre of a slot, in cells of the canvas."""
    x: Float[Tensor, "b m"]


class CrossAttention(nn.Module):
    """One decoder block of CroCo (arXiv 2210.10716) at stride 16, with rotary positions.

    Frame 2 is read cell by cell while it has no more cells than `num_context_tokens`, as area
    averages on a grid of so many slots above that: the cost stays linear in pixels.
    """

    def __init__(self, config: FlowConfig, *, in_channels: int) -> None:
        super().__init__()
        c = config.hidden_channels
        self.num_heads = config.num_heads
        self.num_tokens = config.num_context_tokens
        self.context_channels = config.context_channels
        self.embed = nn.Linear(in_channels, c)
        self.norm_first = nn.LayerNorm(c)
        self.norm_second = nn.LayerNorm(c)
        self.q = nn.Linear(c, c)
        self.kv = nn.Linear(c, 2 * c)
        self.out = nn.Linear(c, c)
        self.norm_mlp = nn.LayerNorm(c)
        self.mlp_in = nn.Linear(c, 2 * c)
        self.mlp_out = nn.Linear(2 * c, c)
        self.norm = nn.LayerNorm(c)
        self.project = nn.Linear(c, config.context_channels)
        # Periods in cells of 16 px: 4 are told apart, 4K is 240 cells wide.
        omega = frequencies(c // config.num_heads, shortest=4.0, longest=512.0)
        self.register_buffer("omega", torch.tensor(omega), persistent=False)
        self.omega: Tensor

    def forward(
        self,
        first: Float[Tensor, "bn c rows cols"],
        second: Float[Tensor, "bn c rows2 cols2"],
        placement: Placement,
        next_placement: Placement,
    ) -> Float[Tensor, "bn c_out rows cols"]:
        """The context channels of `first`, enriched by what was read in `second`."""
        b = placement.canvas.shape[0]
        averages = self._average(second, next_placement)
        here: Tensor = self.embed(to_tokens(first, b))
        there = self.norm_second(self.embed(averages.features))
        row, col = placement.cell_rows_cols(16, first.shape[2], first.shape[3])
        turn = rotation(row.float() + 0.5, col.float() + 0.5, self.omega)
        next_turn = rotation(averages.y, averages.x, self.omega)
        q = rotate(split_heads(self.q(self.norm_first(here)), self.num_heads), turn)
        q = q * log_scale(averages.present.float().sum(1), reference=300.0)
        k, v = self.kv(there).chunk(2, dim=-1)
        k = rotate(split_heads(k, self.num_heads), next_turn)
        read = self._read(q, k, split_heads(v, self.num_heads), averages.present)
        here = here + self.out(merge_heads(read))
        here = here + self.mlp_out(F.gelu(self.mlp_in(self.norm_mlp(here))))
        update = to_map(self.project(self.norm(here)), like=first)
        own = first[:, first.shape[1] - self.context_channels :]
        return own + update.to(own.dtype)

    # Methods of their own: export averages and reads in another way.

    def _read(
        self,
        q: Float[Tensor, "b heads t d"],
        k: Float[Tensor, "b heads m d"],
        v: Float[Tensor, "b heads m d"],
        present: Bool[Tensor, "b m"],
    ) -> Float[Tensor, "b heads t d"]:
        return attend(q, k, v, present)

    def _average(self, second: Float[Tensor, "bn c rows cols"], placement: Placement) -> "Averages":
        grid = lookup_grid(
            placement,
            stride=16,
            rows=second.shape[2],
            cols=second.shape[3],
            num_slots=self.num_tokens,
        )
        tokens = to_tokens(second, placement.canvas.shape[0])
        return Averages(features=grid.assign @ tokens, present=grid.present, y=grid.y, x=grid.x)
