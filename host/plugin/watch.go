package plugin

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/happn-host/happn-host/host/plugin/folder"
)

// watch is what the watching goroutine knows.
type watch struct {
	*Manager
	quiet *time.Timer
	asked []chan struct{} // to be closed when the folder has been read
}

// watch reads the folder again whenever it has changed and been quiet for a
// while, until ctx ends.
func (m *Manager) watch(ctx context.Context) {
	w := watch{Manager: m, quiet: time.NewTimer(time.Hour)}
	defer w.quiet.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case event, ok := <-m.watcher.Events:
			if !ok {
				return
			}
			if m.concerns(event.Name) {
				w.soon()
			}
		case err, ok := <-m.watcher.Errors:
			if !ok {
				return
			}
			// Events may have been lost: look at everything.
			m.log.Warn("watching the plugins folder", "error", err)
			w.soon()
		case <-m.nudged:
			w.soon()
		case read := <-m.rescan:
			w.asked = append(w.asked, read)
			w.scan()
		case <-w.quiet.C:
			w.scan()
		}
	}
}

// soon has the folder read when it has been quiet for a while.
func (w *watch) soon() {
	w.unsettle()
	w.quiet.Reset(w.options.Settle)
}

// scan reads the folder, and again after a while if some file was still being
// written to.
func (w *watch) scan() {
	w.unsettle()
	w.quiet.Stop()
	if w.Manager.scan() {
		w.quiet.Reset(w.options.Settle)
		return
	}
	w.settle()
	for _, read := range w.asked {
		close(read)
	}
	w.asked = nil
}

// nudge has the watcher read the folder soon. It never waits.
func (m *Manager) nudge() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.poke()
}

// poke is nudge for who holds m.mu.
func (m *Manager) poke() {
	m.dirty = true
	m.restless()
	select {
	case m.nudged <- struct{}{}:
	default:
	}
}

// concerns reports whether a change of this file can change a plugin. A folder
// mounted in one piece changes by links whose names say nothing, so links count.
func (m *Manager) concerns(name string) bool {
	base := filepath.Base(name)
	return strings.HasSuffix(base, ".wasm") || strings.HasSuffix(base, ".yaml") || strings.HasPrefix(base, "..")
}

// scan has everything in the folder looked at, and what is gone from it. It
// reports whether some file was still changing.
func (m *Manager) scan() (changing bool) {
	files, err := folder.Modules(m.options.Dir)
	if err != nil {
		m.log.Error("plugins folder cannot be read; plugins stay as they are", "dir", m.options.Dir, "error", err)
		return false
	}
	for _, file := range m.missing(files) { // first, since their names may be wanted
		m.look(file)
	}
	for _, file := range files {
		m.know(file)
	}
	for _, file := range files {
		changing = m.look(file) || changing
	}
	return changing
}
