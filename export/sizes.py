"""Sizes at which graphs are compared, (height, width) in pixels."""

SIZES: tuple[tuple[int, int], ...] = (
    (1, 1),
    (17, 31),
    (97, 131),
    (17, 1000),
    (1000, 17),
    (270, 480),
    (375, 1242),
    (480, 360),
    (720, 1280),
    (1440, 1080),
    (1080, 1920),
    (1088, 1920),
)
"""One pixel, less than a stride, thin ones, both orientations, multiples of the stride and not."""

QUICK_SIZES = SIZES[:5]
"""Seconds instead of minutes; for tests."""

MIXED_BATCH: tuple[tuple[int, int], ...] = ((97, 131), (1, 1), (48, 160))
"""Images that share one padded array."""
