import numpy as np
import pytest
from numpy.typing import NDArray

from training.metrics.flow import FlowScore

NAN = float("nan")
# True length 100, 100, 10, 0 px and one unknown pixel; errors 4, 5.5, 3.5, 1.5 px.
TARGET = np.array([[[100, 0], [60, 80], [0, 10], [0, 0], [NAN, NAN]]], dtype=np.float32)
FLOW = np.array([[[104, 0], [60, 85.5], [0, 13.5], [0.9, 1.2], [NAN, 7]]], dtype=np.float32)


def test_numbers_checked_by_hand() -> None:
    score = FlowScore()
    score.add(FLOW, TARGET)
    result = score.result()
    assert result.num_pixels == 4
    assert result.epe == pytest.approx((4 + 5.5 + 3.5 + 1.5) / 4)
    assert result.outlier_1px == 4 / 4
    assert result.outlier_3px == 3 / 4
    assert result.outlier_5px == 1 / 4
    assert result.fl_all == 2 / 4  # 4 px of 100 is less than 5 %; 5.5 of 100 and 3.5 of 10 are more


def test_occluded_pixels_are_scored_apart() -> None:
    score = FlowScore()
    score.add(FLOW, TARGET, occluded=np.array([[True, False, False, True, True]]))
    assert score.result().epe == pytest.approx(14.5 / 4)
    assert score.result_noc().epe == pytest.approx((5.5 + 3.5) / 2)
    assert score.result_noc().num_pixels == 2
    assert score.result_occluded().epe == pytest.approx((4 + 1.5) / 2)


def test_pixels_weigh_the_same_in_whichever_image_they_are() -> None:
    target: NDArray[np.float32] = np.full((1, 3, 2), NAN, dtype=np.float32)
    target[0, 0] = 0
    score = FlowScore()
    score.add(np.full((1, 3, 2), 0, dtype=np.float32), target)  # one known pixel, no error
    score.add(np.full((1, 3, 2), 3, dtype=np.float32), np.zeros((1, 3, 2), dtype=np.float32))
    assert score.result().epe == pytest.approx(3 * np.sqrt(18) / 4)  # epe_per_image: sqrt(18) / 2


def test_processes_are_added() -> None:
    whole, first, second = FlowScore(), FlowScore(), FlowScore()
    whole.add(FLOW, TARGET)
    first.add(FLOW[:, :2], TARGET[:, :2])
    second.add(FLOW[:, 2:], TARGET[:, 2:])
    first.sums += second.sums
    assert first.result() == whole.result()


def test_swapped_components_are_an_error_not_a_convention() -> None:
    score = FlowScore()
    score.add(np.array([[[3, 4]]], dtype=np.float32), np.array([[[4, 3]]], dtype=np.float32))
    assert score.result().epe == pytest.approx(np.sqrt(2))


def test_refuses_what_would_be_counted_wrongly() -> None:
    score = FlowScore()
    with pytest.raises(ValueError, match="multiply its vectors"):
        score.add(FLOW[:, :2], TARGET)
    with pytest.raises(ValueError, match="NaN or infinity at a known pixel"):
        score.add(np.full_like(TARGET, NAN), TARGET)
    with pytest.raises(ValueError, match="no pixel"):
        score.result()
