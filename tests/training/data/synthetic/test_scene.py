import numpy as np
import pytest
import torch

from models.task import CLASS_NAMES, IGNORE_INDEX
from training.data.sample import Cut
from training.data.synthetic.scene import Kind, render_scene

KINDS: tuple[Kind, ...] = ("street", "indoor")


def whole(seed: int, kind: Kind, size: tuple[int, int] = (48, 64)) -> Cut:
    return render_scene(seed, kind=kind, canvas=size, origins=[(0, 0)], window=size)


def truths(cut: Cut) -> tuple[np.ndarray, ...]:
    """Every array of a pair, none of which may be missing."""
    arrays = cut.image, cut.next_image, cut.labels, cut.inverse_depth, cut.flow, cut.occluded
    present = tuple(array for array in arrays if array is not None)
    assert len(present) == len(arrays)
    return present


@pytest.mark.parametrize("kind", KINDS)
def test_a_seed_gives_the_same_pair_again_and_another_seed_another(kind: Kind) -> None:
    again = truths(whole(5, kind))
    for first, second in zip(truths(whole(5, kind)), again, strict=True):
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(whole(6, kind).image, again[0])


@pytest.mark.parametrize("kind", KINDS)
def test_windows_rendered_alone_are_crops_of_the_whole(kind: Kind) -> None:
    canvas, side = (80, 112), 32
    origins, next_origins = [(16, 48), (32, 0)], [(48, 64), (0, 16)]
    cut = render_scene(
        8,
        kind=kind,
        canvas=canvas,
        origins=origins,
        window=(side, side),
        next_origins=next_origins,
    )
    image, next_image, labels, inverse_depth, flow, occluded = truths(whole(8, kind, canvas))
    windows = truths(cut)
    for i, ((y, x), (next_y, next_x)) in enumerate(zip(origins, next_origins, strict=True)):
        rows, cols = slice(y, y + side), slice(x, x + side)
        np.testing.assert_array_equal(windows[2][i], labels[0, rows, cols])
        np.testing.assert_array_equal(windows[5][i], occluded[0, rows, cols])
        np.testing.assert_allclose(windows[3][i], inverse_depth[0, rows, cols], rtol=1e-5)
        np.testing.assert_allclose(windows[4][i], flow[0, rows, cols], atol=1e-4)
        # Vector units round transcendental functions of array ends another way: one grey level.
        crop = image[0, rows, cols].astype(int)
        assert np.abs(crop - windows[0][i]).max() <= 1
        crop = next_image[0, next_y : next_y + side, next_x : next_x + side].astype(int)
        assert np.abs(crop - windows[1][i]).max() <= 1
    assert cut.next_origins is not None
    assert cut.next_origins.tolist() == [[48, 64], [0, 16]]


@pytest.mark.parametrize("kind", KINDS)
def test_flow_warps_frame_2_onto_frame_1_where_nothing_hides(kind: Kind) -> None:
    for seed in range(2):
        image, next_image, _, _, flow, occluded = truths(whole(seed, kind, (120, 160)))
        height, width = flow.shape[1:3]
        y, x = np.mgrid[:height, :width] + 0.5
        grid = np.stack([(x + flow[0, ..., 0]) / width, (y + flow[0, ..., 1]) / height], -1) * 2 - 1
        warped = torch.nn.functional.grid_sample(
            torch.from_numpy(next_image).permute(0, 3, 1, 2).float(),
            torch.from_numpy(np.nan_to_num(grid, nan=9.0)).float()[None],
            align_corners=False,
            padding_mode="border",
        )
        error = np.abs(warped[0].permute(1, 2, 0).numpy() - image[0]).mean(-1)[~occluded[0]]
        assert np.median(error) < 3.5
        assert error.mean() < 8


def test_every_pixel_of_a_street_has_a_class_and_every_class_shows_up() -> None:
    counts = np.zeros(256, dtype=np.int64)
    for seed in range(20):
        counts += np.bincount(truths(whole(seed, "street", (60, 80)))[2].ravel(), minlength=256)
        assert counts[len(CLASS_NAMES) :].sum() == 0
        if (counts[: len(CLASS_NAMES)] > 0).all():
            return
    pytest.fail(f"pixels per class after 20 streets: {counts[: len(CLASS_NAMES)].tolist()}")


def test_indoors_no_pixel_has_a_class_and_every_pixel_has_a_depth() -> None:
    _, _, labels, inverse_depth, _, _ = truths(whole(2, "indoor"))
    assert set(labels.ravel().tolist()) == {IGNORE_INDEX}
    assert (inverse_depth > 0).all()


def test_the_sky_is_infinitely_far() -> None:
    for seed in range(2):
        _, _, labels, inverse_depth, _, _ = truths(whole(seed, "street"))
        sky = labels == CLASS_NAMES.index("sky")
        assert (inverse_depth[sky] == 0).all()
        assert (inverse_depth[~sky] > 0).all()


def test_the_scene_does_not_depend_on_resolution() -> None:
    # Three times finer, every third pixel centre, from the second on, is that of a coarse pixel.
    coarse, fine = truths(whole(4, "indoor", (24, 32))), truths(whole(4, "indoor", (72, 96)))
    np.testing.assert_allclose(fine[3][:, 1::3, 1::3], coarse[3], rtol=1e-3)
    np.testing.assert_allclose(fine[4][:, 1::3, 1::3] / 3, coarse[4], atol=1e-2)


def test_photographs_become_textures() -> None:
    red = np.zeros((300, 400, 3), dtype=np.uint8)
    red[..., 0] = 255
    changed = 0
    for seed in range(3):
        size = (48, 64)
        with_photograph = render_scene(
            seed, kind="indoor", canvas=size, origins=[(0, 0)], window=size, photographs=[red]
        )
        changed += int((with_photograph.image != whole(seed, "indoor", size).image).sum())
    assert changed > 0


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="kind is 'sea', expected 'street' or 'indoor'"):
        render_scene.__wrapped__(  # type: ignore[attr-defined]
            1, kind="sea", canvas=(16, 16), origins=[(0, 0)], window=(16, 16)
        )


def test_windows_of_both_frames_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="1 origins and 2 next_origins"):
        render_scene(
            1,
            kind="indoor",
            canvas=(32, 32),
            origins=[(0, 0)],
            window=(16, 16),
            next_origins=[(0, 0), (16, 16)],
        )


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device to compare the CPU with")
@pytest.mark.parametrize("kind", KINDS)
def test_a_gpu_renders_what_a_cpu_renders(kind: Kind) -> None:
    size = (96, 128)
    expected = truths(whole(3, kind, size))
    found = truths(
        render_scene(3, kind=kind, canvas=size, origins=[(0, 0)], window=size, device="cuda")
    )
    # Rays at an edge may fall on its other side.
    assert (found[2] == expected[2]).mean() > 0.99
    assert np.median(np.abs(found[3] - expected[3])) < 1e-5
    assert np.nanmedian(np.abs(found[4] - expected[4])) < 1e-3
    assert (found[5] == expected[5]).mean() > 0.99
    assert np.median(np.abs(found[0].astype(int) - expected[0])) <= 1
