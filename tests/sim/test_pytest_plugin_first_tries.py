"""What somebody tries first with the pytest plugin: marked classes, tests that skip themselves, a file of another
name."""

from __future__ import annotations

import re

import pytest
from tests.sim.test_pytest_plugin import ALWAYS

import everyturn.plugin.async_tests  # noqa: F401 # a run of pytest within pytest forgets what it has imported itself

pytest_plugins = ("pytester",)

RACES = """
    import asyncio

    import pytest

    @pytest.mark.everyturn
    async def test_first(world):
        order = []

        async def note(name):
            await world.io(name)
            order.append(name)

        await asyncio.gather(note("one"), note("two"))
        assert order == ["one", "two"]
"""


def test_a_mark_of_the_class_or_the_module_explores_what_takes_the_world(pytester: pytest.Pytester) -> None:
    """And leaves others as they are."""
    pytester.makepyfile(
        test_module="""
        import pytest

        pytestmark = pytest.mark.everyturn(max_seconds=60)

        async def test_it(world):
            await world.io("x")

        def test_plain():
            pass
        """,
        test_class="""
        import pytest

        @pytest.mark.everyturn
        class TestClass:
            def setup_method(self):
                self.number = 5

            async def test_it(self, world):
                await world.io("x")
                assert self.number == 5

            def test_plain(self):
                pass
        """,
    )
    result = pytester.runpytest(*ALWAYS, "-v")
    result.assert_outcomes(passed=4)
    result.stdout.fnmatch_lines(["everyturn: 2 proved"])


def test_a_test_that_skips_itself_is_skipped(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.everyturn
        async def test_it(world):
            await world.io("x")
            pytest.skip("not here")
        """
    )
    result = pytester.runpytest(*ALWAYS, "-rs")
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*test_a_test_that_skips_itself_is_skipped.py:*: not here"])


def test_who_looks_at_what_runs_print_is_told_that_he_sees_nothing(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import pytest

        @pytest.mark.everyturn
        async def test_it(world, capsys):
            print("x")
            assert capsys.readouterr().out
        """
    )
    result = pytester.runpytest(*ALWAYS)
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["test_it: expected a test that is explored to take no capsys, which sees nothing of*"])


def test_a_token_of_which_no_test_asks_is_no_success(pytester: pytest.Pytester) -> None:
    """As after a rename: green would say that the run passes."""
    pytester.makepyfile(test_one=RACES)
    failed = pytester.runpytest(*ALWAYS)
    token = re.search(r"--everyturn-replay (ea1-\S+)", failed.stdout.str())
    assert token is not None
    assert pytester.runpytest(*ALWAYS, "--everyturn-replay", token[1]).ret == pytest.ExitCode.TESTS_FAILED
    (pytester.path / "test_one.py").rename(pytester.path / "test_two.py")
    result = pytester.runpytest(*ALWAYS, "--everyturn-replay", token[1])
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(
        ["everyturn: nothing was made again: the token is of scenario test_one:test_first, and no test here asks*"]
    )
