package host

import (
	"context"
	"time"

	"github.com/happn-host/happn-host/datastore"
)

// watchStore publishes what others write to the store, if it hears of that,
// until the host begins to stop.
func (h *Host) watchStore() {
	watcher, ok := h.store.(datastore.Watcher)
	if !ok {
		return
	}
	h.working.Go(func() { watcher.Watch(h.jobs, h.external) })
}

// external takes in one change that somebody else made.
func (h *Host) external(c datastore.Change) {
	if !c.Missed {
		h.pipeline.External(c.Path, c.Doc)
		return
	}
	if h.secured == nil {
		return
	}
	ctx, cancel := context.WithTimeout(h.jobs, reloadTimeout)
	defer cancel()
	err := h.secured.directory.Reload(ctx)
	if err == nil {
		err = h.secured.logins.Reload(ctx)
	}
	if err != nil && h.jobs.Err() == nil {
		h.log.Error("access control could not be read again after changes by others that nobody told: "+
			"until the next change or start the host decides by what it knew", "error", err)
	}
}

// reloadTimeout bounds how long reading all of access control may take.
const reloadTimeout = time.Minute
