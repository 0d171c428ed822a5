package memory

import (
	"context"
	"errors"
	"fmt"
)

// Compact rewrites the folder's files without what has been overwritten and
// removed; logs keep their size, since they are used again. Requests are served meanwhile; Close waits for it.
func (s *Store) Compact(ctx context.Context) error {
	if err := s.live(); err != nil || s.journal == nil {
		return err
	}
	if err := s.journal.settle(ctx); err != nil {
		return errors.Join(s.live(), err)
	}
	d := s.journal.disk
	if err := d.use(func() error { return d.db.Compact(ctx, []byte{0}, []byte{0xff}, false) }); err != nil {
		return fmt.Errorf("compacting the data folder %s: %w", d.dir, errors.Join(s.live(), err))
	}
	return nil
}

// use runs a long call into pebble beside the commits; pebble stays open until
// it returns.
func (d *disk) use(call func() error) error {
	d.users.RLock()
	defer d.users.RUnlock()
	if d.closed {
		return errStopped
	}
	return call()
}

// settle waits until everything queued so far is committed.
func (j *journal) settle(ctx context.Context) error {
	done := make(settled, 1)
	if !j.enqueue(record{removed: done}) {
		return errStopped
	}
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settled is told that its turn has come.
type settled chan error

// Removed implements datastore.Removed.
func (s settled) Removed(_ int, err error) { s <- err }
