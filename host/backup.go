package host

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/happn-host/happn-host/datastore"
)

// Errors of Backup.
var (
	// ErrBackupRuns is the answer while another backup is under way: one at a
	// time is enough to read.
	ErrBackupRuns = errors.New("another backup is under way; wait until it is done")
	// ErrNoSuchStore is the answer to a name that no store has. It is wrapped
	// with the names there are.
	ErrNoSuchStore = errors.New("there is no store with this name")
	// ErrNoBackup is the answer of a store that cannot be copied while it runs.
	ErrNoBackup = errors.New("this store cannot be backed up by the host; use the means of its own")
)

// Backup writes a snapshot of one store to w while the host runs: all its
// documents as they are at one moment. The name may be "" when there is one
// store. What has been written is of use only if the error is nil.
func (h *Host) Backup(ctx context.Context, store string, w io.Writer) (datastore.Snapshot, error) {
	s, err := h.storeNamed(store)
	if err != nil {
		return datastore.Snapshot{}, err
	}
	from, ok := s.(datastore.Snapshotter)
	if !ok {
		return datastore.Snapshot{}, ErrNoBackup
	}
	return h.copyOut(ctx, func(ctx context.Context) (datastore.Snapshot, error) { return from.Backup(ctx, w) })
}

// copyOut makes one backup at a time, and none while the host stops.
func (h *Host) copyOut(ctx context.Context, backup func(context.Context) (datastore.Snapshot, error)) (datastore.Snapshot, error) {
	if !h.backup.TryLock() {
		return datastore.Snapshot{}, ErrBackupRuns
	}
	defer h.backup.Unlock()
	ctx, end := h.job(ctx)
	defer end()
	snapshot, err := backup(ctx)
	if err != nil {
		return datastore.Snapshot{}, errors.Join(err, context.Cause(ctx))
	}
	return snapshot, nil
}

// job returns a context that also ends when the host stops.
func (h *Host) job(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	release := context.AfterFunc(h.jobs, func() { cancel(errStopping) })
	return ctx, func() {
		release()
		cancel(nil)
	}
}

var errStopping = errors.New("the host is stopping")

func (h *Host) storeNamed(name string) (datastore.Store, error) {
	var store datastore.Store
	var names []string
	for _, s := range h.stores {
		names = append(names, s.Name)
		if s.Name == name {
			store = s.Store
		}
	}
	if name == "" && len(h.stores) <= 1 {
		store = h.store
	}
	if store == nil {
		return nil, fmt.Errorf("%w (%q); there are: %s", ErrNoSuchStore, name, strings.Join(names, ", "))
	}
	return store, nil
}

// backupPath is where a backup is asked for: POST, with the name of the store
// in the parameter "store", or the id of an archive in "archive".
const backupPath = "/api/v1/backup"

// SnapshotTrailer is the HTTP trailer with the datastore.Snapshot, as JSON, of a
// backup that is complete.
const SnapshotTrailer = "Happn-Snapshot"

// serveBackup streams a backup to an administrator. An answer that breaks off
// is no backup.
func (h *Host) serveBackup(w http.ResponseWriter, r *http.Request) {
	if !h.admits(w, r, http.MethodPost) {
		return
	}
	out := &download{w: w, control: http.NewResponseController(w), timeout: h.config.Websocket.WriteTimeout, jobs: h.jobs}
	defer func() { _ = out.control.SetWriteDeadline(time.Time{}) }() // the next request has its own
	// A peer that has stopped reading must not hold up a stop.
	defer context.AfterFunc(h.jobs, func() { _ = out.control.SetWriteDeadline(time.Unix(1, 0)) })()
	snapshot, err := h.backUp(r, out)
	switch {
	case err == nil:
		text, _ := json.Marshal(snapshot) // numbers, texts and a time cannot fail
		w.Header().Set(SnapshotTrailer, string(text))
	case out.begun:
		h.log.Warn("a backup was not completed", "error", err)
		panic(http.ErrAbortHandler) // breaks the connection off: the peer must not take it for a backup
	default:
		refuse(w, statusOf(err), err)
	}
}

