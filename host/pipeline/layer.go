package pipeline

import (
	"context"

	"github.com/happn-host/happn-host/abi"
)

// Layer looks at messages on their way in or out and decides about them. It is
// called from many goroutines at once.
type Layer interface {
	// Name identifies the layer in errors, logs and metrics.
	Name() string

	// Handles reports whether the layer wants to see messages of this kind and
	// action on this path. It is asked for every message, so it must be cheap
	// and must not allocate. A path with "*" is about every path that it stands for;
	// see Reach.
	Handles(kind abi.Kind, action abi.Action, path []byte) bool

	// Recipient reports whether a publication is shown once for each
	// recipient (happn-3's meaning) rather than once for all.
	Recipient() bool

	// Call shows the record. With VerdictPatch or VerdictReplace the layer has
	// changed fields of rec in place, to memory that stays valid for as long as
	// the message lives; with VerdictReject or VerdictClose it has set rec.Error.
	// An error is a fault that the layer's own on_error has already turned into
	// the verdict beside it; the pipeline only logs it.
	Call(ctx context.Context, rec *abi.Record) (abi.Verdict, error)
}

// Layers supplies the layers that are configured at this moment, in order. Both
// are called for every message: they load one pointer.
type Layers interface {
	Inbound() []Layer
	Outbound() []Layer
}
