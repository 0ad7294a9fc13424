"""Scenarios and sessions are asked the same questions in the same words, on the command line and from Python."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner, Result
from examples.scenarios import two_users
from examples.sessions.adapter import Chat
from tests.nightly import thinned

import everyturn
from everyturn.cli import main


class Asked(NamedTuple):
    """A program that is wrong, and its mended twin: how they are named, and what is refuted."""

    wrong: tuple[str, ...]
    mended: tuple[str, ...]
    fault: str
    other: str

    @property
    def named(self) -> tuple[str, ...]:
        return self.wrong[:2]


SCENARIO = Asked(
    ("--scenario", "examples.scenarios.two_users:racy"),
    ("--scenario", "examples.scenarios.two_users:mended"),
    "hang",
    "unretrieved",
)
SESSION = Asked(
    ("--session", "examples.sessions.adapter:Chat", "--scope", "AA"),
    ("--session", "examples.sessions.adapter:Mended", "--scope", "AA"),
    "no-hang",
    "unretrieved",
)
both = pytest.mark.parametrize("asked", [SCENARIO, SESSION], ids=["scenario", "session"])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def cells(result: Result) -> list[dict[str, Any]]:
    return list(json.loads(result.stdout)["cells"])


def token_of(asked: Asked) -> str:
    cell = cells(run("check", *asked.wrong, "--invariant", asked.fault, "--json"))[0]
    return str(cell["invariants"][asked.fault]["token"])


@both
def test_what_is_judged_can_be_chosen(asked: Asked) -> None:
    only = cells(run("check", *asked.wrong, "--invariant", asked.fault, "--json"))[0]
    assert set(only["invariants"]) == {asked.fault}
    assert only["verdict"] == "refuted"
    other = run("check", *asked.wrong, "--invariant", asked.other, "--json")
    assert set(cells(other)[0]["invariants"]) == {asked.other}
    assert other.exit_code == 0
    without = cells(run("check", *asked.wrong, "--without", asked.fault, "--json"))[0]
    assert asked.fault not in without["invariants"]
    unknown = run("check", *asked.wrong, "--invariant", "no-hnag")
    assert unknown.exit_code == 2
    assert "expected" in unknown.stderr
    assert "did you mean" in unknown.stderr


@both
@pytest.mark.parametrize(
    ("limit", "stopped"),
    [("--max-states=3", "3 states"), ("--max-memory=1M", "1 MiB of memory"), ("--max-seconds=0", "0 seconds")],
)
def test_a_search_stops_at_its_limits_and_says_at_which(asked: Asked, limit: str, stopped: str) -> None:
    result = run("check", *asked.mended, limit, "--json")
    assert result.exit_code == 4
    assert cells(result)[0]["stopped"] == stopped


@both
def test_a_search_ends_at_the_first_refutation_if_that_is_asked_for(asked: Asked) -> None:
    whole, first = (cells(run("check", *asked.wrong, "--json", *more))[0] for more in ((), ("--stop-at-first",)))
    assert first["verdict"] == "refuted"
    assert first["stopped"] == "the first refutation"
    assert first["schedules"] < whole["schedules"]


@both
@pytest.mark.parametrize(
    "option",
    [
        ("--revision", "d4"),
        ("--granularity", "access"),
        ("--reduce", "dead"),
        ("--engine", "levels"),
        ("--counterexamples", "1"),
        ("--checkpoint", "x.cp"),
    ],
    ids=lambda option: option[0],
)
def test_an_option_that_means_nothing_to_a_program_is_refused(asked: Asked, option: tuple[str, str]) -> None:
    """Whatever it says, if it is the default, too: it would be without effect."""
    result = run("check", *asked.wrong, *option)
    assert result.exit_code == 2
    assert f"{option[0]}: expected either this or {asked.named[0]}, found both" in result.stderr


@both
def test_programs_in_processes_of_their_own_are_judged_the_same(asked: Asked) -> None:
    """Several at once, in the order in which they were named, with the same counts and tokens."""
    one, two = (run("check", *asked.wrong, *asked.mended[:2], "--jobs", jobs) for jobs in "12")
    assert (one.exit_code, two.exit_code) == (1, 1)
    assert re.sub(r"\d+\.\d\d s\b", "… s", two.stdout) == re.sub(r"\d+\.\d\d s\b", "… s", one.stdout)


@both
def test_a_refutation_says_how_to_go_on_and_several_cells_begin_with_the_matrix(asked: Asked, tmp_path: Path) -> None:
    picture = tmp_path / "matrix.png"
    said = run("check", *asked.wrong, *asked.mended[:2], "--plot", str(picture)).stdout
    assert picture.stat().st_size > 1_000
    assert "✓ proved  ✗ refuted" in said
    (why,) = re.findall(r"why, and since when it was too late: everyturn (.*)", said)
    replayed = re.findall(r"decisions? of the world: everyturn (.*)", said)
    for command, code in ((why, 1), (replayed[0], 1)):
        result = run(*command.split())
        assert result.exit_code == code
        assert f"✗ {asked.fault}" in result.stdout


@both
def test_a_run_is_kept_in_a_file_and_taken_from_it(asked: Asked, tmp_path: Path) -> None:
    token, file = token_of(asked), tmp_path / "run.token"
    kept = run("replay", token, *asked.named, "-o", str(file))
    assert kept.exit_code == 1
    assert file.read_text().strip() == token
    for command in ("replay", "explain", "shrink"):
        result = run(command, str(file), *asked.named)
        assert result.exit_code == 1
        assert f"✗ {asked.fault}" in result.stdout


@both
def test_each_command_says_the_same_of_a_run(asked: Asked) -> None:
    """The same cell and the same sentence, whether it is checked, replayed or shrunk."""
    token = token_of(asked)
    found = {
        command: cells(result)[0]
        for command, result in (
            ("check", run("check", *asked.wrong, "--json")),
            ("replay", run("replay", token, *asked.named, "--json")),
            ("shrink", run("shrink", token, *asked.named, "--json")),
        )
    }
    named = {(cell["revision"], cell["scope"], cell["granularity"]) for cell in found.values()}
    assert named == {(asked.named[1], asked.wrong[-1] if "--scope" in asked.wrong else "", "fifo")}
    assert len({cell["invariants"][asked.fault]["sentence"] for cell in found.values()}) == 1
    assert len({tuple(cell["invariants"]) for cell in found.values()}) == 1
    explained = json.loads(run("explain", token, *asked.named, "--json").stdout)
    assert explained["scenario"] == asked.named[1]
    assert explained["kind"] == asked.fault
    assert explained["token"] == token


@both
def test_whose_run_a_token_is_of_must_be_named_rightly(asked: Asked) -> None:
    token, other = token_of(asked), SCENARIO if asked is SESSION else SESSION
    expected = f"expected {' '.join(asked.named)}"
    for command in ("replay", "explain", "shrink"):
        for named in ((), other.named):
            result = run(command, token, *named)
            assert result.exit_code == 2
            assert expected in result.stderr
        assert run(command, token, *asked.named, "--revision", "d4").exit_code == 2


@both
def test_all_merges_are_followed_by_the_audit(asked: Asked) -> None:
    result = run("audit", *asked.mended, "--json")
    assert result.exit_code == 0
    (audited,) = json.loads(result.stdout)["cells"]
    assert (audited["revision"], audited["scope"]) == (
        asked.mended[1],
        asked.mended[-1] if "--scope" in asked.mended else "",
    )
    assert audited["compared"] > 0
    few = run("audit", *asked.mended, "--max-states", "3", "--json")
    assert few.exit_code == 4
    assert json.loads(few.stdout)["cells"][0]["stopped"] == "3 states"
    assert run("audit", *asked.mended, "--order", "any", "--max-states", "5").exit_code == 4


@both
def test_no_runs_are_no_verdict(asked: Asked) -> None:
    assert run("fuzz", *asked.mended, "--runs", "0").exit_code == 5


def test_a_program_in_a_file_is_known_by_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Its refutations name the file, so that the commands that are printed can be run."""
    (tmp_path / "in_a_file.py").write_text(
        "import asyncio\nimport everyturn\n\n\n"
        "@everyturn.scenario\nasync def waits(world):\n    await asyncio.Event().wait()\n\n\n"
        "class Silent(everyturn.Session):\n    async def open(self, world):\n        pass\n\n"
        "    async def submit(self, prompt):\n        await asyncio.Event().wait()\n"
    )
    monkeypatch.chdir(tmp_path)
    asked: dict[tuple[str, str], tuple[str, ...]] = {
        ("--scenario", "./in_a_file.py:waits"): (),
        ("--session", "./in_a_file.py:Silent"): ("--scope", "A"),
    }
    for named, scope in asked.items():
        said = run("check", *named, *scope).stdout
        (command,) = set(re.findall(r"decisions? of the world: everyturn (.*)", said))
        assert command.endswith(" ".join(named))
        assert run(*command.split()).exit_code == 1
        script = tmp_path / "script.py"
        assert run("explain", *command.split()[1:], "--script", str(script)).exit_code == 1
        assert "FOLDERS: list[str] = ['.']" in script.read_text()


