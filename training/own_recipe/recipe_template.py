"""The text of a recipe file to start from: plain Python with comments, as ruff would have it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

LINE_LENGTH = 100
HEADS = ("segmentation", "depth", "flow*")


LENGTH = """\
    # How long. A head alone is done after some hundred steps, a whole network after
    # some thousand.
    num_steps={num_steps},
    checkpoint_every=100,
"""
MACHINE = """\
    # bf16 is faster where the machine has it, and needs less memory; or f32.
    precision="bf16",
    # auto takes a GPU where there is one. Two of them:
    # torchrun --nproc-per-node 2 -m training {file}
    device="auto",
"""


@dataclass(frozen=True, kw_only=True)
class Known:
    """What is known of a task before it is trained."""

    name: str
    """Of the run: letters, digits, - and _."""
    file: str
    """The recipe's file, for its own comments."""
    init: str | None = None
    """Weights or a bundle to start from."""
    imported: bool = False
    """They are an encoder of others: neck and heads know nothing yet."""
    heads: tuple[str, ...] = HEADS
    """That `init` has."""
    class_names: tuple[str, ...] = ()
    """Of the segmentation head; empty: the model has none."""
    labelled: tuple[str, ...] = ()
    """Data sets with labels, by the names of the catalogue."""
    depth: tuple[str, ...] = ()
    """With depth."""
    pairs: tuple[str, ...] = ()
    """With flow."""

    @property
    def trained(self) -> bool:
        """All of `init` has learned."""
        return self.init is not None and not self.imported

    @property
    def learning(self) -> tuple[str, ...]:
        """Heads that the data teach something."""
        taught = (self.labelled, self.depth, self.pairs)
        return tuple(head for head, data in zip(HEADS, taught, strict=True) if data)

    @property
    def missing(self) -> tuple[str, ...]:
        """Tasks that the data teach and `init` has no head for; model_like makes segmentation's."""
        if not self.trained:
            return ()
        return tuple(
            task
            for head, task in zip(HEADS[1:], _words(HEADS[1:]), strict=True)
            if head in self.learning and head not in self.heads
        )


def recipe_text(known: Known) -> str:
    """A whole Python file."""
    parts = [_opening(known), _init(known), _classes(known), _data(known), _recipe(known)]
    return "\n".join(part for part in parts if part)


def _opening(known: Known) -> str:
    return f'''"""{known.name}: a training run of one's own.

    python -m training groups {known.file}      what learns, and how fast
    python -m training {known.file}             train
    python -m training {known.file} --help      every value, with its default
    python -m training evaluate {known.file} --data DATA

Every value can be changed here, or for one run on the command line, such as
--num-steps 10. The same command again goes on from the last checkpoint in
runs/{known.name}.
"""

{_imports(known)}'''


def _imports(known: Known) -> str:
    ours = "from training.recipe import DataConfig, LoraConfig, OptimizerConfig, Recipe\n"
    if known.init:
        remake = ""
        if known.imported or known.missing:
            remake = "from dataclasses import replace\n\n"
        if known.missing:
            kinds = ", ".join(sorted(f"{task.title()}Config" for task in known.missing))
            remake += f"from models.config import {kinds}\n"
        return f"{remake}from training.adapt.start import model_like\n{ours}"
    config = "from models.config import SegmentationConfig\n" if known.class_names else ""
    ours = ours.replace(" LoraConfig,", "")
    return f"from dataclasses import replace\n\n{config}from models.presets import PRESETS\n{ours}"


def _init(known: Known) -> str:
    if not known.init:
        return ""
    if known.imported:
        return f"""\
# What to start from: an encoder of others, by `python -m training import-weights`.
# Neck and heads are new.
INIT = {_text(known.init)}
"""
    return f"""\
# What to start from: a .safetensors file of weights, or a bundle's folder. The
# encoder is taken over, and every head that the new model has in the same form.
INIT = {_text(known.init)}
"""


