"""`everyturn campaign`."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from everyturn.cli.documents import encoded
from everyturn.cli.ending import AGENT, KEPT, complain, exit_codes, exits
from everyturn.cli.options import DURATION_ABOVE_0, JOBS, OUTPUT, quiet
from everyturn.cli.publishing import Published, publishing
from everyturn.errors import UsageError
from everyturn.files.writing import expect_apart
from everyturn.verdicts.verdict import Exit

if TYPE_CHECKING:
    from everyturn.campaigns.campaign import Campaign
    from everyturn.campaigns.counting import CampaignFailure, CampaignResult
    from everyturn.campaigns.known import CorpusFile
    from everyturn.campaigns.plan import Shard
    from everyturn.campaigns.running import CampaignRun
    from everyturn.campaigns.workers import Workers
    from everyturn.reports.text import Printer

SUFFIX = ".campaign"


@click.command(
    epilog=exit_codes(
        AGENT,
        KEPT,
        {
            Exit.HOLDS: "nothing fails, as far as it was asked",
            Exit.REFUTED: "a known failure still fails, or a new one was found",
            Exit.UNDETERMINED: "nothing fails, and a known failure or a cell is undetermined",
            Exit.NOTHING_RAN: "nothing ran",
        },
    ),
    short_help="Known failures, then new ones, on all cores",
)
@click.argument("file", metavar="CAMPAIGN.toml", type=click.Path(path_type=Path))
@click.option("--profile", metavar="NAME", help="pull-request, nightly, or one of the file's.")
@click.option("--index", "place", type=OUTPUT, help="Where it is kept.  [default: beside the file, .campaign]")
@click.option("--jobs", type=JOBS, help="Processes.  [default: one for each core]")
@click.option(
    "--shard", "shard_text", metavar="I/N", default="1/1", help="Only this part; `everyturn merge` joins them."
)
@click.option(
    "--budget",
    "--max-seconds",
    "max_seconds",
    type=DURATION_ABOVE_0,
    help="Stop discovery after this time: 60s, 5m, 2h.",
)
@click.option("--seed", type=int, help="In place of the file's: other runs, and another index.")
@click.option("--dask", metavar="ADDRESS", help="Make it on this Dask cluster; everyturn[dask].")
@click.option("--failures", type=click.Path(path_type=Path), help="Write new failures into this folder, as tests.")
@click.option("--keep", is_flag=True, help="Add new failures to the folder of known ones.")
@click.option("--allow-known", is_flag=True, help="Known failures that still fail do not count for the exit code.")
@click.option("--result", "result_file", type=OUTPUT, help="Write what came of it as JSON, without times.")
@publishing
@click.option("--json", "as_json", is_flag=True, help="The same document on standard output.")
@quiet("What fails and what is not known, a line for each, and how many cells there are.")
@exits
def campaign(
    file: Path,
    profile: str | None,
    place: Path | None,
    jobs: int | None,
    shard_text: str,
    max_seconds: float | None,
    seed: int | None,
    dask: str | None,
    failures: Path | None,
    keep: bool,
    allow_known: bool,
    result_file: Path | None,
    sarif: Path | None,
    github: bool,
    as_json: bool,
) -> int:
    """Run a campaign: see what has become of known failures, then look for new ones.

    A campaign's file names agents, scopes, strategies and budgets (docs/campaigns.md). What is done is kept in an index
    at once: after Ctrl-C, or any other end, the same command goes on from there. To run a campaign is to run the code
    that its file names.
    """
    from everyturn.campaigns.campaign import read_campaign
    from everyturn.campaigns.known import read_corpus
    from everyturn.campaigns.plan import parse_shard
    from everyturn.reports.campaigns import brief, lines, write_result
    from everyturn.reports.text import Printer

    shard = parse_shard(shard_text)
    read = read_campaign(file, profile, seed)
    read = read._replace(
        seconds=max_seconds or read.seconds,
        failures=failures or read.failures,
        allows_known=allow_known or read.allows_known,
    )
    if keep and read.corpus is None:
        raise UsageError(f"{file}: --keep: expected a `corpus`, a folder of known failures; found none")
    corpus = read_corpus(read.corpus)
    _expect_folders(file, read)
    path = place or _default(file, profile, shard)
    expect_apart({"--index": path, "--result": result_file, "--sarif": sarif}, [file])
    ran = _run(read, corpus, path, shard, jobs, dask)
    result = ran.held.result
    show = Printer(err=as_json)
    for line in brief(result) if show.quiet else lines(result):
        show.say(line)
    if ran.stopped is not None:
        show.say(f"discovery ended after {ran.stopped}; the same command goes on from there")
    files = {each.unit: str(read.corpus / each.file) for each in corpus if read.corpus is not None}
    for name, trouble in ran.troubles.items():
        complain(f"{files.get(name, name)}: {trouble.text}")
    if not ran.interrupted:
        _write_failures(ran, [each for each in result.failures if each.file is None], show, keep=keep)
    if result_file is not None:
        write_result(result_file, result)
    Published(sarif, github).campaign(result, interrupted=ran.interrupted)
    if as_json:
        click.echo(encoded(result))
    if ran.interrupted:
        show.say(f"interrupted: {result.units:,} units are kept in {path}; the same command goes on from there")
        return Exit.INTERRUPTED
    return _code(ran, result)


def _expect_folders(file: Path, read: Campaign) -> None:
    """What is a folder is one, or is not there yet; said before hours of work for it."""
    for what, folder in (("corpus", read.corpus), ("failures", read.failures)):
        if folder is not None and ("\0" in str(folder) or (os.path.lexists(folder) and not folder.is_dir())):
            raise UsageError(f"{file}: {what} {folder}: expected a folder, or none yet; found something else")


def _run(
    read: Campaign, corpus: list[CorpusFile], path: Path, shard: Shard, jobs: int | None, dask: str | None
) -> CampaignRun:
    """The campaign as far as it comes."""
    from everyturn.campaigns.index import opened
    from everyturn.campaigns.plan import plan
    from everyturn.campaigns.running import CampaignRun
    from everyturn.reports.campaigns import CampaignLine

    with opened(path, plan(read)) as index, CampaignLine(read.title) as bar:
        running = CampaignRun(read, corpus, index, shard, watch=bar.working)
        with _workers(jobs, dask) as workers:
            running.run(workers)
        return running


def _write_failures(ran: CampaignRun, new: list[CampaignFailure], show: Printer, *, keep: bool) -> None:
    """Write what is new where the campaign or the command line says."""
    from everyturn.campaigns.known import write_failure
    from everyturn.campaigns.written_tests import write_failures

    if ran.campaign.failures is not None:
        for path in write_failures(ran.campaign.failures, new, ran.held):
            show.say(f"a test of what is new: {path}")
    if keep:
        assert ran.campaign.corpus is not None
        for each in new:
            show.say(f"known from now on: {write_failure(ran.campaign.corpus, each.failure)}")


def _default(file: Path, profile: str | None, shard: Shard) -> Path:
    """Where an index is kept if nothing is said: beside the campaign's file, one for each profile and shard."""
    part = "" if shard.of == 1 else f"-{shard.number}-of-{shard.of}"
    return file.with_name(f"{file.stem}{'' if profile is None else f'-{profile}'}{part}{SUFFIX}")


