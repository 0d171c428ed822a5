package hook

import (
	"slices"

	"github.com/happn-host/happn-host/host/plugin/object"
)

// Service says which services a plugin offers to others.
type Service struct {
	// Names are the services, such as geo.lookup.
	Names []string
	// Callers are the plugins that may call them; "*" is any. Only an operator's
	// file sets it.
	Callers []string
}

func readService(t *object.Reader) *Service {
	s := &Service{}
	s.Names, _ = t.Texts("names")
	s.Callers, _ = t.Texts("callers")
	return s
}

// with returns s with what the operator says.
func (s *Service) with(o *Service) *Service {
	if s == nil {
		return nil
	}
	out := &Service{Names: s.Names}
	if o != nil {
		out.Callers = o.Callers
		if o.Names != nil {
			out.Names = o.Names
		}
	}
	return out
}

// Admits reports whether a plugin may call.
func (s *Service) Admits(caller string) bool {
	return slices.Contains(s.Callers, "*") || slices.Contains(s.Callers, caller)
}
