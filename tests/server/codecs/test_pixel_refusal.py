"""A refusal says which of two limits it is, and what the other one would be."""

from server.codecs.pixel_refusal import too_many_pixels


def test_what_fits_into_both_limits_is_let_in_to_the_last_pixel() -> None:
    for allowed_px, fitting_px in ((2_000_000, 10**9), (10**9, 2_000_000)):
        limits = {"allowed_px": allowed_px, "fitting_px": fitting_px}
        assert too_many_pixels((1000, 2000), **limits) is None
        assert too_many_pixels((1000, 2001), **limits) is not None


def test_what_the_memory_does_not_hold_is_413_and_says_what_would_be_allowed() -> None:
    error = too_many_pixels((2000, 3000), allowed_px=50_000_000, fitting_px=1_200_000)
    assert error is not None
    assert (error.status, error.code) == (413, "too_many_pixels")
    assert str(error) == (
        "image is 2000x3000 (HxW), 6.0 Mpx, but only 1.2 Mpx fit into the memory that is free now; "
        "up to 50.0 Mpx are allowed: send a smaller image, come again when more is free, or "
        "give the server more memory"
    )


def test_what_no_memory_would_help_names_the_limit_alone() -> None:
    error = too_many_pixels((9000, 9000), allowed_px=50_000_000, fitting_px=50_000_000)
    assert str(error) == (
        "image is 9000x9000 (HxW), 81.0 Mpx, but this server takes at most 50.0 Mpx: send a "
        "smaller image"
    )
