"""Train and score models.

python -m training street                 train a recipe, from its last checkpoint if there is one
python -m training street --num-steps 50  any value of a recipe can be changed
python -m training street --multi-resolution         every crop at 0.5, 1 and 2 times its size
python -m training street --multi-resolution.sizes 0.5 1         or at others, in one step
python -m training my_task.py --no-multi-resolution  at one, where the recipe has several
torchrun --nproc-per-node 2 -m training street    the same in two processes, on two GPUs if any
python -m training new my-task            write a recipe of one's own, with comments, to my_task.py
python -m training my_task.py             train it
python -m training groups RECIPE          what starts from where, what learns, and at which rate
python -m training evaluate MODEL         score a bundle or a checkpoint beside its baselines
python -m training report PATH            report.html of a run, a bundle or weights
python -m training data                   the data sets that recipes can name
python -m training data NAME              what one of them holds, its files checked
python -m training render street          fill the pools of rendered pairs ahead of training
python -m training import-weights FILE OUT    start from DINOv2, DINOv3, CroCo, timm, ...
python -m training study win-win          compare ways to train: one table and one plot
python -m training study multi-resolution accuracy against test resolution, several sizes and one
python -m training balance WEIGHTS OUT    fit a bias per class on the training images
python -m training soup OUT A B --shares 0.7 0.3  average the weights of several runs
python -m training merge-lora BASE ADAPTER OUT  make plain weights of a base and an adapter

RECIPE is one of ours or a file such as my_task.py.
"""

import signal
import sys
from collections.abc import Callable

import tyro

import training.running.cores  # noqa: F401 - before torch, which may bind to one of them
from training.commands import COMMANDS, RUNS, Report
from training.own_recipe.recipe_arguments import recipe_of
from training.recipes import RECIPES
from training.running.stop_signals import Stopped


def main(arguments: list[str]) -> None:
    """Run one command line."""
    name = arguments[0] if arguments else "--help"
    if name in ("-h", "--help"):
        print(f"{__doc__}\nRecipes:")
        for known, recipe in RECIPES.items():
            print(f"  {known}: {recipe.summary}")
        print("\nEvery command and every recipe explains its values with --help.")
        return
    if name in COMMANDS:
        tyro.cli(COMMANDS[name], prog=f"python -m training {name}", args=arguments[1:]).run()
        return
    if name == "render":
        from training.render import fill_pools

        fill_pools(recipe_of(arguments[1:], prog="python -m training render"), report=print)
        return
    if name == "study":
        from training.studies.commands import run_study

        run_study(arguments[1:])
        return
    if name == "groups":
        from training.groups import describe
        from training.own_recipe.own_classes import with_classes_of_data

        recipe = recipe_of(arguments[1:], prog="python -m training groups")
        print(describe(with_classes_of_data(recipe, _say)))
        return
    recipe = recipe_of(arguments, prog="python -m training")
    from training.loop import train
    from training.own_recipe.own_classes import with_classes_of_data
    from training.running.distributed import from_environment

    is_first = from_environment().is_first
    recipe = with_classes_of_data(recipe, _say if is_first else lambda _: None)
    weights = train(recipe, RUNS / recipe.name)
    if is_first:
        print(f"{weights}\nnow: python -m export onnx {weights} OUT")
        if recipe.report != "none":
            Report(path=weights.parent, quick=recipe.report == "quick").run()


def _say(line: str) -> None:
    print(line, file=sys.stderr)


def _guarded(command: Callable[[list[str]], None]) -> int:
    """Errors that a user can mend are one line, not a traceback."""
    try:
        command(sys.argv[1:])
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # before the first step of a run, or outside runs
        print("stopped", file=sys.stderr)
        return 128 + signal.SIGINT
    except Stopped as stopped:
        print(stopped, file=sys.stderr)
        return stopped.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(_guarded(main))
