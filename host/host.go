package host

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/admin"
	"github.com/happn-host/happn-host/host/browser"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/compiler"
	"github.com/happn-host/happn-host/host/plugin/limit"
	"github.com/happn-host/happn-host/host/pubsub"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/host/tracing"
	"github.com/happn-host/happn-host/host/transport"
	"github.com/happn-host/happn-host/host/web"
	"github.com/happn-host/happn-host/security/login"
	"github.com/happn-host/happn-host/security/payload"
)

// Options says what a Host is made of. Config must be valid (see config.Load
// and config.Default).
type Options struct {
	Config  config.Config
	Version string       // of the program, for /version and logs
	Logger  *slog.Logger // nil logs nothing

	// Compiler begins the processes that compile plugins. Nil compiles them in this one.
	Compiler compiler.Command

	// Store replaces the stores that Config.Data describes. The host closes it
	// when it stops.
	Store datastore.Store

	// Providers check credentials in place of the host's own users, by the name
	// of their kind; Config.Secure must be set.
	Providers map[string]login.Provider
}

// Host is a happn server.
type Host struct {
	config  config.Config
	version string
	log     *slog.Logger
	started time.Time

	store    datastore.Store
	stores   []*openedStore // behind store, the default one first; none if the embedder brought it
	looking  bool           // nothing is made in the stores that is not asked for, see LookIntoStore
	plugins  *plugin.Manager
	tracer   *tracing.Tracer // nil if nothing is traced
	sessions *session.Registry
	tree     *pubsub.Tree
	pipeline *pipeline.Pipeline
	server   *transport.Server
	polls    *transport.Polls
	listener net.Listener
	name     string
	browser  *browser.Client // nil if none is configured
	web      *web.Server
	tls      *tls.Config  // nil for connections that are not encrypted
	audit    *admin.Audit // nil if there is none

	secured   *secured      // nil without access control
	payload   *payload.Pair // nil if clients are not asked to encrypt
	providers map[string]login.Provider

	backup  sync.Mutex         // held while a backup is made
	archive sync.Mutex         // held while an archive is made
	jobs    context.Context    // ends when the host begins to stop
	endJobs context.CancelFunc // of jobs
	working sync.WaitGroup     // what runs until they end

	ready   atomic.Bool
	stopped sync.Once
	stopErr error
}

// New opens the store and the plugins. The host accepts nobody until Start.
// After an error there is nothing to stop.
func New(o Options) (*Host, error) {
	h := &Host{config: o.Config, version: o.Version, log: o.Logger, store: o.Store, providers: o.Providers}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if err := h.openStores(); err != nil {
		return nil, err
	}
	if err := h.openBrowserClient(); err != nil {
		return nil, errors.Join(err, h.store.Close())
	}
	h.jobs, h.endJobs = context.WithCancel(context.Background())
	name, err := serverName(h.store, h.config.Name)
	if err != nil {
		return nil, errors.Join(err, h.store.Close())
	}
	h.name, h.sessions = name, session.NewRegistry()
	if err := h.openSecurity(h.jobs); err != nil {
		return nil, errors.Join(err, h.store.Close())
	}
	if err := h.openTraces(h.jobs); err != nil {
		return nil, errors.Join(err, h.store.Close())
	}
	h.plugins, err = plugin.New(plugin.Options{
		Dir:       h.config.Plugins.Dir,
		CacheDir:  h.cacheDir(),
		Compiler:  o.Compiler,
		StateFile: h.pluginStateFile(),
		Settle:    h.config.Plugins.Settle,
		Trust:     pluginTrust(h.config.Plugins), RequireSigned: h.config.Plugins.RequireSigned,
		Processors: h.config.Plugins.Processors,
		Limits:     limit.Set(h.config.Plugins.Default),
		Services:   guests{h},
		Network:    network{h},
		Connections: plugin.ConnLimits{
			KeptBytes: h.config.Websocket.MaxMessageBytes, QueueBytes: h.config.Websocket.WriteQueueBytes,
		},
		Tracer: h.tracer,
		Logger: h.log,
	})
	if err != nil {
		h.closeTraces(h.jobs)
		return nil, errors.Join(err, h.store.Close())
	}
	if err := h.openWeb(); err != nil {
		h.closeTraces(h.jobs)
		return nil, errors.Join(err, h.plugins.Close(), h.store.Close())
	}
	h.wire()
	h.openMetrics()
	ctx, cancel := context.WithTimeout(context.Background(), h.config.Plugins.StartWait)
	defer cancel()
	h.plugins.Start(ctx)
	return h, nil
}

// openBrowserClient reads the client for web pages, if there is to be one.
func (h *Host) openBrowserClient() (err error) {
	if folder := h.config.HTTP.BrowserClient; folder != "" {
		h.browser, err = browser.Open(folder)
	}
	return err
}

