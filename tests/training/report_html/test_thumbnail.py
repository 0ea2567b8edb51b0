import base64
import io

import numpy as np
from PIL import Image

from training.report_html.thumbnail import MOST_PX, as_picture, shrink, shrink_factor, shrink_known


def test_pictures_fit_and_small_ones_stay() -> None:
    assert shrink_factor((240, 360)) == 1
    assert shrink_factor((241, 10)) == 2
    assert shrink_factor((375, 1242)) == 4
    small = shrink(np.zeros((1080, 1920, 3), np.uint8))
    assert small.shape[0] <= MOST_PX[0]
    assert small.shape[1] <= MOST_PX[1]
    tall = shrink(np.zeros((5000, 3, 3), np.uint8))
    assert tall.shape[1] == 1


def test_a_single_known_point_of_a_cell_is_its_mean() -> None:
    values = np.full((480, 10), np.nan, np.float32)
    values[1, 3] = 7.0
    values[2, 0], values[3, 1] = 1.0, 3.0
    small = shrink_known(values)
    assert small.shape == (240, 5)
    assert small[0, 1] == 7.0
    assert small[1, 0] == 2.0
    assert np.isfinite(small).sum() == 2
    flow = np.stack([values, values * 2], axis=-1)
    assert shrink_known(flow)[0, 1].tolist() == [7.0, 14.0]


def test_maps_and_images_shrink_to_the_same_size() -> None:
    for size in ((375, 1242), (436, 1024), (3, 2000), (480, 640)):
        image, values = np.zeros((*size, 3), np.uint8), np.zeros(size, np.float32)
        assert shrink(image).shape[:2] == shrink_known(values).shape


def test_a_picture_is_inside_the_file() -> None:
    pixels = np.zeros((20, 30, 3), np.uint8)
    pixels[:, 15:] = 200
    picture = as_picture("c", pixels)
    kind, code = picture.uri.split(",")
    assert kind == "data:image/webp;base64"
    found = np.asarray(Image.open(io.BytesIO(base64.b64decode(code))).convert("RGB"))
    assert found.shape == (20, 30, 3)
    assert np.abs(found.astype(int) - pixels).mean() < 4
