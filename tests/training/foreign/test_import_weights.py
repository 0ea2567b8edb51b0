"""A file of theirs becomes a file of ours that training can start from."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from models.backbones.vit import VitBackbone
from models.config import VitConfig
from models.dense_model import DenseModel
from models.presets import PRESETS
from models.weights import load_weights, read_weights
from tests.tiny_models import TINY
from tests.training.foreign.plain_vit import BLOCKS, HEADS, C, forward, named, weights
from tests.training.foreign.windows import run
from training.__main__ import main
from training.foreign.errors import ForeignError
from training.foreign.import_weights import import_weights, pixel_scale, preset
from training.foreign.source import PixelScale

REST = TINY["vit"]


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A DINOv2 file as it is published."""
    state = named(weights(registers=2, table=4, scale=True, patch=14), {"reg": "register_tokens"})
    path = tmp_path / "dinov2_tiny.pth"
    torch.save(state | {"mask_token": torch.zeros(1, C)}, path)
    return path


def test_the_file_is_one_of_ours_and_computes_what_theirs_does(tmp_path: Path) -> None:
    plain = weights(registers=2, table=4, scale=True)
    state = named(plain, {"reg": "register_tokens"}) | {"mask_token": torch.zeros(1, C)}
    save_file(state, tmp_path / "theirs.safetensors")
    out = tmp_path / "new" / "ours.safetensors"
    import_weights(tmp_path / "theirs.safetensors", out, rest=REST, num_heads=HEADS)
    model = load_weights(out)
    assert model.config == replace(REST, name="ours", backbone=model.config.backbone)
    assert read_weights(out)[0]["imported"] == "dinov2, from theirs.safetensors"
    image = torch.randn(3, 64, 64, generator=torch.Generator().manual_seed(0))
    assert isinstance(model.backbone, VitBackbone)
    found = run(model.backbone, image[None])[0].permute(1, 2, 0)
    torch.testing.assert_close(found, forward(plain, image, eps=1e-6), rtol=1e-4, atol=1e-4)


def test_what_was_done_is_told(source: Path, tmp_path: Path) -> None:
    imported = import_weights(source, tmp_path / "a.safetensors", rest=REST, num_heads=HEADS)
    assert imported.num_mapped == 2 + 1 + 1 + 1 + 2 + BLOCKS * 14
    assert imported.left_out == ("mask_token",)
    assert imported.resampled == (
        "patch kernel of 14x14 pixels, now 16x16",
        "positions of 4x4 patches, read bicubically at other grids",
    )
    model = DenseModel(imported.config)
    parts = (model.neck, model.segmentation, model.depth, model.flow_encoder, model.flow_head)
    assert imported.num_new == sum(
        p.numel() for part in parts if part is not None for p in part.parameters()
    )
    told = "\n".join(imported.lines())
    assert "left out: mask_token" in told
    assert "ImageNet's mean and deviation assumed" in told


def test_the_same_source_gives_the_same_weights(source: Path, tmp_path: Path) -> None:
    found = []
    for seed, name in enumerate(("a", "b")):
        torch.manual_seed(seed)
        out = tmp_path / name / "w.safetensors"
        import_weights(source, out, rest=REST, num_heads=HEADS)
        found.append(read_weights(out)[1])
    assert found[0].keys() == found[1].keys()
    assert all(torch.equal(tensor, found[1][name]) for name, tensor in found[0].items())


def test_importing_leaves_the_callers_random_numbers_alone(source: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    import_weights(source, tmp_path / "a.safetensors", rest=REST, num_heads=HEADS)
    assert torch.equal(torch.rand(2), expected)


def test_a_command_line_makes_a_file_of_the_presets_heads(
    source: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "ours.safetensors"
    scale = ["--mean", "0.5", "0.5", "0.5", "--std", "0.5", "0.5", "0.5"]
    main(["import-weights", str(source), str(out), "--num-heads", str(HEADS), *scale])
    printed = capsys.readouterr().out
    assert "pixels of mean (0.5, 0.5, 0.5), now ImageNet's" in printed
    assert f"python -m training new my-task --from {out}" in printed
    config = load_weights(out).config
    assert isinstance(config.backbone, VitConfig)
    assert (config.backbone.embed_dim, config.backbone.mlp_dim) == (C, 48)
    assert config == replace(PRESETS["vit-s"], name="ours", backbone=config.backbone)


def test_tensors_of_two_models_are_refused(source: Path, tmp_path: Path) -> None:
    state = torch.load(source)
    state["blocks.1.mlp.fc2.weight"] = torch.zeros(C, 64)
    torch.save(state, source)
    with pytest.raises(ForeignError, match=r"blocks.1.mlp_out.weight is \(32, 64\), expected \(32"):
        import_weights(source, tmp_path / "a.safetensors", rest=REST, num_heads=HEADS)
    assert not (tmp_path / "a.safetensors").exists()


@pytest.mark.parametrize("name", ["cls_token", "register_tokens", "blocks.0.attn.proj.weight"])
def test_shapes_that_no_encoder_has_name_the_file(source: Path, tmp_path: Path, name: str) -> None:
    state = torch.load(source)
    state[name] = torch.tensor(0.5)
    torch.save(state, source)
    with pytest.raises(ForeignError, match=r"dinov2_tiny.pth: tensors of the dinov2 encoder have"):
        import_weights(source, tmp_path / "a.safetensors", rest=REST, num_heads=HEADS)


def test_the_source_is_never_overwritten(source: Path, tmp_path: Path) -> None:
    theirs = tmp_path / "theirs.safetensors"
    save_file(torch.load(source), theirs)
    before = theirs.read_bytes()
    with pytest.raises(ForeignError, match=r"theirs.safetensors: is the file to import from"):
        import_weights(theirs, tmp_path / "." / theirs.name, rest=REST, num_heads=HEADS)
    assert theirs.read_bytes() == before


def test_blocks_that_differ_are_refused(source: Path, tmp_path: Path) -> None:
    state = torch.load(source)
    del state["blocks.1.ls2.gamma"]
    torch.save(state, source)
    with pytest.raises(ForeignError, match=r"are not alike, e.g. \['blocks.1.gain_mlp'\]"):
        import_weights(source, tmp_path / "a.safetensors", rest=REST, num_heads=HEADS)


def test_damaged_values_are_refused(source: Path, tmp_path: Path) -> None:
    state = torch.load(source)
    state["norm.bias"][3] = torch.nan
    torch.save(state, source)
    with pytest.raises(ForeignError, match=r"norm.bias holds values that are not finite"):
        import_weights(source, tmp_path / "a.safetensors", rest=REST, num_heads=HEADS)


def test_mistakes_on_the_command_line_are_told(source: Path, tmp_path: Path) -> None:
    with pytest.raises(ForeignError, match=r"expected a name that ends in .safetensors"):
        import_weights(source, tmp_path / "a.pth", rest=REST)
    with pytest.raises(ForeignError, match=r"preset is 'vit-xl', expected one of .*vit-s"):
        preset("vit-xl")
    with pytest.raises(ForeignError, match="expected both"):
        pixel_scale((0.5, 0.5, 0.5), None)
    with pytest.raises(ForeignError, match="divide them by 255"):
        pixel_scale((127.5, 127.5, 127.5), (127.5, 127.5, 127.5))
    assert pixel_scale((0.5, 0.5, 0.5), (0.5, 0.5, 0.5)) == PixelScale(
        mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)
    )