// backUp makes the backup that is asked for.
func (h *Host) backUp(r *http.Request, out io.Writer) (datastore.Snapshot, error) {
	archive := r.URL.Query().Get("archive")
	if archive == "" {
		return h.Backup(r.Context(), r.URL.Query().Get("store"), out)
	}
	id, err := strconv.ParseInt(archive, 10, 64)
	if err != nil {
		return datastore.Snapshot{}, fmt.Errorf("%w: %q", datastore.ErrNoArchive, archive)
	}
	return h.BackupArchive(r.Context(), id, out)
}

// statusOf returns the HTTP status that tells of an error.
func statusOf(err error) int {
	switch {
	case errors.Is(err, ErrNoSuchStore), errors.Is(err, datastore.ErrNoArchive):
		return http.StatusNotFound
	case errors.Is(err, ErrBackupRuns), errors.Is(err, ErrArchiveRuns):
		return http.StatusConflict
	case errors.Is(err, ErrNoBackup), errors.Is(err, ErrNoArchives), errors.Is(err, ErrNoCompaction), errors.Is(err, errors.ErrUnsupported):
		return http.StatusNotImplemented
	}
	return http.StatusServiceUnavailable
}

// download is the body of a backup. Each write has the time that a write to a
// websocket client has.
type download struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
	jobs    context.Context
	begun   bool
}

// Write implements io.Writer.
func (d *download) Write(p []byte) (int, error) {
	if !d.begun {
		d.begun = true
		d.w.Header().Set("Content-Type", "application/octet-stream")
		d.w.Header().Set("Trailer", SnapshotTrailer)
		d.w.WriteHeader(http.StatusOK)
	}
	_ = d.control.SetWriteDeadline(time.Now().Add(d.timeout)) // without it a write only waits longer
	if d.jobs.Err() != nil {                                  // after the deadline, which would replace that of the stop
		return 0, errStopping
	}
	return d.w.Write(p)
}

// admits reports whether an administrator asks by one of the methods, and
// otherwise refuses.
func (h *Host) admits(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if !slices.Contains(methods, r.Method) {
		w.Header().Set("Allow", strings.Join(methods, ", "))
		refuse(w, http.StatusMethodNotAllowed, errors.New("ask with "+strings.Join(methods, " or ")))
		return false
	}
	if err := h.administrative(r); err != nil {
		refuse(w, http.StatusForbidden, err)
		return false
	}
	return true
}

func refuse(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

// administrative reports why a request does not come from an administrator. On
// a host with access control the permissions of its token have said that it
// does. On one without, that is whoever has an account on this machine:
// the host must listen on loopback only, and neither a web page nor a proxy may
// be what asks.
func (h *Host) administrative(r *http.Request) error {
	if h.secured != nil {
		return nil
	}
	const only = "only a program on the host's own machine may ask for this, and only while the host listens on a loopback address"
	if tcp, ok := h.listener.Addr().(*net.TCPAddr); !ok || !tcp.IP.IsLoopback() {
		return errors.New(only + "; it listens on " + h.listener.Addr().String())
	}
	if peer, err := netip.ParseAddrPort(r.RemoteAddr); err != nil || !peer.Addr().Unmap().IsLoopback() {
		return errors.New(only)
	}
	if !loopbackName(r.Host) {
		return fmt.Errorf("%s; it must be called 127.0.0.1, [::1] or localhost, not %q", only, r.Host)
	}
	for _, name := range []string{"Origin", "Sec-Fetch-Site", "Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via"} {
		if r.Header.Get(name) != "" {
			return fmt.Errorf("%s; the header %s tells of a web page or a proxy", only, name)
		}
	}
	return nil
}

// loopbackName reports whether a Host header names this machine. Another name
// may have been made to lead here by whoever serves a web page.
func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	addr, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return strings.EqualFold(host, "localhost") || err == nil && addr.IsLoopback()
}