def _classes(known: Known) -> str:
    if not known.class_names:
        return ""
    kept = "\n# Classes that INIT calls the same begin with its weights." if known.trained else ""
    return f"""\
# What the values of label files mean: the first name is 0. 255 is not counted.{kept}
CLASS_NAMES = {_tuple(known.class_names, before=len("CLASS_NAMES = "))}
"""


def _data(known: Known) -> str:
    lines = [
        "# What to learn from. folder:PATH holds images/NAME.jpg with labels/NAME.png,",
        "# depth/NAME.png or flow/NAME.flo beside it and a dataset.json; see the opening",
        "# of training/data/readers/folder.py. `python -m training data` lists public data sets.",
    ]
    for variable, data in _variables(known).items():
        lines.append(f"{variable} = {_tuple(data, before=len(variable) + 3)}")
    return "\n".join(lines) + "\n"


def _variables(known: Known) -> dict[str, tuple[str, ...]]:
    named = {"LABELLED": known.labelled, "DEPTH": known.depth, "PAIRS": known.pairs}
    return {name: data for name, data in named.items() if data}


def _recipe(known: Known) -> str:
    summary = f"{_list(_words(known.learning))} of my own data"
    fields = [
        f"    name={_text(known.name)},\n    summary={_text(summary)},\n",
        _model(known),
        _freeze(known),
        LENGTH.format(num_steps=_num_steps(known)),
        _data_config(known),
        _optimizer(known),
        MACHINE.format(file=known.file),
    ]
    return f"RECIPE = Recipe(\n{''.join(fields)})\n"


def _num_steps(known: Known) -> int:
    if known.trained:
        return 500
    return 3000 if known.init else 10000


def _model(known: Known) -> str:
    classes = ", class_names=CLASS_NAMES" if known.class_names else ""
    if known.imported:
        absent = [task for task in _words(HEADS) if not _teaches(known, task)]
        return f"""\
    # The encoder of INIT. Only heads that the data teach are there.
    model=replace(
        model_like(INIT{classes}),
{"".join(f"        {task}=None,{chr(10)}" for task in absent)}    ),
    init=INIT,
"""
    if known.missing:
        added = "".join(f"        {task}={task.title()}Config(),\n" for task in known.missing)
        return f"""\
    # The network of INIT, and a head for what the data teach beyond that.
    model=replace(
        model_like(INIT{classes}),
{added}    ),
    init=INIT,
"""
    if known.init:
        return f"""\
    # The network of INIT, with a head for these classes where some are given. What
    # is not wanted goes: dataclasses.replace(model_like(...), depth=None, flow=None).
    model=model_like(INIT{classes}),
    init=INIT,
"""
    head = "SegmentationConfig(class_names=CLASS_NAMES)" if known.class_names else "None"
    heads = [f"segmentation={head}"]
    heads += [f"{task}=None" for task in ("depth", "flow") if not _teaches(known, task)]
    return f"""\
    # Fresh weights: this takes hours and thousands of images. From trained ones it
    # takes minutes: write the recipe again with --from. Only heads that the data
    # teach are there.
    model=replace(
        PRESETS["lookup-s"],
{"".join(f"        {line},{chr(10)}" for line in heads)}    ),
    init=None,
"""


def _words(heads: Sequence[str]) -> list[str]:
    return [head.rstrip("*") for head in heads]


