"""Who does what in a log: the lanes of a diagram, and a sentence for each line."""

from __future__ import annotations

from everyturn.formats.everyturn_log import LogLine


def lane(line: LogLine) -> str:
    """Where a line happens: at the client, in the operation, on the thread that it names, or in the agent."""
    if line.kind == "submit":
        return f"client-of-{line.prompt}"
    if line.operation is not None and line.kind.endswith(("_call", "_return")):
        return line.operation
    return line.thread or "agent"


def sentence(line: LogLine) -> str:
    """What a line tells, in a few words."""
    who = line.prompt or line.run_id
    match line.kind:
        case "submit":
            return f"submits {who}" + (" and waits" if line.run_id else "")
        case "submitted":
            return f"{who} is accepted"
        case "started":
            return f"{who}'s turn begins"
        case "stream_start":
            return f"{who}: the model is asked"
        case "stream_end":
            return f"{who}: the model has answered ({line.how})"
        case "ended":
            return f"{who}'s turn ends" + (f": {line.outcome}" if line.outcome else "")
        case "folded":
            return f"{who} is folded into the turn of {line.turn}"
        case "message" | "message_failed":
            return f"{who}'s message is {'stored' if line.kind == 'message' else 'not stored'}"
        case "told" | "kept":
            return f"{who} is {'told' if line.kind == 'told' else 'kept to be told'}: {line.outcome}"
        case "notified":
            return f"{who} is told of an error"
        case "returned":
            return f"{who}'s call returns: {line.outcome}"
        case "refused" | "queued" | "dropped":
            return f"{who} is {line.kind}" + (f" ({line.reason})" if line.reason else "")
        case "cancel_call" | "clear_call" | "summary_start":
            return f"{line.operation} begins"
        case "cancel_return" | "clear_return" | "summary_end":
            return f"{line.operation} is over"
        case "rest":
            return "nothing moves any more"
        case kind:
            return kind
