"""What is known of one family of published weights."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

USUAL_HEADS: Mapping[int, int] = MappingProxyType(
    {192: 3, 384: 6, 512: 8, 768: 12, 1024: 16, 1536: 24}
)
"""Heads by embed_dim, 64 channels each: a state dict does not say."""


@dataclass(frozen=True, kw_only=True)
class Family:
    """How a family names its tensors and what its state dict does not say.

    Names are mapped to plain ones: `patch`, `class_token`, `second_token`, `registers`,
    `positions`, `periods`, `norm`, and in each block `norm_attention`, `qkv` or `q`, `k` and `v`,
    `out`, `gain_attention`, `norm_mlp`, `mlp_in` or `gate` and `value`, `mlp_out`, `gain_mlp`.
    """

    name: str
    title: str
    marks: tuple[str, ...]
    """Names that tell the family, as regular expressions without the prefix: all must be there."""
    prefixes: tuple[str, ...] = ("", "backbone.")
    """What may stand before the names of the encoder; names without it are left out."""
    outside: Mapping[str, str]
    """Plain names of tensors and layers outside the blocks."""
    block: str = r"blocks\.(?:\d+\.)?(?P<index>\d+)\."
    """The beginning of a name inside a block, as a regular expression."""
    inside: Mapping[str, str]
    """Plain names of tensors and layers inside a block, after that."""
    left_out: tuple[str, ...] = ()
    """Regular expressions of names that are known and not needed."""
    norm_eps: float = 1e-6
    rotary: Literal["patches", "image", "none"] = "none"
    """Where positions are not a table."""
    heads: Mapping[int, int] = field(default_factory=lambda: USUAL_HEADS)
    """Heads by embed_dim."""
