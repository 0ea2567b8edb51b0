"""The one error of this package."""


class ForeignError(ValueError):
    """A file of foreign weights that cannot become an encoder of ours."""