def test_what_is_no_scenario_is_said_where_it_is_marked() -> None:
    with pytest.raises(everyturn.UsageError, match="expected an async function that takes a world"):
        everyturn.scenario(lambda world: None)  # type: ignore[arg-type, return-value]
    with pytest.raises(everyturn.UsageError, match=r"did you mean mended\?"):
        everyturn.check_scenario("examples.scenarios.two_users:mendet")
    assert everyturn.scenario(two_users.mended) is two_users.mended


@pytest.mark.parametrize(
    ("words", "fault"),
    [({"scenario": two_users.racy}, "hang"), ({"session": Chat}, "no-hang")],
    ids=["scenario", "session"],
)
def test_from_python_a_program_is_asked_about_as_a_dispatcher_is(
    words: dict[str, Any], fault: str, tmp_path: Path
) -> None:
    check, fuzz, audit = (getattr(everyturn, name) for name in ("check", "fuzz", "audit"))
    scope = {"scope": "AA"} if "session" in words else {}
    found = check(**words, **scope, invariants=[fault], stop="first")
    assert found.verdict is everyturn.Verdict.REFUTED
    token = found.tokens[fault]
    assert fuzz(**words, **scope, runs=5).cell.schedules == 5
    assert audit(**words, **scope, max_states=10).agrees
    replay, explain, shrink = (getattr(everyturn, name) for name in ("replay", "explain", "shrink"))
    assert replay(token, **words).verdicts[fault].verdict is everyturn.Verdict.REFUTED
    assert explain(token, **words, invariants=[fault], budget=10).fault == fault
    assert shrink(token, **words, invariants=[fault]).verdict is everyturn.Verdict.REFUTED
    script = tmp_path / "run.py"
    assert "at rest" in str(found.explain(script=script, budget=10))
    assert script.exists()
    assert found.shrink().token is not None
    with pytest.raises(everyturn.UsageError, match="this token is of the"):
        everyturn.replay(token)


