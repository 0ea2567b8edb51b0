"""What stands for a length, an angle or a share."""

Number = float | int
"""An int is as good as a float: mypy thinks so by itself, beartype in the tests does not."""
