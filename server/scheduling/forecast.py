"""Whether a job can be answered in time: if not, it is told so before it waits."""

import math

from server.errors import MORE_TIME, QueueFull, ServerError

LONGEST_RETRY_S = 600


def too_late(
    *, ahead_s: float, own_s: float, now_s: float, deadline_s: float
) -> ServerError | None:
    """The refusal of a job that would not be answered by its deadline, None if it would.

    Args:
        ahead_s: that the engine is expected to work before its turn. Nobody is refused while the
            engine is idle: an expectation that is wrong must meet what can correct it.
        own_s: that it is expected to work for this job.
    """
    left_s = deadline_s - now_s
    if ahead_s <= 0 or ahead_s + own_s <= left_s:
        return None
    # By then, as much of what is ahead has gone as is now too much.
    retry_after_s = min(max(1, math.ceil(ahead_s + own_s - left_s)), LONGEST_RETRY_S)
    return QueueFull(
        f"the engine has {ahead_s:.1f} s of work before this request, which takes {own_s:.1f} s "
        f"itself, but its deadline is in {max(left_s, 0.0):.1f} s: come again in "
        f"{retry_after_s} s, or {MORE_TIME}",
        retry_after_s=retry_after_s,
    )