EDITED = '''
import asyncio, logging
import everyturn

logger = logging.getLogger(__name__)


async def races(world):
    """A deadline, threads, tasks in a set, and who asks while the session goes idle."""
    waiting, idle = [], False

    async def serve(prompt):
        nonlocal idle
        answer = await world.io(f"model {prompt}", "answer")
        await asyncio.to_thread(len, answer)
        if not waiting:
            await world.io("save")
            idle = True

    async def client():
        await world.io("client")
        answered = asyncio.get_running_loop().create_future()
        if not idle:
            waiting.append(answered)
            async with asyncio.timeout(5):
                await answered

    async with asyncio.TaskGroup() as group:
        group.create_task(serve("one"))
        group.create_task(client())


class Chat(everyturn.Session):
    async def open(self, world):
        self.model, self.store, self.busy, self.queue = world.model(), world.store(), None, []

    async def submit(self, prompt):
        answered = asyncio.get_running_loop().create_future()
        if self.busy:
            self.queue.append((prompt.text, answered))
            return await answered
        self.busy = prompt.text
        answer = await self.model(prompt.text)
        for text, waiting in self.queue:
            waiting.set_result(await self.model(text))
        await self.store("done")
        self.busy = None
        return answer
'''
EDITS: dict[str, Callable[[str], str]] = {
    "lines are moved": lambda code: code.replace("import everyturn\n", "import everyturn\n\n# some more\n# lines\n\n"),
    "variables are renamed": lambda code: re.sub(r"\b(answer|answered|waiting|group)\b", r"\1_", code),
    "a line logs": lambda code: code.replace(
        '        await world.io("client")\n', "        await world.io(\"client\")\n        logger.info('asked')\n"
    ).replace(
        "        self.busy = prompt.text\n", "        logger.info('%s', prompt)\n        self.busy = prompt.text\n"
    ),
}


@thinned(2)
@pytest.mark.parametrize("edit", EDITS)
def test_tokens_survive_edits(edit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = [f"edited_{list(EDITS).index(edit)}_{which}" for which in ("before", "after")]
    changed = EDITS[edit](EDITED)
    for name, code in zip(names, (EDITED, changed), strict=True):
        Path(f"{name}.py").write_text(code)
    assert changed != EDITED
    scenario = everyturn.check_scenario(f"{names[0]}.py:races", stop="first")
    session = everyturn.check_session(f"{names[0]}.py:Chat", "AA", invariants=["no-hang"], stop="first")
    assert scenario.tokens
    assert set(session.tokens) == {"no-hang"}
    for fault, token in scenario.tokens.items():
        again = everyturn.replay_scenario(token, f"{names[1]}.py:races")
        assert again.strayed is None
        assert again.verdicts[fault].verdict is everyturn.Verdict.REFUTED
    for fault, token in session.tokens.items():
        again = everyturn.replay_session(token, f"{names[1]}.py:Chat")
        assert again.strayed is None
        assert again.verdicts[fault].verdict is everyturn.Verdict.REFUTED


def test_a_run_that_the_edited_program_cannot_make_is_said_to_stray(tmp_path: Path) -> None:
    """And the verdict is that of the run that was made."""
    token = everyturn.check_scenario(two_users.racy).tokens["hang"]
    again = run("replay", token, "--scenario", "examples.scenarios.two_users:mended", "--json")
    assert again.exit_code == 0
    other = run("replay", token, "--scenario", "tests.sim.small_scenarios:racy", "--strict")
    assert other.exit_code == 3
    assert "not the recorded run: decision 1: expected 'user hello arrives'" in other.output
