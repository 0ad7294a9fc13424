"""Where CI systems look: SARIF, GitHub's annotations and summary."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from everyturn.cli.ending import complain
from everyturn.cli.options import OUTPUT
from everyturn.verdicts.verdict import Cell, Result

if TYPE_CHECKING:
    from everyturn.campaigns.counting import CampaignResult
    from everyturn.reports.refutations import ToldDoubt, ToldRefutation


def publishing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options of commands whose refutations are shown beside the code: ``sarif`` and ``github``."""
    for option in (
        click.option(
            "--github",
            is_flag=True,
            help="Print an annotation of GitHub Actions for each refutation, at the line that decided, and append a "
            "table to the job's summary.",
        ),
        click.option("--sarif", type=OUTPUT, metavar="FILE", help="Write the refutations as SARIF 2.1.0."),
    ):
        command = option(command)
    return command


class Published(NamedTuple):
    """Where what was found is to be shown besides."""

    sarif: Path | None = None
    github: bool = False

    def result(self, found: Result) -> None:
        """Show what is refuted and what is undetermined in a result; each refutation is explained once."""
        if self.sarif is None and not self.github:
            return
        from everyturn.reports import refutations
        from everyturn.reports.headline import judged_of

        names = [name for cell in found.cells for name, _ in judged_of(cell)]
        told = list(refutations.refutations(found.cells))
        rows = [(f"{refutations.Subject.of(cell)}", str(cell.verdict), _refuted(cell)) for cell in found.cells]
        self.told(
            found.command, names, told, list(refutations.doubts(found.cells)), rows, interrupted=found.interrupted
        )

    def campaign(self, found: CampaignResult, *, interrupted: bool) -> None:
        """Show what came of a campaign: failures that were found, known ones that still fail, cells in doubt."""
        if self.sarif is None and not self.github:
            return
        from everyturn.reports import refutations

        names = [name for cell in found.cells for name in cell.verdicts]
        told = list(refutations.of_campaign(found))
        rows = [(cell.cell.key, str(cell.verdict), ", ".join(cell.violations)) for cell in found.cells]
        doubtful = list(refutations.doubts_of_campaign(found))
        self.told("campaign", names, told, doubtful, rows, interrupted=interrupted)

    def told(
        self,
        command: str,
        names: Sequence[str],
        refuted: Sequence[ToldRefutation],
        doubtful: Sequence[ToldDoubt],
        rows: Sequence[tuple[str, str, str]],
        *,
        interrupted: bool,
    ) -> None:
        """Show this; ``rows``: what was asked about, the verdict, what is refuted."""
        from everyturn.reports import github, sarif

        if self.sarif is not None:
            sarif.write(self.sarif, command, names, refuted, doubtful, interrupted=interrupted)
        if self.github:
            for line in github.annotated(refuted, doubtful):
                click.echo(line, err=True)
            trouble = github.summarise(("asked about", "verdict", "refuted"), rows)
            if trouble is not None:
                complain(trouble)


def _refuted(cell: Cell) -> str:
    from everyturn.reports.headline import judged_of
    from everyturn.verdicts.verdict import Verdict

    return ", ".join(name for name, judged in judged_of(cell) if judged.verdict is Verdict.REFUTED)
