"""On an event loop nobody comes between two lines without an await."""

import asyncio
from typing import Any

from everyturn.game.level import Level, Term
from everyturn.game.loop import OnALoop


async def one_chair(world: Any) -> None:
    chairs, sits = ["chair"], []

    async def user(name: str) -> None:
        await world.io(name)  # the user comes whenever he likes
        if chairs:
            chairs.pop()
            sits.append(name)

    await asyncio.gather(user("Ann"), user("Bob"))
    if len(sits) > 1:
        raise RuntimeError(f"{' and '.join(sits)} on one chair")


async def saves_in_between(world: Any) -> None:
    chairs, sits = ["chair"], []

    async def user(name: str) -> None:
        await world.io(name)  # the user comes whenever he likes
        if chairs:
            await world.io(f"disk of {name}")
            chairs.clear()
            sits.append(name)

    await asyncio.gather(user("Ann"), user("Bob"))
    if len(sits) > 1:
        raise RuntimeError(f"{' and '.join(sits)} on one chair")


LEVEL = Level(
    name="no-await-between",
    title="One loop, no await",
    goal="Let two sit on one chair.",
    story="""From here on there are no threads, but tasks on one event loop, as in most Python agents. You decide
        what comes from outside and when. `if chairs: chairs.pop()` looks, and then acts. Have you seen this
        before?""",
    terms=(
        Term("event loop", "It runs one task at a time, until that waits; then the next one that is ready."),
        Term("await", "Here a task may have to wait, and others run. Nowhere else."),
        Term("ready", "The tasks that can go on; the loop takes them in the order in which they became ready."),
    ),
    hints=("Between which two lines can another task run?", "Is there an await between looking and acting?"),
    moral="""Between two awaits a task runs alone. So looking and acting without an await in between is one step,
        and this code is right on an event loop, though it would be wrong on threads.""",
    program=OnALoop(one_chair, "error", "chairs sits"),
    before=OnALoop(saves_in_between, "error", "chairs sits"),
    fix="With an await between looking and acting, two would sit on one chair.",
)
