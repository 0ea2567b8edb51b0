"""How many samples make a step of so many tokens, and how many passes it takes."""

from collections.abc import Sequence

from models.windows import STRIDE


class BudgetError(ValueError):
    """A number of tokens that is too small for what shall fit in."""


def tokens_of(*frames: tuple[int, int], num_windows: int = 1) -> int:
    """Cells of 16x16 pixels of a sample: of all windows of all its frames.

    Args:
        frames: (height, width) in pixels of a window of each.
        num_windows: of a frame.

    >>> tokens_of((192, 256), (192, 256))
    384
    >>> tokens_of((160, 160), (176, 176), num_windows=2)
    442
    """
    return num_windows * sum((h // STRIDE) * (w // STRIDE) for h, w in frames)


def num_samples(
    tokens_per_step: int, *, ratio: Sequence[int], tokens: Sequence[int]
) -> tuple[int, ...]:
    """Samples of each kind: in the given ratio, at least one, together within the budget.

    What rounding leaves over goes to the kinds that have lost most of their share, while it fits.

    Args:
        tokens_per_step: the budget.
        ratio: of the numbers of samples; a kind of 0 is left out.
        tokens: of one sample of each kind.

    Raises:
        BudgetError: one sample of each kind is more than the budget.

    >>> num_samples(10_000, ratio=(4, 8, 4), tokens=(320, 192, 384))
    (9, 19, 9)
    """
    least = sum(t for t, share in zip(tokens, ratio, strict=True) if share)
    if least > tokens_per_step:
        each = " + ".join(str(t) for t, share in zip(tokens, ratio, strict=True) if share)
        raise BudgetError(
            f"tokens_per_step is {tokens_per_step}, but one sample of each kind may have {each} "
            f"tokens: give at least {least}"
        )
    unit = tokens_per_step / sum(t * share for t, share in zip(tokens, ratio, strict=True))
    wanted = [unit * share for share in ratio]
    found = [max(int(x), 1) if x else 0 for x in wanted]
    # A kind that was raised to one may have cost too much: the largest kind gives.
    while (used := _total(found, tokens)) > tokens_per_step:
        found[max(range(len(found)), key=lambda i: found[i] * tokens[i] * (found[i] > 1))] -= 1
    for i in sorted(range(len(found)), key=lambda i: found[i] - wanted[i]):
        if found[i] < wanted[i] and used + tokens[i] <= tokens_per_step:
            found[i] += 1
            used += tokens[i]
    return tuple(found)


def num_passes(
    num_samples: int, tokens: int, *, accumulate: int, tokens_per_pass: int | None
) -> int:
    """Into how many passes a process's samples are split.

    Args:
        num_samples: of the process with the most: all processes run in step.
        tokens: of a sample.
        accumulate: at least so many, as far as there are samples.
        tokens_per_pass: and so many more that none has more tokens than this.

    Raises:
        BudgetError: a single sample has more tokens than a pass may have.

    >>> num_passes(5, 100, accumulate=2, tokens_per_pass=None)
    2
    >>> num_passes(5, 100, accumulate=2, tokens_per_pass=199)
    5
    """
    at_once = num_samples
    if tokens_per_pass is not None:
        at_once = tokens_per_pass // tokens
        if not at_once:
            raise BudgetError(
                f"a sample has {tokens} tokens (cells of {STRIDE}x{STRIDE} px of its windows and "
                f"frames), but tokens_per_pass is {tokens_per_pass}: give at least {tokens}"
            )
    return min(max(accumulate, -(-num_samples // at_once)), num_samples)


def _total(found: Sequence[int], tokens: Sequence[int]) -> int:
    return sum(n * t for n, t in zip(found, tokens, strict=True))
