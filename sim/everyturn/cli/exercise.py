"""`everyturn exercise`."""

from __future__ import annotations

from pathlib import Path
from textwrap import fill

import click

from everyturn.cli.ending import AGENT, exit_codes, exits
from everyturn.errors import UsageError
from everyturn.verdicts.verdict import Exit


@click.command(
    epilog=exit_codes(
        AGENT,
        {
            Exit.HOLDS: "the answer is right, or the task was shown",
            Exit.REFUTED: "it is not right yet, and why not is told",
            Exit.UNDETERMINED: "a limit was reached before an answer",
        },
    ),
    short_help="Code to mend or to break; is it proved?",
)
@click.argument("number", type=click.IntRange(1), required=False)
@click.argument("answer", type=click.Path(path_type=Path), required=False)
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    help="Write the file to begin with; one that is there already is left alone.",
)
@exits
def exercise(number: int | None, answer: Path | None, output: Path | None) -> int:
    """Code to mend or to break, and whether that is proved.

    Without NUMBER: list the exercises. With it: show the task. `everyturn exercise 3 -o my_fix.py` writes a file to
    begin with; `everyturn exercise 3 my_fix.py` says whether the answer in it is proved, else shows a counterexample.
    """
    from everyturn.exercises.catalogue import EXERCISES

    if number is None:
        for each in EXERCISES.values():
            click.echo(f"{each.number:3}  {each.title}")
        return Exit.HOLDS
    if number not in EXERCISES:
        raise UsageError(f"exercise {number}: expected 1 to {len(EXERCISES)}")
    if answer is not None:
        return _judge(number, answer)
    asked = EXERCISES[number]
    click.echo(f"Exercise {number}: {asked.title}\n")
    click.echo(fill(asked.task, 96))
    if asked.notebook is not None:
        click.echo(f"\nThe notebook that leads to it: notebooks/{asked.notebook}.ipynb")
    if output is None:
        click.echo(f"\nBegin with: everyturn exercise {number} -o my_fix.py")
        return Exit.HOLDS
    _begin(output, asked.beginning())
    click.echo(f"\n{output} is yours. Ask whether it is right: everyturn exercise {number} {output}")
    return Exit.HOLDS


def _begin(output: Path, text: str) -> None:
    """Write the file to begin with. Raises :class:`UsageError` if there is one: it may hold somebody's work."""
    from everyturn.errors import Unwritable

    try:
        with output.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise UsageError(f"{output}: expected a new file; found one, which may hold your work") from None
    except OSError as error:
        raise Unwritable(output, error) from error


def _judge(number: int, answer: Path) -> int:
    from everyturn.exercises.catalogue import EXERCISES
    from everyturn.exercises.judging import judged
    from everyturn.printing import printable

    if not answer.is_file():
        raise UsageError(f"{answer}: expected a Python file; found {'a folder' if answer.is_dir() else 'none'}")
    found = judged(EXERCISES[number], answer)
    for line in found.lines:
        click.echo(printable(line))
    if found.solved:
        more = f"; next: everyturn exercise {number + 1}" if number + 1 in EXERCISES else ""
        click.echo(f"Exercise {number} is solved{more}")
        return Exit.HOLDS
    click.echo(f"Exercise {number} is not solved yet")
    return Exit.UNDETERMINED if found.undecided else Exit.REFUTED
