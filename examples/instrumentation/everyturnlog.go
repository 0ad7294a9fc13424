// Package everyturnlog writes everyturn/log/1: what an agent's dispatcher does, for "everyturn validate".
//
// Copy it into your project. Which line is written when is in docs/instrumentation.md. It may be used from any
// goroutine, and it never fails into the agent: what cannot be written leaves a gap in the sequence, which the judge sees.
package everyturnlog

import (
	"encoding/json"
	"io"
	"sync"
	"time"
)

// Line is one line of the log; empty fields are left out.
type Line struct {
	Kind      string    `json:"kind"`
	Session   string    `json:"session"`
	Time      float64   `json:"time"`
	Sequence  int64     `json:"sequence"`
	Prompt    string    `json:"prompt,omitempty"`
	RunID     string    `json:"run_id,omitempty"`
	Thread    string    `json:"thread,omitempty"`
	Turn      string    `json:"turn,omitempty"`
	Outcome   string    `json:"outcome,omitempty"`
	How       string    `json:"how,omitempty"`
	Owner     string    `json:"owner,omitempty"`
	Operation string    `json:"operation,omitempty"`
	Reason    string    `json:"reason,omitempty"`
	By        string    `json:"by,omitempty"`
	Snapshot  *Snapshot `json:"snapshot,omitempty"`
}

// Snapshot is the session's shared data at rest.
type Snapshot struct {
	Busy         bool     `json:"busy,omitempty"`
	Queue        []string `json:"queue,omitempty"`
	Reservations int      `json:"reservations,omitempty"`
	Mark         int64    `json:"mark,omitempty"`
}

// Header says what the log is. Also names the optional kinds of line that this agent writes whenever they happen;
// Ordered: it writes "queued" lines in the order of the queue. Promises: what it promises its users, if that is less
// than everything, for example {"cancel": "turn"}.
type Header struct {
	Agent    string
	Also     []string
	Ordered  bool
	Promises map[string]any
}

// required are the kinds of line without which most invariants cannot be judged.
var required = []string{
	"submit", "queued", "started", "ended", "folded", "dropped", "told", "cancel_call", "cancel_return", "rest",
}

// Log writes lines to one writer, in the order of its sequence.
type Log struct {
	mu   sync.Mutex
	out  io.Writer
	next int64
}

// New writes a header and returns the log. The writer should append, and not buffer.
func New(out io.Writer, agent string) *Log {
	return NewWith(out, Header{Agent: agent})
}

// NewWith is New, with more in the header.
func NewWith(out io.Writer, header Header) *Log {
	promises := header.Promises
	if promises == nil {
		promises = map[string]any{}
	}
	line, _ := json.Marshal(map[string]any{
		"schema":   "everyturn/log/1",
		"agent":    header.Agent,
		"kinds":    append(append([]string{}, required...), header.Also...),
		"sequence": "log",
		"ordered":  header.Ordered,
		"promises": promises,
	})
	_, _ = out.Write(append(line, '\n'))
	return &Log{out: out}
}

// Write writes one line; its time and sequence are filled in.
func (l *Log) Write(line Line) {
	l.mu.Lock()
	defer l.mu.Unlock()
	line.Time, line.Sequence = float64(time.Now().UnixNano())/1e9, l.next
	l.next++
	if text, err := json.Marshal(line); err == nil {
		_, _ = l.out.Write(append(text, '\n'))
	}
}
