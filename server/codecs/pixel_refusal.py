"""Whether an image has too many pixels, and for what: for a limit, or for the memory."""

from server.errors import TooManyPixels


def too_many_pixels(
    size: tuple[int, int], *, allowed_px: int, fitting_px: int
) -> TooManyPixels | None:
    """The refusal of an image of this (height, width), None if it is let in.

    Args:
        size: of the image.
        allowed_px: of the largest image, by the settings and by the model.
        fitting_px: of the largest that the memory holds now.
    """
    height, width = size
    num_px = height * width
    if num_px <= min(allowed_px, fitting_px):
        return None
    came = f"image is {height}x{width} (HxW), {num_px / 1e6:.1f} Mpx, but"
    if fitting_px < allowed_px:
        return TooManyPixels(
            f"{came} only {fitting_px / 1e6:.1f} Mpx fit into the memory that is free now; up to "
            f"{allowed_px / 1e6:.1f} Mpx are allowed: send a smaller image, come again when more "
            f"is free, or give the server more memory"
        )
    return TooManyPixels(
        f"{came} this server takes at most {allowed_px / 1e6:.1f} Mpx: send a smaller image"
    )
