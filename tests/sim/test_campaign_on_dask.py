"""A campaign on a Dask cluster: the same units, with the same result, even if a worker is killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from everyturn.campaigns.campaign import read_campaign
from everyturn.campaigns.index import opened
from everyturn.campaigns.plan import plan
from everyturn.campaigns.running import CampaignProgress, CampaignRun
from everyturn.campaigns.workers import here, on_dask
from everyturn.cli import main

WITH_DASK = find_spec("distributed") is not None

TEXT = """
title = "On a cluster"
unit = 4
invariants = ["no-hang"]
[[cells]]
revision = ["d3", "d4"]
scope = "AA"
strategy = "random-walk"
runs = 16
"""


def test_the_cluster_loses_a_worker(tmp_path: Path) -> None:
    """In a process of its own, since Dask leaves threads behind."""
    if not WITH_DASK:
        pytest.skip("needs everyturn[dask]")
    program = [sys.executable, "-m", "tests.sim.test_campaign_on_dask", str(tmp_path)]
    done = subprocess.run(program, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "killed 1 worker, the same bytes"


@pytest.mark.skipif(WITH_DASK, reason="is about not having it")
def test_without_dask_it_is_said_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "two.toml").write_text(TEXT)
    found = CliRunner().invoke(main, ["campaign", str(tmp_path / "two.toml"), "--dask", "tcp://localhost:1"])
    assert found.exit_code == 2
    assert found.stderr.splitlines() == [
        "everyturn: --dask: expected dask.distributed; found none: python -m pip install everyturn[dask]"
    ]


def whole(folder: Path, workers: Any, watch: Any = lambda progress: None) -> bytes:
    campaign = read_campaign(folder / "two.toml")
    with opened(folder / f"{len(list(folder.iterdir()))}.campaign", plan(campaign), sqlite3.Connection) as index:
        running = CampaignRun(campaign, [], index, watch=watch)
        running.run(workers)
        assert running.troubles == {}
        return msgspec.json.encode(running.held.result)


def lose_a_worker(folder: Path) -> None:
    """A campaign on two workers, one of which is killed when the first unit is done."""
    from dask.distributed import LocalCluster

    (folder / "two.toml").write_text(TEXT)
    expected = whole(folder, here)
    killed: list[int] = []
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:

        def kill(progress: CampaignProgress) -> None:
            if not killed:
                killed.append(next(iter(cluster.workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)

        with on_dask(cluster.scheduler_address) as workers:
            found = whole(folder, workers, kill)
    assert found == expected
    print(f"killed {len(killed)} worker, the same bytes")


if __name__ == "__main__":
    lose_a_worker(Path(sys.argv[1]))
