// Writes everyturn/log/1: what an agent's dispatcher does, for `everyturn validate`. One file, no dependencies.
//
// Copy it into your project. Which line is written when is in docs/instrumentation.md. It never throws into the agent:
// what cannot be written leaves a gap in the sequence, which the judge sees.

export type Outcome = "finished" | "failed" | "cancelled";

export interface Line {
  kind: string;
  session: string;
  prompt?: string;
  run_id?: string;
  thread?: string;
  turn?: string;
  outcome?: Outcome;
  owner?: string;
  operation?: string;
}

export class EveryturnLog {
  private next = 0;
  private readonly append: (text: string) => void;

  /** `append` takes one whole line, for example `(text) => fs.appendFileSync("agent.jsonl", text)`. */
  constructor(append: (text: string) => void, agent: string) {
    this.append = append;
    this.put({ schema: "everyturn/log/1", agent, sequence: "log" });
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
