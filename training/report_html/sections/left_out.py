"""What a reader might look for in vain, and why."""

from models.task import Task
from training.report_html.blocks import Block, Cell, Section, Table, Text
from training.report_html.contents import Contents


def left_out(contents: Contents) -> Section:
    """Data sets that are absent, tasks without a head, a run that is not known."""
    rows = []
    if contents.evaluation is None:
        rows.append(("scores", "there are no weights to score yet"))
    else:
        rows += [(f"{one.task}: {one.title}", one.reason) for one in contents.evaluation.left_out]
        rows += [
            (task.value, "the model has no head for it")
            for task in Task
            if task not in contents.tasks
        ]
    if contents.log is None:
        rows.append(("curves and recipe", "the run's folder was not given"))
    block: Block = Text(text="Nothing: every data set was there, and every part was drawn.")
    if rows:
        block = Table(
            title="",
            head=("what", "why"),
            rows=tuple(
                (Cell(text=what, is_number=False), Cell(text=why, is_number=False))
                for what, why in rows
            ),
        )
    return Section(key="left-out", title="Not in this report", blocks=(block,))
