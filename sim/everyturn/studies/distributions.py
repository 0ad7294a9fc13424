"""Distributions of durations, in seconds, as a study file names them."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

Seconds = Annotated[float, Meta(ge=0)]
Positive = Annotated[float, Meta(gt=0)]
DrawSeconds = Callable[[], float]

_NORMAL_95: Final = 1.6448536269514722
"""The 95 % quantile of the standard normal distribution."""


class Constant(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="constant"):
    """Always the same."""

    seconds: Seconds

    @property
    def moments(self) -> tuple[float, float]:
        return self.seconds, self.seconds**2

    def sampler(self, random: Random) -> DrawSeconds:
        seconds = self.seconds
        return lambda: seconds


class Exponential(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="exponential"):
    """Exponential with a mean."""

    mean: Seconds

    @property
    def moments(self) -> tuple[float, float]:
        return self.mean, 2 * self.mean**2

    def sampler(self, random: Random) -> DrawSeconds:
        if not self.mean:
            return lambda: 0.0
        rate = 1 / self.mean
        return lambda: random.expovariate(rate)


class Lognormal(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="lognormal"):
    """Lognormal, by its median and its 95 % quantile (which must not be below the median)."""

    median: Positive
    p95: Positive

    def __post_init__(self) -> None:
        if self.p95 < self.median:
            raise ValueError(f"Expected `p95` of at least the median {self.median:g}, got {self.p95:g}")

    @property
    def _sigma(self) -> float:
        return math.log(self.p95 / self.median) / _NORMAL_95

    @property
    def moments(self) -> tuple[float, float]:
        variance = self._sigma**2
        return self.median * math.exp(variance / 2), self.median**2 * math.exp(2 * variance)

    def sampler(self, random: Random) -> DrawSeconds:
        mu, sigma = math.log(self.median), self._sigma
        return lambda: random.lognormvariate(mu, sigma)


class Gamma(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="gamma"):
    """Gamma, by its mean and its shape (1: exponential; larger: more regular)."""

    mean: Positive
    shape: Positive

    @property
    def moments(self) -> tuple[float, float]:
        return self.mean, self.mean**2 * (1 + 1 / self.shape)

    def sampler(self, random: Random) -> DrawSeconds:
        shape, scale = self.shape, self.mean / self.shape
        return lambda: random.gammavariate(shape, scale)


Shown = Literal["stream", "store", "gap"]


class Empirical(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="empirical"):
    """One of the durations that a recorded log shows, each as likely as any other, times ``scale``.

    ``of`` says which: see :func:`everyturn.studies.recorded.durations`. ``log`` is a path.
    """

    log: str
    of: Shown
    scale: Positive = 1.0

    @property
    def moments(self) -> tuple[float, float]:
        found = self._durations()
        return math.fsum(found) / len(found), math.fsum(each**2 for each in found) / len(found)

    def sampler(self, random: Random) -> DrawSeconds:
        found = self._durations()
        return lambda: random.choice(found)

    def _durations(self) -> tuple[float, ...]:
        from everyturn.studies.recorded import durations

        return tuple(each * self.scale for each in durations(Path(self.log), self.of))


Distribution = Constant | Exponential | Lognormal | Gamma | Empirical
"""Each has ``moments``, its mean and second moment, and ``sampler``, which draws with a generator of random numbers."""
