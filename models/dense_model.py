"""The whole path on one screen: encode once, then any of the maps.

Axes: b samples, n windows, c channels, h w pixels, rows cols cells.
"""

from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from models.backbones.lookup import LookupBackbone
from models.backbones.resformer import ResformerBackbone
from models.backbones.vit import VitBackbone
from models.config import ConfigError, LookupConfig, ModelConfig, ResformerConfig
from models.heads.depth import DepthEstimate, DepthHead
from models.heads.double_estimation import double_estimate
from models.heads.flow import FlowEncoder, FlowEstimate, FlowFeatures, MatchingFlow
from models.heads.regression_flow import RegressionFlow
from models.heads.segmentation import SegmentationHead
from models.image.normalize import MEAN, STD
from models.neck import Neck
from models.overview import overview
from models.spatial import zero_outside
from models.windows import Placement, Windows


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """One or more frames, encoded: all that any head needs of them."""

    pyramid: dict[int, Tensor]
    """Features by stride (16, 8, 4), each [b * n, c, rows, cols]."""
    flow_features: FlowFeatures | None
    grey: Float[Tensor, "bn 1 h w"]
    """Normalised brightness of the pixels, zero outside the images."""
    placement: Placement


@dataclass(frozen=True, kw_only=True)
class Maps:
    """What single frames show, at stride 4. A task without a head is None."""

    logits: Float[Tensor, "bn classes rows cols"] | None
    depth: DepthEstimate | None


class DenseModel(nn.Module):
    """Segmentation, depth and flow on one encoder."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        c = config.neck_channels
        self.register_buffer("mean", torch.tensor(MEAN), persistent=False)
        self.register_buffer("std", torch.tensor(STD), persistent=False)
        self.mean: Tensor
        self.std: Tensor
        self.backbone: LookupBackbone | VitBackbone | ResformerBackbone
        if isinstance(config.backbone, LookupConfig):
            self.backbone = LookupBackbone(config.backbone)
        elif isinstance(config.backbone, ResformerConfig):
            self.backbone = ResformerBackbone(config.backbone)
        else:
            self.backbone = VitBackbone(config.backbone)
        self.neck = Neck(self.backbone.channels, out_channels=c)
        self.segmentation = (
            SegmentationHead(config.segmentation, in_channels=c) if config.segmentation else None
        )
        self.depth = DepthHead(in_channels=c) if config.depth else None
        self.flow_encoder = FlowEncoder(config.flow, in_channels=c) if config.flow else None
        self.flow_head: MatchingFlow | RegressionFlow | None = None
        if config.flow:
            head = MatchingFlow if config.flow.head == "matching" else RegressionFlow
            self.flow_head = head(config.flow)

    def encode(
        self,
        windows: Windows,
        *,
        position_scale: Float[Tensor, " b"] | None = None,
        num_lookup_tokens: int | None = None,
    ) -> Encoded:
        """Features of every window. Both frames of a pair go through here, as two samples.

        Args:
            windows: pixels in [0, 255].
            position_scale: random factor for positions, training only.
            num_lookup_tokens: training with several numbers of lookup tokens (lookup only).
        """
        pyramid, grey = self._pyramid(windows, position_scale, num_lookup_tokens)
        features = None
        if self.flow_encoder is not None:
            features = self.flow_encoder(pyramid, grey, windows.placement)
        return Encoded(
            pyramid=pyramid, flow_features=features, grey=grey, placement=windows.placement
        )

    def _pyramid(
        self,
        windows: Windows,
        position_scale: Float[Tensor, " b"] | None = None,
        num_lookup_tokens: int | None = None,
    ) -> tuple[dict[int, Tensor], Float[Tensor, "bn 1 h w"]]:
        """Features by stride, and the normalised picture in grey."""
        place = windows.placement
        h, w = windows.pixels.shape[-2:]
        pixels = (windows.pixels - self.mean[:, None, None]) / self.std[:, None, None]
        inside = place.inside(1, h, w)
        flat = zero_outside(pixels.flatten(0, 1), inside)
        normal = replace(windows, pixels=flat.unflatten(0, pixels.shape[:2]))
        if isinstance(self.backbone, LookupBackbone):
            maps = self.backbone(
                normal, position_scale=position_scale, num_lookup_tokens=num_lookup_tokens
            )
        else:
            maps = self.backbone(normal, position_scale=position_scale)
        return self.neck(maps, place), flat.mean(1, keepdim=True)

    def answer(self, images: Windows) -> tuple[Encoded, Maps]:
        """Inference: whole images encoded, and their maps as users get them.

        Args:
            images: one window per canvas. Depth is estimated on an overview as well if the config
                says so.
        """
        encoded = self.encode(images)
        maps = self.maps(encoded)
        side = self.config.depth.overview_side if self.config.depth else None
        if maps.depth is None or self.depth is None or side is None:
            return encoded, maps
        small = overview(images, side)
        pyramid, _ = self._pyramid(small)
        depth = double_estimate(
            maps.depth, images.placement, self.depth(pyramid[4]), small.placement
        )
        return encoded, replace(maps, depth=depth)

    def maps(self, encoded: Encoded) -> Maps:
        """Class logits and relative inverse depth of every window."""
        finest = encoded.pyramid[4]
        return Maps(
            logits=self.segmentation(finest) if self.segmentation is not None else None,
            depth=self.depth(finest) if self.depth is not None else None,
        )

    def flow(
        self,
        first: FlowFeatures,
        second: FlowFeatures,
        placement: Placement,
        next_placement: Placement | None = None,
    ) -> list[FlowEstimate]:
        """Flow from frame 1 to frame 2 after every update; the last one is at full size.

        Args:
            first: `Encoded.flow_features` of frame 1.
            second: of frame 2.
            placement: of frame 1's windows.
            next_placement: of frame 2's, the same where None.

        Raises:
            ConfigError: the model has no flow head.
        """
        if self.flow_head is None:
            raise ConfigError(
                f"model {self.config.name} has no flow head: its config says flow=None"
            )
        estimates: list[FlowEstimate] = self.flow_head(
            first, second, placement, next_placement or placement
        )
        return estimates
