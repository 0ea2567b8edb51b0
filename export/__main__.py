"""Write and check bundles.

python -m export onnx CHECKPOINT OUT   a checkpoint becomes a folder that the server reads
python -m export verify BUNDLE         every engine at a dozen sizes, beside PyTorch; with
                                       --checkpoint FILE the export itself as well
python -m export score BUNDLE FILE     write into bundle.json what evaluation of the bundle found
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import tyro

from models.runtime.select import EngineError


@dataclass(frozen=True, kw_only=True)
class Onnx:
    """Write bundle.json, frame.onnx and flow.onnx for a checkpoint."""

    checkpoint: Annotated[Path, tyro.conf.Positional]
    """Weights that training wrote: runs/RECIPE/weights.safetensors."""
    out: Annotated[Path, tyro.conf.Positional]
    """The bundle's folder; made if need be, a bundle in it is replaced."""
    name: str | None = None
    """The bundle's name, the recipe's by default."""
    version: str = "0.1.0"
    """The bundle's version."""
    description: str = ""
    """One or two sentences for people who choose a bundle."""
    licence: str = "unknown"
    """SPDX identifier of the weights; it follows from the data they saw."""
    data: tuple[str, ...] = ()
    """Names of that data."""
    scores: Path | None = None
    """What `python -m training evaluate ... --json FILE` wrote."""
    single_file: Path | None = None
    """Write one ONNX file with both graphs as well, for other engines."""

    def run(self) -> int:
        """Trace, check, write."""
        from export.bundle import Label, export_bundle, export_single_file
        from export.scores import read_scores

        label = Label(
            name=self.name,
            version=self.version,
            description=self.description,
            licence=self.licence,
            data=self.data,
            scores=read_scores(self.scores) if self.scores else {},
        )
        bundle = export_bundle(self.checkpoint, self.out, label, report=print)
        size_mb = sum(file.bytes for file in bundle.files.values()) / 1e6
        print(f"{self.out}: {bundle.name} {bundle.version}, {size_mb:.1f} MB")
        if self.single_file is not None:
            print(f"tracing {self.single_file}")
            export_single_file(self.checkpoint, self.single_file)
        print(f"now: python -m export verify {self.out} --checkpoint {self.checkpoint}")
        return 0


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Compare every engine with PyTorch at a dozen sizes; exit status 1 if one differs.

    Without --checkpoint PyTorch runs the exported network with the weights of the graphs: that
    finds faults of engines, sizes and precisions, not of the export itself."""

    bundle: Annotated[Path, tyro.conf.Positional]
    """The folder that `python -m export onnx` wrote."""
    checkpoint: Path | None = None
    """Compare with this checkpoint in place of the bundle's own weights: the whole way, with what
    folding its blocks and storing its weights in float16 changed."""
    engines: tuple[str, ...] = ()
    """Some of openvino, onnxruntime; all that are installed by default."""
    quick: bool = False
    """Small images alone."""

    def run(self) -> int:
        """Print a table, the worst difference of each map in each engine."""
        from export.verify import verify

        failures = verify(
            self.bundle, checkpoint=self.checkpoint, engines=self.engines, quick=self.quick
        )
        return 1 if failures else 0


@dataclass(frozen=True, kw_only=True)
class Score:
    """Write scores into a bundle: those of its graphs, on the engine that will serve them."""

    bundle: Annotated[Path, tyro.conf.Positional]
    """The folder that `python -m export onnx` wrote."""
    scores: Annotated[Path, tyro.conf.Positional]
    """What `python -m training evaluate BUNDLE --json FILE` wrote."""

    def run(self) -> int:
        """Everything else of the bundle stays; files beside the graphs are listed anew."""
        from export.scores import read_scores
        from models.bundle_folder import read_bundle, write_bundle

        bundle = read_bundle(self.bundle, graphs_only=True)
        write_bundle(self.bundle, replace(bundle, scores=read_scores(self.scores)))
        return 0


Command = Onnx | Verify | Score
COMMANDS: dict[str, Callable[..., Command]] = {"onnx": Onnx, "verify": Verify, "score": Score}


def main(arguments: list[str]) -> int:
    """Run one command line; the exit status."""
    command: Command = tyro.extras.subcommand_cli_from_dict(
        COMMANDS, prog="python -m export", description=__doc__, args=arguments
    )
    try:
        return command.run()
    except (ValueError, OSError, EngineError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
