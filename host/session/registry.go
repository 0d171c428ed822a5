package session

import (
	"hash/maphash"
	"sync"
	"sync/atomic"
)

// registryShards spreads the registry's locks; a power of two.
const registryShards = 32

// Registry holds the sessions that are open. The zero value is not usable; see
// NewRegistry.
type Registry struct {
	seed   maphash.Seed
	count  atomic.Int64
	shards [registryShards]struct {
		mu       sync.RWMutex
		sessions map[string]*Session
	}
}

// NewRegistry returns an empty registry.
func NewRegistry() *Registry {
	r := &Registry{seed: maphash.MakeSeed()}
	for i := range r.shards {
		r.shards[i].sessions = make(map[string]*Session)
	}
	return r
}

// Open makes a session over link and registers it.
func (r *Registry) Open(link Link, origin Origin) *Session {
	s := newSession(link, origin)
	shard := &r.shards[maphash.String(r.seed, s.ID)%registryShards]
	shard.mu.Lock()
	shard.sessions[s.ID] = s
	shard.mu.Unlock()
	if !origin.Internal {
		r.count.Add(1)
	}
	return s
}

// End unregisters a session whose connection has ended. It reports false if
// that was done before.
func (r *Registry) End(s *Session) bool {
	if s.closed.Swap(true) {
		return false
	}
	shard := &r.shards[maphash.String(r.seed, s.ID)%registryShards]
	shard.mu.Lock()
	delete(shard.sessions, s.ID)
	shard.mu.Unlock()
	if !s.Origin.Internal {
		r.count.Add(-1)
	}
	return true
}

// Get returns the open session with this id, or nil.
func (r *Registry) Get(id string) *Session {
	shard := &r.shards[maphash.String(r.seed, id)%registryShards]
	shard.mu.RLock()
	defer shard.mu.RUnlock()
	return shard.sessions[id]
}

// Count returns the number of open sessions of clients.
func (r *Registry) Count() int { return int(r.count.Load()) }

// Each calls f for the sessions open at some time during the call, in no order.
// f may open and end sessions.
func (r *Registry) Each(f func(*Session)) {
	for i := range r.shards {
		shard := &r.shards[i]
		shard.mu.RLock()
		sessions := make([]*Session, 0, len(shard.sessions))
		for _, s := range shard.sessions {
			sessions = append(sessions, s)
		}
		shard.mu.RUnlock()
		for _, s := range sessions {
			f(s)
		}
	}
}
