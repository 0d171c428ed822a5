package frames

import (
	"maps"
	"regexp"
	"sort"
	"strings"
)

// tokens pairs the opaque names of the recording (session ids, subscription
// references, heartbeat times) with those of this run, one to one.
type tokens struct {
	live     map[string]string // recorded -> live
	recorded map[string]string // live -> recorded
}

func newTokens() *tokens {
	return &tokens{live: map[string]string{}, recorded: map[string]string{}}
}

// pair learns that recorded stands for live, or reports that one of them
// already stands for something else.
func (k *tokens) pair(recorded, live string) bool {
	l, haveLive := k.live[recorded]
	r, haveRecorded := k.recorded[live]
	if !haveLive && !haveRecorded {
		k.live[recorded], k.recorded[live] = live, recorded
		return true
	}
	return l == live && r == recorded
}

// toLive puts the names of this run into a frame that is to be sent.
func (k *tokens) toLive(frame string) string { return rename(frame, k.live) }

// toRecorded puts the names of the recording into a frame that came.
func (k *tokens) toRecorded(frame string) string { return rename(frame, k.recorded) }

func rename(frame string, to map[string]string) string {
	names := make([]string, 0, len(to))
	for name := range to {
		names = append(names, name)
	}
	// Longest first: a reference may be the beginning of another one.
	sort.Slice(names, func(i, j int) bool { return len(names[i]) > len(names[j]) })
	pairs := make([]string, 0, 2*len(names))
	for _, name := range names {
		pairs = append(pairs, name, to[name])
	}
	return strings.NewReplacer(pairs...).Replace(frame)
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)

// sameText compares two strings that may hold session ids, which it pairs.
func (k *tokens) sameText(recorded, live string) bool {
	r, l := uuid.FindAllString(recorded, -1), uuid.FindAllString(live, -1)
	if len(r) != len(l) || uuid.ReplaceAllString(recorded, "#") != uuid.ReplaceAllString(live, "#") {
		return false
	}
	for i := range r {
		if !k.pair(r[i], l[i]) {
			return false
		}
	}
	return true
}

func (k *tokens) copy() *tokens {
	return &tokens{live: maps.Clone(k.live), recorded: maps.Clone(k.recorded)}
}
