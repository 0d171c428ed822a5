//go:build !wasip1

package sdktest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

// callTimeout bounds what a plugin waits for in one call to the host.
const callTimeout = 10 * time.Second

// world is a host that keeps its documents in memory, which the plugin reaches
// as its operator's file lets it, and the test as an administrator.
type world struct {
	host   *host.Host
	client *client.Client
	actor  plugin.Actor // of a plugin that runs natively; nil before it is needed

	mu    sync.Mutex
	known map[string]string // sessions that tests have made up, by id
}

// know lets plugins find a session.
func (w *world) know(id, record string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known == nil {
		w.known = map[string]string{}
	}
	w.known[id] = record
}

// services are the host's, with the sessions that the test has made up.
type services struct {
	plugin.Services
	world *world
}

// Session implements plugin.Services.
func (s services) Session(id string) []byte {
	s.world.mu.Lock()
	defer s.world.mu.Unlock()
	if record, ok := s.world.known[id]; ok {
		return []byte(record)
	}
	return s.Services.Session(id)
}

func newWorld(t testing.TB) *world {
	t.Helper()
	c := config.Default()
	c.Port, c.Data.Durability, c.Data.Dir, c.Plugins.Dir = 0, "none", "", ""
	h, err := host.New(host.Options{Config: c, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), callTimeout)
		defer cancel()
		if err := h.Stop(ctx); err != nil {
			t.Error(err)
		}
	})
	w := &world{host: h}
	if w.client, err = h.LocalClient(context.Background(), client.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.client.Close() })
	return w
}

// enter opens what the plugin of a manifest does natively in the host.
func (w *world) enter(t testing.TB, m *manifest.Manifest) {
	t.Helper()
	actor, err := w.host.PluginServices().Open(plugin.Identity{Plugin: m.Name, Permissions: m.Permissions})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(actor.Close)
	w.actor = actor
}

// native implements hostcall.World for a plugin that runs in this process.
type nativeWorld struct {
	*world
	manifest *manifest.Manifest
}

// failure is an error as a plugin sees it.
func failure(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: %w", plugin.Errno(err), err)
}

func within() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), callTimeout)
}

func (w nativeWorld) Get(rec, doc *abi.Record) error {
	ctx, cancel := within()
	defer cancel()
	found, err := w.actor.Get(ctx, rec.Path, rec.Options, doc)
	if err == nil && !found {
		return abi.ErrnoNotFound
	}
	return failure(err)
}

func (w nativeWorld) Find(rec *abi.Record, yield func(doc *abi.Record) bool) error {
	ctx, cancel := within()
	defer cancel()
	return failure(w.actor.Find(ctx, rec.Path, rec.Options, yield))
}

func (w nativeWorld) Count(rec *abi.Record) (int, error) {
	ctx, cancel := within()
	defer cancel()
	n, err := w.actor.Count(ctx, rec.Path, rec.Options)
	return n, failure(err)
}

func (w nativeWorld) Set(rec *abi.Record) error {
	ctx, cancel := within()
	defer cancel()
	return failure(w.actor.Set(ctx, rec.Path, rec.Data, rec.Options, rec.Flags&abi.FlagNoWait == 0))
}

func (w nativeWorld) Publish(rec *abi.Record) error {
	if !w.granted(manifest.GrantPublish) {
		return abi.ErrnoDenied
	}
	ctx, cancel := within()
	defer cancel()
	return failure(w.actor.Publish(ctx, rec.Path, rec.Data, rec.Options))
}

func (w nativeWorld) Remove(rec *abi.Record) (int, error) {
	ctx, cancel := within()
	defer cancel()
	n, err := w.actor.Remove(ctx, rec.Path, rec.Options, rec.Flags&abi.FlagNoWait == 0)
	return n, failure(err)
}

// Call finds nobody: there are no other plugins in a test.
func (w nativeWorld) Call(*abi.Record) ([]byte, error) { return nil, abi.ErrnoNotFound }

func (w nativeWorld) Session(id []byte) ([]byte, error) {
	if !w.granted(manifest.GrantSessions) {
		return nil, abi.ErrnoDenied
	}
	all := services{w.host.PluginServices(), w.world}
	if s := all.Session(string(id)); s != nil {
		return s, nil
	}
	return nil, abi.ErrnoNotFound
}

func (w nativeWorld) granted(g manifest.Grant) bool {
	for _, have := range w.manifest.Grants {
		if have == g {
			return true
		}
	}
	return false
}

var errNoHook = errors.New("the plugin has no such hook; see hooks in its manifest")
