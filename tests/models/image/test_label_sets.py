from models.image.label_sets import ADE20K, CAMVID, CITYSCAPES, LABEL_SETS, palette_of
from models.image.palette import CAMVID_PALETTE, spread_palette


def test_every_class_has_a_name_of_its_own_and_a_colour() -> None:
    sizes = {name: len(labels.class_names) for name, labels in LABEL_SETS.items()}
    assert sizes == {"camvid": 11, "cityscapes": 19, "ade20k": 150}
    for labels in LABEL_SETS.values():
        assert len(set(labels.class_names)) == len(labels.class_names) == len(labels.palette)


def test_published_colours_stand_at_their_classes() -> None:
    assert CITYSCAPES.palette[CITYSCAPES.class_names.index("road")] == (128, 64, 128)
    assert CITYSCAPES.palette[CITYSCAPES.class_names.index("bicycle")] == (119, 11, 32)
    assert ADE20K.palette[ADE20K.class_names.index("sky")] == (6, 230, 230)
    assert ADE20K.palette[ADE20K.class_names.index("flag")] == (92, 0, 255)
    # Distinct but for the two that share one in the published list.
    assert len(set(CITYSCAPES.palette)) == 19
    assert len(set(ADE20K.palette)) == 149


def test_a_known_class_list_gets_its_published_colours() -> None:
    assert palette_of(CAMVID.class_names) == CAMVID_PALETTE
    assert palette_of(CITYSCAPES.class_names) == CITYSCAPES.palette
    assert palette_of(("crack", "wall")) == spread_palette(2)
