"""What a new model takes over from trained weights that were made for something else.

The encoder must be the same. A head is taken over where both models have it in the same form. The
segmentation head is taken over class by class: the rows of classes that keep their names are
copied, the others are new.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn

from models.dense_model import DenseModel


class TransferError(ValueError):
    """Weights that a model cannot start from."""


@dataclass(frozen=True, kw_only=True)
class Transfer:
    """What was taken over."""

    loaded: tuple[str, ...]
    """Parts as they were."""
    fresh: tuple[str, ...]
    """Parts that begin anew."""
    left_out: tuple[str, ...]
    """Parts that the new model does not have, or has in another form."""
    kept_classes: tuple[str, ...] = ()
    fresh_classes: tuple[str, ...] = ()
    left_out_classes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """For people."""
        found = [
            ("taken over", self.loaded),
            ("made new", self.fresh),
            ("left out", self.left_out),
            ("classes kept", self.kept_classes),
            ("classes new", self.fresh_classes),
            ("classes left out", self.left_out_classes),
        ]
        return [f"{title + ':':<18}{', '.join(names)}" for title, names in found if names]


@torch.no_grad()
def transfer(
    model: DenseModel, source: DenseModel, *, origin: str, untrained: Collection[str] = ()
) -> Transfer:
    """Take over what fits, in place.

    Args:
        model: the new one, with fresh weights.
        source: trained weights.
        origin: where they come from, for errors.
        untrained: parts of the source that know nothing; as if it did not have them.

    Raises:
        TransferError: the encoders differ.
    """
    ours, theirs = model.config, source.config
    if ours.backbone != theirs.backbone:
        raise TransferError(
            f"{origin} is a {theirs.name} whose encoder {theirs.backbone} is another one than "
            f"{ours.name}'s {ours.backbone}: choose weights of the same encoder, or take the model "
            f"of the weights: model_like({origin!r})"
        )
    same_width = ours.neck_channels == theirs.neck_channels
    same = {
        "backbone": True,
        "neck": same_width,
        "segmentation": same_width and ours.segmentation == theirs.segmentation,
        "depth": same_width and ours.depth == theirs.depth,
        "flow_encoder": same_width and ours.flow == theirs.flow,
        "flow_head": same_width and ours.flow == theirs.flow,
    }
    mine = dict(model.named_children())
    others = {name: part for name, part in source.named_children() if name not in untrained}
    loaded = [name for name, is_same in same.items() if is_same and name in mine and name in others]
    for name in loaded:
        mine[name].load_state_dict(others[name].state_dict())
    found = Transfer(
        loaded=tuple(loaded),
        fresh=tuple(name for name in same if name in mine and name not in loaded),
        left_out=tuple(name for name in same if name in others and name not in loaded),
    )
    if same_width and "segmentation" in found.fresh and "segmentation" in found.left_out:
        return _transfer_classes(found, model, source)
    return found


def _transfer_classes(found: Transfer, model: DenseModel, source: DenseModel) -> Transfer:
    """The classes of a head for others: those that keep their names keep their weights."""
    ours, theirs = model.config.segmentation, source.config.segmentation
    assert ours is not None
    assert theirs is not None
    assert model.segmentation is not None
    assert source.segmentation is not None
    model.segmentation.norm.load_state_dict(source.segmentation.norm.state_dict())
    kept = [name for name in ours.class_names if name in theirs.class_names]
    _copy_rows(
        source.segmentation.project,
        model.segmentation.project,
        [(theirs.class_names.index(name), ours.class_names.index(name)) for name in kept],
    )
    return replace(
        found,
        left_out=tuple(name for name in found.left_out if name != "segmentation"),
        kept_classes=tuple(kept),
        fresh_classes=tuple(name for name in ours.class_names if name not in kept),
        left_out_classes=tuple(name for name in theirs.class_names if name not in kept),
    )


def _copy_rows(source: nn.Linear, target: nn.Linear, pairs: Sequence[tuple[int, int]]) -> None:
    for old, new in pairs:
        target.weight[new] = source.weight[old]
        target.bias[new] = source.bias[old]
