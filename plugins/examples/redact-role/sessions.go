package main

import "time"

// sessions remembers what sessions see, for a while and for a number of them.
type sessions struct {
	most     int // in each of the two
	remember time.Duration
	// What is asked for moves from the second to the first; when that is full the
	// second is forgotten and the first takes its place.
	first, second map[string]entry
}

type entry struct {
	seen  uint64
	until time.Time
}

func newSessions(most int, remember time.Duration) *sessions {
	return &sessions{most: (most + 1) / 2, remember: remember, first: map[string]entry{}}
}

func (s *sessions) get(id []byte, now time.Time) (seen uint64, ok bool) {
	e, ok := s.first[string(id)]
	if !ok {
		if e, ok = s.second[string(id)]; ok {
			s.add(string(id), e)
		}
	}
	if !ok || !now.Before(e.until) {
		return 0, false
	}
	return e.seen, true
}

func (s *sessions) put(id []byte, seen uint64, now time.Time) {
	s.add(string(id), entry{seen, now.Add(s.remember)})
}

func (s *sessions) add(id string, e entry) {
	if _, there := s.first[id]; !there && len(s.first) >= s.most {
		s.first, s.second = map[string]entry{}, s.first
	}
	s.first[id] = e
}
