import numpy as np
import pytest
from numpy.typing import NDArray

from models.task import IGNORE_INDEX
from training.metrics.temporal import TemporalScore, seen_before, warp_labels


def moving(u: float, height: int = 8, width: int = 12) -> NDArray[np.float32]:
    """Everything goes `u` px to the right."""
    return np.tile(np.array([u, 0.0], np.float32), (height, width, 1))


def stripes(shift: int) -> NDArray[np.uint8]:
    """Three classes, four columns wide, moved to the right."""
    columns = (np.arange(12) - shift) // 4 % 3
    return np.tile(columns.astype(np.uint8), (8, 1))


def test_labels_that_move_with_their_things_are_perfectly_consistent() -> None:
    score = TemporalScore(num_classes=3)
    for shift in (1, 2, 3):  # two pixels per frame, flow known
        last, now = stripes(2 * shift), stripes(2 * shift + 2)
        score.add(now, warp_labels(last, moving(-2), moving(2)))
    result = score.result()
    assert result.agreement == 1.0
    assert result.consistency == 1.0
    assert result.share_compared == pytest.approx(10 / 12)  # two columns have just come in


def test_labels_that_stay_while_things_move_by_hand() -> None:
    # Columns 0-3 are class 0, 4-7 class 1, 8-11 class 2, in both frames, but all moved by 2.
    score = TemporalScore(num_classes=3)
    score.add(stripes(0), warp_labels(stripes(0), moving(-2), moving(2)))
    result = score.result()
    # Warped: unknown 2, then 0 at columns 2-5, 1 at 6-9, 2 at 10-11. Alike: 2 3 6 7 10 11.
    assert result.agreement == pytest.approx(6 / 10)
    # Class 0: 2 alike of 2 + 4 - 2; class 1: 2 of 4 + 4 - 2; class 2: 2 of 4 + 2 - 2.
    assert result.consistency == pytest.approx((2 / 4 + 2 / 6 + 2 / 4) / 3)


def test_a_flow_that_does_not_return_hides_its_pixels() -> None:
    back, forth = moving(-2), moving(2)
    forth[:, 5] = (-5.0, 0.0)  # what stood in column 5 went elsewhere: column 7 is new
    seen = seen_before(back, forth)
    assert seen[0].tolist() == [False] * 2 + [True] * 5 + [False] + [True] * 4
    warped = warp_labels(stripes(0), back, forth)
    assert (warped[:, [0, 1, 7]] == IGNORE_INDEX).all()
    assert (warped[:, 2:7] == stripes(0)[:, 0:5]).all()


def test_a_difference_within_the_tolerance_does_not_hide() -> None:
    # Lengths 10 and 10.9: 0.81 px^2 apart, allowed 0.01 (100 + 118.8) + 0.5 = 2.7; 12: 4 > 2.94.
    assert seen_before(moving(-10, width=40), moving(10.9, width=40))[:, 10:30].all()
    assert not seen_before(moving(-10, width=40), moving(12.0, width=40)).any()


def test_what_is_not_labelled_is_not_compared() -> None:
    labels = stripes(0)
    labels[:4] = IGNORE_INDEX
    score = TemporalScore(num_classes=3)
    score.add(labels, warp_labels(stripes(0), moving(0), moving(0)))
    assert score.result().agreement == 1.0
    assert score.result().share_compared == 0.5


def test_unknown_flow_hides() -> None:
    back = moving(0)
    back[2, 3] = np.nan
    assert warp_labels(stripes(0), back, moving(0))[2, 3] == IGNORE_INDEX
    assert (seen_before(back, moving(0)) == np.isfinite(back[..., 0])).all()


def test_refuses_frames_of_two_clips_and_an_empty_score() -> None:
    with pytest.raises(ValueError, match=r"\(8, 12\).*\(8, 11, 2\).*frames of one clip"):
        warp_labels(stripes(0), moving(0, width=11), moving(0))
    with pytest.raises(ValueError, match="no pixel was counted"):
        TemporalScore(num_classes=3).result()
