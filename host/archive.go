package host

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/datastore"
)

// Errors of Archive and Compact.
var (
	// ErrArchiveRuns is the answer while another archive is made.
	ErrArchiveRuns = errors.New("another archive is being made; wait until it is done")
	// ErrNoArchives is the answer of a store that makes no archives.
	ErrNoArchives = errors.New("this store makes no archives")
	// ErrNoCompaction is the answer of a store that has nothing to compact.
	ErrNoCompaction = errors.New("this store cannot be compacted by the host; use the means of its own")
)

// StoreArchive is an archive of one of the stores.
type StoreArchive struct {
	Store string `json:"store"` // "" for one that the embedder supplied
	datastore.Archive
}

// ownPaths are those of the host's own documents. They are never archived.
const ownPaths = "/_SYSTEM/"

// notOwn is a filter for what is not the host's.
type notOwn struct{}

func (notOwn) Match(doc *datastore.Document) bool { return !strings.HasPrefix(doc.Path, ownPaths) }
func (notOwn) Source() []byte                     { return []byte(`{"path":{"$not":{"$regex":"^/_SYSTEM/"}}}`) }

// Archive moves the documents of one store that the pattern covers, as they are
// at one moment, into a new archive of that store, while the host runs; nobody is
// told by a publication. Clients read the archive by its id. An empty pattern is
// "*", every document but the host's own below /_SYSTEM, which always stay. The
// name may be "" when there is one store. No two archives of a host have one id.
func (h *Host) Archive(ctx context.Context, store, pattern string) (StoreArchive, error) {
	s, err := h.storeNamed(store)
	if err != nil {
		return StoreArchive{}, err
	}
	archiver, ok := s.(datastore.Archiver)
	if !ok {
		return StoreArchive{}, ErrNoArchives
	}
	if !h.archive.TryLock() {
		return StoreArchive{}, ErrArchiveRuns
	}
	defer h.archive.Unlock()
	if pattern == "" {
		pattern = "*"
	}
	var last int64 // of all stores
	for _, s := range h.stores {
		if a, ok := s.Store.(interface{ LastArchive() int64 }); ok {
			last = max(last, a.LastArchive())
		}
	}
	ctx, end := h.job(ctx)
	defer end()
	a, err := archiver.Archive(ctx, &datastore.Query{Pattern: []byte(pattern), Filter: notOwn{}}, last)
	return StoreArchive{h.nameOf(store), a}, err
}

// nameOf returns the name of the store that may be called "".
func (h *Host) nameOf(store string) string {
	if store == "" && len(h.stores) == 1 {
		return h.stores[0].Name
	}
	return store
}

// Archives lists the archives of all stores.
func (h *Host) Archives(ctx context.Context) ([]StoreArchive, error) {
	list := []StoreArchive{} // an empty list in JSON, not null
	for name, archives := range h.archivers() {
		all, err := archives.ListArchives(ctx)
		if err != nil {
			return nil, err
		}
		for _, a := range all {
			list = append(list, StoreArchive{name, a})
		}
	}
	return list, nil
}

// archivers calls yield for each store that makes archives, with its name.
func (h *Host) archivers() func(yield func(string, datastore.Archiver) bool) {
	return func(yield func(string, datastore.Archiver) bool) {
		for _, s := range h.stores {
			if a, ok := s.Store.(datastore.Archiver); ok && !yield(s.Name, a) {
				return
			}
		}
		if a, ok := h.store.(datastore.Archiver); ok && len(h.stores) == 0 {
			yield("", a)
		}
	}
}

// keeper returns the store that keeps an archive.
func (h *Host) keeper(ctx context.Context, id int64) (datastore.Archiver, error) {
	for _, archives := range h.archivers() {
		if _, err := archives.OpenArchive(ctx, id); !errors.Is(err, datastore.ErrNoArchive) {
			return archives, err
		}
	}
	return nil, datastore.ErrNoArchive
}

// DropArchive removes an archive and its documents for good.
func (h *Host) DropArchive(ctx context.Context, id int64) error {
	from, err := h.keeper(ctx, id)
	if err != nil {
		return err
	}
	return from.DropArchive(ctx, id)
}

// BackupArchive is Backup for the documents of an archive.
func (h *Host) BackupArchive(ctx context.Context, id int64, w io.Writer) (datastore.Snapshot, error) {
	from, err := h.keeper(ctx, id)
	if err != nil {
		return datastore.Snapshot{}, err
	}
	return h.copyOut(ctx, func(ctx context.Context) (datastore.Snapshot, error) { return from.BackupArchive(ctx, id, w) })
}

// compacter is a store that can give back the space of what it no longer holds.
type compacter interface {
	Compact(ctx context.Context) error
}

// Compact makes one store give back the space of what was overwritten and
// removed, while it runs. The name may be "" when there is one store.
func (h *Host) Compact(ctx context.Context, store string) error {
	s, err := h.storeNamed(store)
	if err != nil {
		return err
	}
	c, ok := s.(compacter)
	if !ok {
		return ErrNoCompaction
	}
	ctx, end := h.job(ctx)
	defer end()
	return c.Compact(ctx)
}

// Where archives and compactions are asked for. GET lists the archives; POST makes
// one, with the parameters "store" and "path", a pattern; DELETE drops the one
// with the "id". A compaction is a POST with "store".
const (
	archivePath = "/api/v1/archive"
	compactPath = "/api/v1/compact"
)

// serveArchives answers an administrator.
func (h *Host) serveArchives(w http.ResponseWriter, r *http.Request) {
	if !h.admits(w, r, http.MethodGet, http.MethodPost, http.MethodDelete) {
		return
	}
	var answer any
	var err error
	asked := r.URL.Query()
	switch r.Method {
	case http.MethodGet:
		answer, err = h.Archives(r.Context())
	case http.MethodPost:
		answer, err = h.Archive(r.Context(), asked.Get("store"), asked.Get("path"))
	case http.MethodDelete:
		id, failure := strconv.ParseInt(asked.Get("id"), 10, 64)
		if failure != nil {
			refuse(w, http.StatusBadRequest, errors.New("name the archive with the parameter id, a number"))
			return
		}
		answer, err = map[string]int64{"dropped": id}, h.DropArchive(r.Context(), id)
	}
	respond(w, answer, err)
}

// serveCompaction answers an administrator.
func (h *Host) serveCompaction(w http.ResponseWriter, r *http.Request) {
	if !h.admits(w, r, http.MethodPost) {
		return
	}
	err := h.Compact(r.Context(), r.URL.Query().Get("store"))
	respond(w, map[string]bool{"compacted": true}, err)
}

// respond answers with what was done, or with why it was not.
func respond(w http.ResponseWriter, done any, err error) {
	if err != nil {
		refuse(w, statusOf(err), err)
		return
	}
	writeJSON(w, http.StatusOK, done)
}
