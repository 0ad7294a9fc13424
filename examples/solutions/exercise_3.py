"""Who is waited for keeps his place in the queue; and a turn that hands over tells its own client first."""

from everyturn import Call, revisions


class Mine(revisions.LockedDrain):
    def stays_queued(self, call: Call) -> bool:
        return call.run_id is not None

    def owes_completion(self, call: Call, queued: tuple[Call, ...]) -> bool:
        return call.run_id is not None
