"""Ready-made model configurations by name."""

from models.config import LookupConfig, ModelConfig, ResformerConfig, VitConfig

PRESETS: dict[str, ModelConfig] = {
    config.name: config
    for config in (
        ModelConfig(
            name="lookup-t",
            backbone=LookupConfig(channels=(32, 64, 128), num_blocks=(1, 2, 6)),
        ),
        ModelConfig(name="lookup-s", backbone=LookupConfig()),
        ModelConfig(
            name="lookup-b",
            backbone=LookupConfig(channels=(64, 128, 384), num_blocks=(2, 3, 8), num_heads=8),
            neck_channels=96,
        ),
        ModelConfig(name="vit-t", backbone=VitConfig(embed_dim=192, num_heads=3)),
        ModelConfig(name="vit-s", backbone=VitConfig()),
        ModelConfig(name="vit-b", backbone=VitConfig(embed_dim=768, num_heads=12)),
        ModelConfig(name="resformer-t", backbone=ResformerConfig(embed_dim=192, num_heads=3)),
        ModelConfig(name="resformer-s", backbone=ResformerConfig()),
        ModelConfig(name="resformer-b", backbone=ResformerConfig(embed_dim=768, num_heads=12)),
    )
}
"""lookup-*: cost linear in pixels. vit-* and resformer-*: the widths of DeiT (arXiv 2012.12877), 12
blocks."""
