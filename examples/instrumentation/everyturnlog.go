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
	Kind      string  `json:"kind"`
	Session   string  `json:"session"`
	Time      float64 `json:"time"`
	Sequence  int64   `json:"sequence"`
	Prompt    string  `json:"prompt,omitempty"`
	RunID     string  `json:"run_id,omitempty"`
	Thread    string  `json:"thread,omitempty"`
	Turn      string  `json:"turn,omitempty"`
	Outcome   string  `json:"outcome,omitempty"`
	Owner     string  `json:"owner,omitempty"`
	Operation string  `json:"operation,omitempty"`
}

// Log writes lines to one writer, in the order of its sequence.
type Log struct {
	mu   sync.Mutex
	out  io.Writer
	next int64
}

// New writes the header and returns the log. The writer should append, and not buffer.
func New(out io.Writer, agent string) *Log {
	header, _ := json.Marshal(map[string]string{"schema": "everyturn/log/1", "agent": agent, "sequence": "log"})
	_, _ = out.Write(append(header, '\n'))
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
