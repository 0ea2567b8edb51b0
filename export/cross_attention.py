"""What frame 1 reads in all of frame 2, in the form that engines run fastest; same answers.

Frame 2 is averaged over slots. As one product with all of its cells that takes a matrix of a
thousand rows, nearly all of it zeros, and half of the time of making it. But slots are rectangles:
averages over rows and then over columns, two small products, hold those of every slot.

Axes: b images, m slots, c channels.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from export.layout import copied
from models.backbones.lookup_grid import interval, lookup_slots
from models.heads.cross_attention import Averages, CrossAttention
from models.spatial import attend_as_is
from models.windows import Placement


class FoldedCrossAttention(CrossAttention):
    """models.heads.cross_attention.CrossAttention for whole images."""

    def __init__(self, cross: CrossAttention, *, dtype: torch.dtype = torch.float32) -> None:
        nn.Module.__init__(self)
        self.dtype = dtype
        self.num_heads, self.num_tokens = cross.num_heads, cross.num_tokens
        self.context_channels = cross.context_channels
        for name, child in cross.named_children():
            self.add_module(name, child)
        self.register_buffer("omega", cross.omega, persistent=False)

    def _read(
        self,
        q: Float[Tensor, "b heads t d"],
        k: Float[Tensor, "b heads m d"],
        v: Float[Tensor, "b heads m d"],
        present: Bool[Tensor, "b m"],
    ) -> Float[Tensor, "b heads t d"]:
        q, k, v = q.to(self.dtype), k.to(self.dtype), v.to(self.dtype)
        return attend_as_is(q, k, v, present).float()

    def _average(self, second: Float[Tensor, "b c rows cols"], placement: Placement) -> Averages:
        rows, cols = second.shape[2], second.shape[3]
        slots = lookup_slots(placement, stride=16, num_slots=self.num_tokens)
        # No more slots than cells along either axis.
        down = _shares(slots.rows, slots.num_rows, rows)
        across = _shares(slots.cols, slots.num_cols, cols)
        by_row = down @ copied(second.permute(0, 2, 3, 1)).flatten(2)  # [b, rows, cols * c]
        by_row = copied(by_row.unflatten(2, (cols, -1)).transpose(1, 2)).flatten(2)
        averaged = (across @ by_row).unflatten(2, (rows, -1)).flatten(1, 2)
        at = slots.col * rows + slots.row.clamp(max=rows - 1)
        features = averaged.gather(1, at[..., None].expand(-1, -1, averaged.shape[2]))
        top, bottom = slots.row_interval()
        left, right = slots.col_interval()
        return Averages(
            features=features * slots.used[..., None],
            present=slots.used,
            y=(top + bottom).float() / 2,
            x=(left + right).float() / 2,
        )


def _shares(
    cells: Int[Tensor, " b"], slots: Int[Tensor, "b 1"], length: int
) -> Float[Tensor, "b length length"]:
    """Row i averages the cells of slot i along one axis."""
    at = torch.arange(length, device=cells.device)
    begin, end = interval(at[None], cells[:, None], slots)
    holds = (at >= begin[..., None]) & (at < end[..., None])
    return holds.float() / (end - begin)[..., None].float()
