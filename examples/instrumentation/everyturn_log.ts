// Writes everyturn/log/1: what an agent's dispatcher does, for `everyturn validate`. One file, no dependencies.
//
// Copy it into your project. Which line is written when is in docs/instrumentation.md. It never throws into the agent:
// what cannot be written leaves a gap in the sequence, which the judge sees.

export type Outcome = "finished" | "failed" | "cancelled";

/** The kinds of line without which most invariants cannot be judged. */
const required = [
  "submit", "queued", "started", "ended", "folded", "dropped", "told", "cancel_call", "cancel_return", "rest",
];

/** The session's shared data at rest, as far as you have it. */
export interface Snapshot {
  busy?: boolean;
  queue?: string[];
  reservations?: number;
  mark?: number;
}

export interface Line {
  kind: string;
  session: string;
  prompt?: string;
  run_id?: string;
  thread?: string;
  turn?: string;
  outcome?: Outcome;
  how?: Outcome | "tool";
  owner?: string;
  operation?: string;
  reason?: "covered" | "cleared" | "entry";
  by?: "turn" | "fold" | "entry";
  snapshot?: Snapshot;
}

export class EveryturnLog {
  private next = 0;
  private readonly append: (text: string) => void;

  /**
   * `append` takes one whole line, for example `(text) => fs.appendFileSync("agent.jsonl", text)`. `also` names the
   * optional kinds of line that this agent writes whenever they happen; `ordered`: it writes `queued` lines in the order
   * of the queue; `promises`: what it promises its users, if that is less than everything, for example
   * `{ cancel: "turn" }`.
   */
  constructor(
    append: (text: string) => void,
    agent: string,
    also: string[] = [],
    ordered = false,
    promises: { cancel?: string; busy?: string; folds?: boolean } = {},
  ) {
    this.append = append;
    this.put({ schema: "everyturn/log/1", agent, kinds: [...required, ...also], sequence: "log", ordered, promises });
  }

  /** Writes one line; its time and sequence are filled in. */
  write(line: Line): void {
    this.put({ ...line, time: Date.now() / 1000, sequence: this.next++ });
  }

  private put(value: object): void {
    try {
      this.append(JSON.stringify(value) + "\n");
    } catch {
      // A log must not stop the agent.
    }
  }
}
