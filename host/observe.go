package host

import (
	"context"
	"strings"
	"time"
)

// observeTimeout bounds how long the directory may take to read a document that a
// client has changed, or another server. The client waits for its answer meanwhile.
const observeTimeout = 10 * time.Second

// observe has access control take in what a client with a grant, or another server,
// has changed below /_SYSTEM. The path is a pattern where documents were removed by one. A token
// whose revocation went by a pattern stays revoked until the host starts again.
func (h *Host) observe(path string) {
	ctx, cancel := context.WithTimeout(context.Background(), observeTimeout)
	defer cancel()
	err := h.secured.directory.Observe(ctx, path)
	if err == nil && !strings.Contains(path, "*") {
		err = h.observeLogins(ctx, path)
	}
	if err != nil {
		h.log.Error("a document of access control was changed, which could not be read again: "+
			"until the next change or start the host decides by what it knew", "path", path, "error", err)
	}
}

func (h *Host) observeLogins(ctx context.Context, path string) error {
	doc, err := h.store.Get(ctx, []byte(path))
	if err != nil {
		return err
	}
	return h.secured.logins.Observe([]byte(path), doc)
}
