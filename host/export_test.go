package host

import (
	"iter"

	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/session"
)

// Pipeline is where tests open what plugins open.
func (h *Host) Pipeline() *pipeline.Pipeline { return h.pipeline }

// Sessions are those of this moment.
func (h *Host) Sessions() iter.Seq[*session.Session] {
	return func(yield func(*session.Session) bool) { h.sessions.Each(func(s *session.Session) { yield(s) }) }
}
