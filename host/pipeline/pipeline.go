package pipeline

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/protocol"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/host/tracing"
	"github.com/happn-host/happn-host/internal/seldom"
	"github.com/happn-host/happn-host/security/payload"
)

// Options says what a Pipeline works with. Store, Sessions, Publisher, Acks and
// Logger are needed.
type Options struct {
	Store     datastore.Store
	Sessions  *session.Registry
	Publisher *pubsub.Publisher
	Acks      *pubsub.Acks
	Layers    Layers   // nil for none
	Access    Access   // nil lets everybody do everything, but for what is the host's own
	Searches  Searches // nil for none
	Server    session.Server
	Logger    *slog.Logger

	Payload *payload.Pair // to which old clients encrypt; nil refuses what is encrypted

	Tracer *tracing.Tracer // nil records nothing

	Recipients Recipients // nil sends every publication to all that subscribed

	// Changed, if not nil, is told of the path of each document below /_SYSTEM
	// that a client writes or removes, or of the pattern by which it removes, and of
	// each that External is told of. The answer waits for it.
	Changed func(path string)

	DefaultDepth     int // segments that /** spans; 0 is pubsub.DefaultDepth
	MaxSubscriptions int // for each session; 0 is any number
	MaxJSONDepth     int // 0 is rawjson.DefaultMaxDepth
	MaxPathBytes     int // 0 is any length
	MaxBulk          int // documents of one bulk write; 0 is DefaultBulk
	Completers       int // goroutines that answer writes after they are durable; 0 is one

	Now func() time.Time // nil is time.Now
}

// Stats counts what went through a pipeline. The fields may be read at any time.
type Stats struct {
	Requests     atomic.Int64
	Errors       atomic.Int64 // requests answered with an error
	Unreadable   atomic.Int64 // frames that were no requests
	Publications atomic.Int64
	Deliveries   atomic.Int64 // frames queued for subscribers
}

// Pipeline carries out requests for any number of peers.
type Pipeline struct {
	Options
	stats      Stats
	faults     seldom.Lines // of layers
	workers    sync.Pool
	ops        sync.Pool
	completion completion
	peers      sync.Map // *session.Session to *Peer, with Access only

	rightful atomic.Int32 // agents that may subscribe: they hear only of what their rights allow
}

// New returns a running pipeline; Close ends it.
func New(o Options) *Pipeline {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.DefaultDepth <= 0 {
		o.DefaultDepth = pubsub.DefaultDepth
	}
	if o.MaxBulk <= 0 {
		o.MaxBulk = DefaultBulk
	}
	if o.Layers == nil {
		o.Layers = noLayers{}
	}
	p := &Pipeline{Options: o}
	p.completion.start(max(o.Completers, 1))
	return p
}

// Close waits until every write that the store has answered is answered to its
// peer too. The store must be closed before.
func (p *Pipeline) Close() {
	p.completion.stop()
	p.Acks.Close()
}

// Stats returns the pipeline's counters.
func (p *Pipeline) Stats() *Stats { return &p.stats }

type noLayers struct{}

func (noLayers) Inbound() []Layer  { return nil }
func (noLayers) Outbound() []Layer { return nil }

// worker is what handling a request needs, and the next request uses again.
type worker struct {
	decode  protocol.Decoder
	request protocol.Request
	options protocol.Options
	reply   protocol.Reply
	batch   session.Batch
	actor   actor           // for whom the request is carried out
	ctx     context.Context // of the request, for layers; nil is context.Background()
	span    *tracing.Span   // of the request; nil if it is not recorded, or an op's already
	wait    chan<- written  // see op
	meta    []byte          // for members of _meta
	items   []byte          // for the items of a list
	out     []byte          // for frames
	opened  []byte          // for the request that an encrypted frame holds
	sealTo  string          // public key that the answer to a login is encrypted to, "" for none
}

// keepBytes is how large a buffer may be to be kept for the next request.
const keepBytes = 64 << 10

func (p *Pipeline) worker() *worker {
	w, _ := p.workers.Get().(*worker)
	if w == nil {
		w = &worker{}
		w.decode.MaxDepth = p.MaxJSONDepth
	}
	return w
}

func (p *Pipeline) release(w *worker) {
	w.endSpan()
	w.request, w.options, w.reply, w.actor = protocol.Request{}, protocol.Options{}, protocol.Reply{}, actor{}
	w.sealTo, w.ctx, w.wait = "", nil, nil
	w.trim()
	p.workers.Put(w)
}

func (w *worker) trim() {
	for _, b := range []*[]byte{&w.meta, &w.items, &w.out, &w.opened} {
		if cap(*b) > keepBytes {
			*b = nil
		}
	}
}

func (p *Pipeline) nowMillis() int64 { return p.Now().UnixMilli() }