def _list(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _teaches(known: Known, task: str) -> bool:
    return task in _words(known.learning)


def _freeze(known: Known) -> str:
    if not known.init:
        return ""
    if known.imported:
        return """\
    # What does not learn: parts are beginnings of parameters' names, * is anything.
    # As it stands neck and heads learn, which are new. More thorough, and slower:
    #   adapters too: rank=8 below, freeze as it is.
    #   all of it: freeze=(), learning_rate=3e-4 and layer_decay=0.75 below.
    freeze=("backbone",),
    # Low-rank adapters beside the linear layers of some parts; rank 0 is none.
    lora=LoraConfig(rank=0, alpha=16.0, parts=("backbone",)),
"""
    frozen = ("backbone", "neck", *(head for head in known.heads if head not in known.learning))
    heads = _list(_words(known.learning)) + (" alone" if len(known.learning) < len(HEADS) else "")
    return f"""\
    # What does not learn: parts are beginnings of parameters' names, * is anything.
    # As it stands what learns is the head of {heads}:
    # other answers stay what they are to the last bit. More thorough, and slower:
    #   adapters too: rank=8, learning_rate=5e-4 and rate_factors=(("segmentation",
    #     20.0),) below, freeze as it is. Other heads then drift a little, because
    #     they read the same encoder.
    #   all of it: freeze=(), learning_rate=3e-4, layer_decay=0.75 and
    #     rate_factors=(("segmentation", 10.0),) below.
    freeze=({", ".join(map(_text, frozen))}),
    # Low-rank adapters beside the linear layers of some parts; rank 0 is none.
    lora=LoraConfig(rank=0, alpha=16.0, parts=("backbone",)),
"""


def _data_config(known: Known) -> str:
    fields = []
    for name, data in (
        ("labelled", known.labelled),
        ("depth", known.depth),
        ("pairs", known.pairs),
    ):
        if data:
            fields.append(f"{name}={name.upper()},")
    fields += [
        "# Images of each kind in one step.",
        f"images_per_step={8 if known.labelled else 0},",
    ]
    if known.depth:
        fields.append("depth_images_per_step=8,")
    if known.pairs:
        fields.append("real_pairs_per_step=4,")
    fields += [
        "# Rendered scenes (depth) and pairs (flow) beside them: 8 and 4 keep depth",
        "# and flow alive while the encoder learns. Their classes are CamVid's.",
        "scenes_per_step=0,",
        "pairs_per_step=0,",
        "# Images whose pieces are the textures of what is rendered; () for none.",
        f"photographs={next(iter(_variables(known)))},",
        "# (height, width) in px of the crops that are learned from.",
        "window=(256, 320),",
        "pair_window=(192, 256),",
        "# Share of steps that see two small windows of a large canvas instead.",
        "two_windows_share=0.2,",
    ]
    inside = "".join(f"        {line}\n" for line in fields)
    return f"    data=DataConfig(\n{inside}    ),\n"


def _optimizer(known: Known) -> str:
    # The segmentation head is one matrix: it takes large steps where it learns alone.
    rate = "1e-2" if known.learning == ("segmentation",) else "1e-3"
    fields = [
        f"learning_rate={rate if known.trained else '6e-4'},",
        "weight_decay=0.05,",
        "warmup_steps=20,",
        "# Of the moving average of the weights, which is what is exported.",
        f"average_decay={'0.99' if known.trained else '0.998'},",
        '# (part, factor) of the learning rate, such as ("neck", 0.5).',
        "rate_factors=(),",
        "# Factor per block of the encoder, from the top down; 1.0 is off.",
        "layer_decay=1.0,",
    ]
    inside = "".join(f"        {line}\n" for line in fields)
    return f"    optimizer=OptimizerConfig(\n{inside}    ),\n"


def _text(value: str) -> str:
    """A string in double quotes, unless it would need more escapes than in single ones."""
    quoted = json.dumps(value, ensure_ascii=False)
    if value.count('"') <= value.count("'"):
        return quoted
    return "'" + quoted[1:-1].replace('\\"', '"').replace("'", "\\'") + "'"


def _tuple(values: Sequence[str], *, before: int) -> str:
    """One item per line, but a single one in the line itself where it fits.

    Args:
        before: characters to the left of the tuple.
    """
    single = f"({_text(values[0])},)"
    if len(values) == 1 and before + len(single) <= LINE_LENGTH:
        return single
    return "(\n" + "".join(f"    {_text(value)},\n" for value in values) + ")"