@contextmanager
def _workers(jobs: int | None, dask: str | None) -> Iterator[Workers]:
    from joblib import cpu_count

    from everyturn.campaigns import workers

    if dask is not None:
        with workers.on_dask(dask) as cluster:
            yield cluster
        return
    number = jobs or cpu_count()
    yield workers.here if number == 1 else workers.on_cores(number)


def _code(ran: CampaignRun, result: CampaignResult) -> int:
    from everyturn.campaigns.known import Since
    from everyturn.reports.campaigns import found_since
    from everyturn.verdicts.verdict import Verdict

    since = found_since(result)
    if any(each.whose == "internal" for each in ran.troubles.values()):
        return Exit.INTERNAL
    if any(each.file is None for each in result.failures) or (since[Since.FAILING] and not ran.campaign.allows_known):
        return Exit.REFUTED
    if ran.troubles or any(cell.fault is not None for cell in result.cells):
        return Exit.USAGE
    if not result.units and not result.known:
        return Exit.NOTHING_RAN
    verdicts = {cell.verdict for cell in result.cells if ran.shard.of == 1 or cell.runs or cell.states}
    if verdicts == {Verdict.NOT_PROMISED}:
        return Exit.NOTHING_RAN
    doubtful = verdicts & {Verdict.UNDETERMINED, Verdict.NOT_JUDGED}
    return Exit.UNDETERMINED if doubtful or since[Since.OUT_OF_REACH] else Exit.HOLDS
