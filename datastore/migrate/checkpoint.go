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

// checkpoint is how far a copy got.
type checkpoint struct {
	Source    string `json:"source"`
	Documents int64  `json:"documents"` // that are finished with, from the start of the source
}

// checkpoints keeps the one of a copy. Without an Origin.Sum there is none: what
// comes first in the source is not known to be what came first before.
type checkpoints struct {
	target Target
	path   string
	source string
	saved  time.Time
}

// saveEvery is how often a checkpoint is saved.
const saveEvery = time.Second

func newCheckpoints(o Options) *checkpoints {
	origin := o.Source.Origin()
	c := &checkpoints{target: o.Target, source: origin.Name, saved: time.Now()}
	if origin.Sum != "" {
		// Another selection or policy is another copy.
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\n%q\n%q\n%s", origin.Sum, o.Only, o.Exclude, o.OnConflict))
		c.path = checkpointFolder + hex.EncodeToString(sum[:16])
	}
	return c
}

// load returns how many documents are finished with.
func (c *checkpoints) load(ctx context.Context) (int64, error) {
	if c.path == "" {
		return 0, nil
	}
	doc, err := c.target.Get(ctx, []byte(c.path))
	if err != nil || doc == nil {
		return 0, err
	}
	var was checkpoint
	if err := json.Unmarshal(doc.Data, &was); err != nil || was.Documents < 0 {
		return 0, fmt.Errorf("the document %s does not say how far the copy got; remove it", c.path)
	}
	return was.Documents, nil
}

// save notes how many documents are finished with.
func (c *checkpoints) save(ctx context.Context, documents int64) error {
	if c.path == "" {
		return nil
	}
	now := time.Now()
	data, err := json.Marshal(checkpoint{c.source, documents})
	if err != nil {
		return err
	}
	c.saved = now
	return c.target.Import(ctx, []*datastore.Document{
		{Path: c.path, Data: data, Created: now.UnixMilli(), Modified: now.UnixMilli()},
	})
}

// saveSometimes is save, unless that was done a moment ago.
func (c *checkpoints) saveSometimes(ctx context.Context, documents int64) error {
	if time.Since(c.saved) < saveEvery {
		return nil
	}
	return c.save(ctx, documents)
}

// removed receives the answer of a removal.
type removed chan error

// Removed implements datastore.Removed.
func (r removed) Removed(_ int, err error) { r <- err }

// clear removes the checkpoint of a copy that is complete.
func (c *checkpoints) clear(ctx context.Context) error {
	if c.path == "" {
		return nil
	}
	done := make(removed, 1)
	c.target.Remove(ctx, &datastore.Query{Pattern: []byte(c.path)}, done)
	return <-done
}

// isCheckpoint reports whether a path is that of a checkpoint: those of the
// source are not copied.
func isCheckpoint(path string) bool { return strings.HasPrefix(path, checkpointFolder) }
