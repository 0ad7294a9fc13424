"""Exercise 3: every client is told. Two small methods decide it; here they are as the agent before its fix has them."""

from everyturn import Call, revisions


class Mine(revisions.LockedDrain):
    """The agent before its fix, with your change."""

    def stays_queued(self, call: Call) -> bool:
        """Whether a queued prompt waits for a turn of its own, and is not folded into the one that runs."""
        return False

    def owes_completion(self, call: Call, queued: tuple[Call, ...]) -> bool:
        """Whether a turn that hands over to somebody in the queue tells its own client first."""
        return False
