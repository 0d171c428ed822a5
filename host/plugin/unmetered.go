package plugin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/happn-host/happn-host/host/plugin/folder"
	"github.com/happn-host/happn-host/host/plugin/meter"
)

// stoppable returns a module as the host runs it: metered, or, where its operator allows
// that and the meter does not know all of it, so that the engine looks at the clock in it.
func (g *generation) stoppable(module []byte) ([]byte, error) {
	code, err := g.metered(module)
	var unknown *meter.UnknownError
	if !errors.As(err, &unknown) || unknown.Proposal != meter.TailCalls && unknown.Proposal != meter.Exceptions {
		return code, err
	}
	if !g.manifest.AllowUnmetered {
		return nil, fmt.Errorf("%w; build it without, or, if you trust it as you trust the host, have it run unmetered: allowUnmetered: true in %s.yaml",
			err, folder.Stem(g.plugin.file))
	}
	if code, err = meter.Landmarks(module); err != nil {
		return nil, err
	}
	g.unmetered = true
	g.log.Warn("runs unmetered, by its clock alone, since its operator allows it", "has", unknown.Error())
	return code, nil
}

// clocked returns the context of a call, which ends it where nothing but its clock does.
func (i *instance) clocked(ctx context.Context) (context.Context, context.CancelFunc) {
	if !i.gen.unmetered {
		return ctx, func() {}
	}
	i.timed, i.deadline = true, time.Now().Add(i.limit)
	return context.WithDeadline(ctx, i.deadline)
}

// late reports whether a call that has failed did so since its clock has ended it.
func (i *instance) late() bool { return i.gen.unmetered && i.timed && !time.Now().Before(i.deadline) }
