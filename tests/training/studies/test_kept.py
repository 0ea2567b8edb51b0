"""What a method keeps of a canvas: as much as the others, at the right places."""

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from training.data.sample import Sample
from training.studies.kept import TOKEN_SIDE, WAYS, Kept, KeptBatches, Way, kept
from training.studies.presets import FAMILIES, Family

SIZE = (320, 480)


@dataclass(frozen=True)
class Places:
    """Canvases whose pixels say where they are; everything moves by 16 px to the right."""

    size: tuple[int, int] = SIZE
    num_test: int = 1
    rendered: bool = False
    pairs: bool = False

    def prepare(self) -> None: ...

    def train(self, rng: np.random.Generator) -> Sample:
        rows, cols = self.size
        y, x = np.mgrid[:rows, :cols]
        shade = np.full_like(y, rng.integers(256))  # tells one canvas from another
        image = np.stack([y // 2, x // 2, shade], axis=-1).astype(np.uint8)
        flow = np.tile(np.array([16.0, 0.0], np.float32), (rows, cols, 1))
        return Sample(
            name="places",
            image=image,
            next_image=np.roll(image, 16, axis=1) if self.pairs else None,
            labels=np.ones(self.size, np.uint8),
            flow=flow if self.pairs else None,
        )

    def test(self, index: int) -> Sample:
        return self.train(np.random.default_rng(index))


def make(way: Way, family: Family = "vit", share: float = 0.125) -> Kept:
    return kept(way, family, SIZE, share=share, border_px=8)


def batches(way: Way, family: Family = "vit", *, pairs: bool = False) -> KeptBatches:
    return KeptBatches(canvases=Places(pairs=pairs), what=make(way, family), images_per_step=2)


def test_of_a_full_hd_canvas_every_way_keeps_an_eighth() -> None:
    size = (1088, 1920)
    for family in FAMILIES:
        shares = {
            way: kept(way, family, size, share=0.125, border_px=16).share(size) for way in WAYS
        }
        assert shares.pop("full") == 1.0
        for way, share in shares.items():
            assert share == pytest.approx(0.125, rel=0.06), way


def test_windows_are_named_in_pixels() -> None:
    # An eighth of 720x960 is 86400 px: two squares of 208, one of 288, 338 patches of 16.
    found = {way: kept(way, "vit", (720, 960), share=0.125, border_px=16) for way in WAYS}
    windows = {way: what.windows for way, what in found.items()}
    assert windows["full"] is None
    for way, number, sides, border in (
        ("two", 2, (176, 240), 16),
        ("four", 4, (128, 160), 16),
        ("crop", 1, (288, 288), 0),
        ("tokens", 338, (16, 16), 0),
    ):
        config = windows[way]  # type: ignore[index]
        assert config is not None
        assert (config.num_windows, config.sides, config.border_px) == (number, sides, border)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_kept_lies_where_its_origin_says(way: Way, family: Family) -> None:
    (batch,) = batches(way, family)[0]
    b, n, side = batch.image.shape[:3]
    assert b == 2
    corners = batch.image[:, :, 0, 0, :2].long() * 2
    if way == "full":
        assert batch.image.shape == (2, 1, *SIZE, 3)
        assert batch.canvas.tolist() == [list(SIZE)] * 2
    elif way == "crop":
        # A crop is a canvas of its own: nothing tells the network where it was.
        assert batch.canvas.tolist() == [[side, side]] * 2
        assert batch.origins.tolist() == [[[0, 0]]] * 2
    else:
        assert n == {"two": 2, "four": 4}.get(way, n)
        assert batch.canvas.tolist() == [list(SIZE)] * 2
        assert torch.equal(corners, batch.origins)
    if way == "tokens":
        assert side == TOKEN_SIDE[family]
        assert n == round(SIZE[0] * SIZE[1] / 8 / side**2)
        for origins in batch.origins.tolist():
            assert len({tuple(origin) for origin in origins}) == n  # no place twice


def test_every_way_sees_the_same_canvases() -> None:
    for step in range(3):
        shades = {way: batches(way)[step][0].image[:, 0, 0, 0, 2].tolist() for way in WAYS}
        assert len({tuple(shade) for shade in shades.values()}) == 1
        assert len(set(shades["full"])) == 2


def test_a_step_is_the_same_whenever_it_is_asked_for_and_unlike_others() -> None:
    data = batches("two")
    first, other, again = data[3][0], data[4][0], data[3][0]
    assert torch.equal(first.image, again.image)
    assert torch.equal(first.origins, again.origins)
    assert first.image.shape != other.image.shape or not torch.equal(first.origins, other.origins)


def test_inner_sides_of_windows_are_left_out_of_the_loss_but_not_those_of_tokens() -> None:
    (windows,), (tokens,), (crop,) = (batches(way)[0] for way in ("two", "tokens", "crop"))
    assert bool((windows.labels == 255).any())
    assert bool((windows.labels == 1).any())
    assert bool((tokens.labels == 1).all())
    assert bool((crop.labels == 1).all())


def test_windows_of_the_second_frame_are_larger_those_of_a_crop_are_not() -> None:
    (two,), (crop,) = (batches(way, pairs=True)[0] for way in ("two", "crop"))
    assert two.next_image is not None
    assert crop.next_image is not None
    assert two.next_image.shape[2] > two.image.shape[2]
    assert crop.next_image.shape == crop.image.shape


@pytest.mark.parametrize("rendered", [False, True])
def test_labels_of_rendered_canvases_are_known_as_such(rendered: bool) -> None:
    data = KeptBatches(canvases=Places(rendered=rendered), what=make("two"), images_per_step=1)
    assert [batch.rendered for batch in data[0]] == [rendered]
