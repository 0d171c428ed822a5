package migrate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/happn-host/happn-host/datastore"
)

// checkpointFolder is where a target keeps how far copies got. It is in the
// target, so that what was copied and the note about it come and go together.
const checkpointFolder = "/_SYSTEM/_MIGRATION/"

// indexFolder is where a collection of MongoDB keeps which indexes it has.
const indexFolder = "/_SYSTEM/INDEXES/"

// isOwn reports whether a path is that of what a store notes about itself, which
// would not be true in another one.
func isOwn(path string) bool {
	return strings.HasPrefix(path, checkpointFolder) || strings.HasPrefix(path, indexFolder)
}

// checkpoint is how far a copy got.
type checkpoint struct {
	Source    string `json:"source"`
	Documents int64  `json:"documents"`        // that are finished with, from the start of the source
	Digest    string `json:"digest,omitempty"` // of those, when the source has no Sum
}

// checkpoints keeps the one of a copy. Without an Origin.Sum it holds only if the
// source still begins with the same documents, which a digest tells; without an
// order there is none: what comes first is not known to be what came first before.
type checkpoints struct {
	target Target
	path   string     // "" if there is none
	was    checkpoint // what an earlier run left
	at     checkpoint // how far this one got
	digest *digest    // nil with a Sum
	saved  time.Time
}

// saveEvery is how often a checkpoint is saved.
const saveEvery = time.Second

func newCheckpoints(o Options) *checkpoints {
	origin := o.Source.Origin()
	c := &checkpoints{target: o.Target, at: checkpoint{Source: origin.Name}, saved: time.Now()}
	identity := origin.Sum
	if identity == "" && origin.Ordered {
		identity = origin.Kind + "\n" + origin.Name
		c.digest = newDigest()
	}
	if identity != "" {
		// Another selection or policy is another copy.
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%q\n%q\n%s", identity, o.Only, o.Exclude, o.OnConflict))
		c.path = checkpointFolder + hex.EncodeToString(sum[:16])
	}
	return c
}

// load reads how far an earlier run got.
func (c *checkpoints) load(ctx context.Context) error {
	if c.path == "" {
		return nil
	}
	doc, err := c.target.Get(ctx, []byte(c.path))
	if err != nil || doc == nil {
		return err
	}
	if err := json.Unmarshal(doc.Data, &c.was); err != nil || c.was.Documents < 0 {
		return fmt.Errorf("the document %s does not say how far the copy got; remove it", c.path)
	}
	return nil
}

// forget goes back to the start.
func (c *checkpoints) forget() { c.was = checkpoint{} }

// begin is called before a walk through the source.
func (c *checkpoints) begin() {
	if c.digest != nil {
		c.digest = newDigest()
	}
}

// passes is called for each document of the source, with its number. It returns
// errAnew when those up to this one are not what an earlier run had finished with.
func (c *checkpoints) passes(n int64, item *Item) error {
	if c.digest == nil {
		return nil
	}
	c.digest.add(item)
	if n == c.was.Documents && c.digest.String() != c.was.Digest {
		return errAnew
	}
	return nil
}

// passed is called at the end of a walk through n documents.
func (c *checkpoints) passed(n int64) error {
	if c.digest != nil && n < c.was.Documents {
		return errAnew
	}
	return nil
}

// reach notes that the documents up to the n-th, which passes has seen last, are
// finished with, and saves that unless it was done a moment ago.
func (c *checkpoints) reach(ctx context.Context, n int64) error {
	c.at.Documents = n
	if c.digest != nil {
		c.at.Digest = c.digest.String()
	}
	if time.Since(c.saved) < saveEvery {
		return nil
	}
	return c.save(ctx)
}

// save stores how far the copy got.
func (c *checkpoints) save(ctx context.Context) error {
	if c.path == "" {
		return nil
	}
	data, err := json.Marshal(c.at)
	if err != nil {
		return err
	}
	c.saved = time.Now()
	now := c.saved.UnixMilli()
	return c.target.Import(ctx, []*datastore.Document{{Path: c.path, Data: data, Created: now, Modified: now}})
}

// removed receives the answer of a removal.
type removed chan error

// Removed implements datastore.Removed.
func (r removed) Removed(_ int, err error) { r <- err }

// clear removes the checkpoint of a copy that is complete.
func (c *checkpoints) clear(ctx context.Context) error {
	c.forget()
	if c.path == "" {
		return nil
	}
	done := make(removed, 1)
	c.target.Remove(ctx, &datastore.Query{Pattern: []byte(c.path)}, done)
	return <-done
}