// wire connects the rooms.
func (h *Host) wire() {
	h.tree = pubsub.NewTree()
	options := pipeline.Options{
		Store:            h.store,
		Sessions:         h.sessions,
		Publisher:        &pubsub.Publisher{Tree: h.tree},
		Acks:             pubsub.NewAcks(h.config.PubSub.AckTimeout),
		Layers:           h.plugins,
		Searches:         h.plugins,
		Server:           h.record(),
		Payload:          h.payload,
		Tracer:           h.tracer,
		Logger:           h.log,
		DefaultDepth:     h.config.PubSub.DefaultVariableDepth,
		MaxSubscriptions: h.config.Limits.SubscriptionsPerSession,
		MaxJSONDepth:     h.config.Limits.JSONDepth,
		MaxPathBytes:     h.config.Limits.PathBytes,
		MaxBulk:          h.config.Limits.BulkDocuments,
		Completers:       runtime.GOMAXPROCS(0),
	}
	if h.secured != nil {
		options.Access = h.secured.control
		options.Changed = h.observe
	}
	h.pipeline = pipeline.New(options)
	if h.secured != nil {
		h.secured.control.Attach(h.pipeline)
		h.working.Go(func() { h.upkeep(h.jobs) })
		if log := h.secured.activity; log != nil {
			h.working.Go(func() { log.Run(h.jobs) })
		}
	}
	h.watchStore()
	h.server = transport.NewServer(transport.Options{
		Config: h.config, Handler: h.acceptor(), Logger: h.log, Fallback: h.web,
		Guard:     func(next http.Handler) http.Handler { return h.tracer.Handler(h.web.Guard(next)) },
		Endpoints: h.endpoint, Beside: func() int { return h.polls.Open() },
	})
	h.polls = transport.NewPolls(transport.PollOptions{
		QueueBytes: h.config.Websocket.WriteQueueBytes, BodyBytes: h.config.Websocket.MaxMessageBytes,
		WriteTimeout: h.config.Websocket.WriteTimeout, Life: h.jobs,
		Full: func() bool {
			most := h.config.Limits.Sessions
			return most > 0 && h.sessions.Count() >= most
		},
		Allowed: h.server.OriginAllowed, SlowReaders: &h.server.Stats().SlowReaders,
	})
}

func (h *Host) acceptor() acceptor {
	a := acceptor{pipeline: h.pipeline}
	if h.secured != nil {
		a.believes = trustedProxies(h.config.Web.TrustedProxies)
	}
	return a
}

// Start listens and serves, when the plugins that are required run. It returns
// when the host accepts connections.
func (h *Host) Start(ctx context.Context) error {
	if err := h.plugins.Require(ctx); err != nil {
		return err
	}
	address := net.JoinHostPort(h.config.Host, strconv.Itoa(h.config.Port))
	var lc net.ListenConfig
	if h.config.Websocket.PingInterval > 0 {
		lc.KeepAlive = -1 // heartbeats find dead peers sooner, and cost no system calls for each connection
	}
	l, err := lc.Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listen on %s: %w", address, err)
	}
	if h.tls != nil {
		l = tls.NewListener(l, h.tls)
	}
	h.listener, h.started = l, time.Now()
	h.server.Serve(l)
	h.plugins.Accepting()
	h.ready.Store(true)
	return nil
}

// Addr returns the address that the host listens on, nil before Start.
func (h *Host) Addr() net.Addr {
	if h.listener == nil {
		return nil
	}
	return h.listener.Addr()
}

// Plugins returns what there is to know about the plugins.
func (h *Host) Plugins() []plugin.Info { return h.plugins.List() }

// Stop drains and closes the host: nothing more is read, everything that was
// accepted becomes durable and is answered, then connections, plugins and store
// are closed. ctx bounds the waiting for peers, not for the disk. Further calls
// return what the first one did.
func (h *Host) Stop(ctx context.Context) error {
	h.stopped.Do(func() { h.stopErr = h.stop(ctx) })
	return h.stopErr
}

func (h *Host) stop(ctx context.Context) error {
	h.ready.Store(false)
	h.endJobs()
	h.working.Wait()
	var errs []error
	h.plugins.Quiesce(ctx)
	if h.listener != nil {
		errs = append(errs, h.server.Quiesce(ctx))
	}
	if h.secured != nil {
		h.secured.control.Close()
		errs = append(errs, h.secured.activity.Close())
	}
	errs = append(errs, h.store.Close())
	h.pipeline.Close()
	h.plugins.Farewell()
	if h.listener != nil {
		errs = append(errs, h.server.Shutdown(ctx, h.farewell))
	}
	errs = append(errs, h.plugins.Close(), h.audit.Close())
	h.closeTraces(ctx)
	return errors.Join(errs...)
}

// farewell ends one connection at shutdown (happn-wire.md, 1.4).
func (h *Host) farewell(c *transport.Conn) {
	if c.Owned() { // its owner has
		c.End("")
		return
	}
	if h.config.Shutdown.Reconnect {
		c.Close(0, "", false)
		return
	}
	c.Send([]byte(`{"_meta":{"type":"system"},"data":{"reason":"reconnect-false"},"eventKey":"server-side-disconnect"}`), true)
	c.Close(0, "", true)
}
