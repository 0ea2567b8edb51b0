"""The pixel scale that networks are trained on. Part of what trained weights mean."""

MEAN: tuple[float, float, float] = (123.675, 116.28, 103.53)
"""RGB mean of ImageNet, in [0, 255]: the convention of most published weights."""

STD: tuple[float, float, float] = (58.395, 57.12, 57.375)
"""RGB standard deviation of ImageNet, in [0, 255]."""
