"""What holds for all tests."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings
from tests.nightly import thin_out

settings.register_profile("of any speed", settings(), suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("of any speed")


@pytest.fixture(scope="module", autouse=True)
def _caches_end(request: pytest.FixtureRequest) -> Iterator[None]:
    """What the tests of one module keep in caches is not there for the next one: in a process that holds much, each
    exploration of an asyncio program goes through all of it first."""
    yield
    for each in list(vars(request.module).values()):
        if hasattr(type(each), "cache_clear"):
            each.cache_clear()


def pytest_collection_finish() -> None:
    """What it took to find and rewrite the tests is half of all that there is by then, and nobody's: each exploration
    of an asyncio program would go through it."""
    gc.collect()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    thin_out(items)
