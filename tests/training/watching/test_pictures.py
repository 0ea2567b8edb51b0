import numpy as np
import pytest

from models.task import IGNORE_INDEX
from training.watching.pictures import (
    UNKNOWN_GREY,
    depth_span,
    draw_depth,
    draw_error,
    draw_flow,
    draw_labels,
    draw_wrong,
    flow_length_px,
)

NAN = np.nan


def test_no_error_is_black_much_is_white_and_unknown_is_grey() -> None:
    error = np.array([[0.0, 1.0, 2.0, 3.0, 9.0, NAN]], np.float32)
    picture = draw_error(error, 3.0)
    assert picture[0].tolist() == [
        [0, 0, 0],
        [255, 0, 0],
        [255, 255, 0],
        [255, 255, 255],
        [255, 255, 255],
        [UNKNOWN_GREY] * 3,
    ]


def test_truth_and_answer_share_their_colours() -> None:
    truth = np.linspace(0.1, 1.0, 12, dtype=np.float32).reshape(3, 4)
    span = depth_span(truth)
    answer = truth.copy()
    answer[0, 0], answer[2, 3] = 90.0, NAN
    drawn, expected = draw_depth(answer, span), draw_depth(truth, span)
    assert (drawn[1] == expected[1]).all()
    assert drawn[2, 3].tolist() == [UNKNOWN_GREY] * 3
    assert (drawn[0, 0] == expected[2, 3]).all()  # as near as colours go
    assert depth_span(np.full((2, 2), NAN, np.float32)) == (0.0, 1.0)


def test_a_full_colour_is_the_longest_but_for_one_in_a_hundred() -> None:
    flow = np.zeros((10, 10, 2), np.float32)
    flow[..., 0] = 3.0
    flow[0, 0] = NAN
    flow[0, 1] = 4.0, 3.0
    assert flow_length_px(flow) == pytest.approx(3.0, abs=0.1)
    picture = draw_flow(flow, 3.0)
    assert picture[0, 0].tolist() == [UNKNOWN_GREY] * 3
    assert picture[5, 5].tolist() == [255, 0, 0]  # to the right
    assert flow_length_px(np.full((1, 1, 2), NAN, np.float32)) == 1.0


def test_wrong_labels_are_red_and_unlabelled_ones_dark() -> None:
    image = np.full((1, 3, 3), 100, np.uint8)
    target = np.array([[0, 1, IGNORE_INDEX]], np.uint8)
    right, wrong, unlabelled = draw_wrong(image, np.zeros((1, 3), np.uint8), target)[0].tolist()
    assert wrong[0] > wrong[1] + 50
    assert right[0] == right[1] == right[2] > 150
    assert max(unlabelled) < 50


def test_labels_are_drawn_over_the_image() -> None:
    image = np.full((1, 2, 3), 100, np.uint8)
    labels = np.array([[1, IGNORE_INDEX]], np.uint8)
    overlay = draw_labels(image, labels, ((0, 0, 0), (0, 255, 0)))[0].tolist()
    assert overlay[0][1] > 190 > 50 > overlay[0][0]
    assert max(overlay[1]) < 50  # not labelled is dark
