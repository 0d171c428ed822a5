package client

import (
	"crypto/rsa"
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"
)

// Defaults of Options.
const (
	DefaultHost           = "127.0.0.1"
	DefaultPort           = 55000
	DefaultConnectTimeout = 30 * time.Second
	DefaultCallTimeout    = 60 * time.Second
	DefaultPingTimeout    = 45 * time.Second
	DefaultVariableDepth  = 5
	DefaultQueueSize      = 16384
	DefaultMaxFrame       = 64 << 20
	DefaultReconnectMin   = 500 * time.Millisecond
	DefaultReconnectMax   = 30 * time.Second
)

// Options says where and as whom to connect. The zero value connects to an
// insecure server on this machine with the default port.
type Options struct {
	// URL is the server: ws, wss, http or https. Without a path it means the
	// happn endpoint /primus, or /ws with Plain. Empty: Host and Port.
	URL  string
	Host string // DefaultHost when empty
	Port int    // DefaultPort when 0

	// Plain asks for the plain websocket endpoint of happn-host, which keeps
	// connections alive with the websocket's own pings.
	Plain bool

	// TLS configures wss; with Host and Port it also asks for it.
	TLS *tls.Config

	// Header is sent with the upgrade request.
	Header http.Header

	// Compression offers permessage-deflate.
	Compression bool

	// MaxFrame bounds the bytes of one received message; DefaultMaxFrame when 0.
	MaxFrame int64

	// Dial replaces the websocket, for clients inside the server's process.
	Dial Dialer

	// Local tells the server that the client is in its own process.
	Local bool

	// Username and Password, or Token, are the credentials. With PrivateKey
	// the client proves the user's PublicKey (PEM text, exactly as the server
	// stores it) instead of sending a password.
	Username   string
	Password   string
	Token      string
	PublicKey  string
	PrivateKey *rsa.PrivateKey

	// AuthType chooses an authentication provider of the server by name.
	AuthType string

	// Info is kept by the server with the session.
	Info map[string]any

	// ConnectTimeout bounds each attempt to connect and log in.
	ConnectTimeout time.Duration

	// CallTimeout bounds every request whose context ends no sooner.
	CallTimeout time.Duration

	// PingTimeout is how long the server may be silent before the connection
	// counts as lost; it must exceed the server's ping interval (30 s unless
	// configured). Negative: for ever.
	PingTimeout time.Duration

	// Reconnect says what happens after a connection was lost.
	Reconnect ReconnectOptions

	// DefaultVariableDepth is the depth of subscriptions that end in /** and
	// give none.
	DefaultVariableDepth int

	// QueueSize is how many publications may wait for the handler of one
	// subscription, unless its own options say otherwise.
	QueueSize int

	// Logger is told about what no caller is told otherwise: lost connections,
	// failed attempts, frames that make no sense. Nil: nobody is.
	Logger *slog.Logger

	// Listener is told about the life of the connection.
	Listener Listener
}

// ReconnectOptions is the backoff: the n-th attempt comes after a random time
// between Min and Min*2^n, and never more than Max, after the one before.
type ReconnectOptions struct {
	Disabled bool          // a lost connection ends the client's use
	Min      time.Duration // DefaultReconnectMin when 0
	Max      time.Duration // DefaultReconnectMax when 0
	Attempts int           // give up after so many failures in a row; 0: never
}

// Listener receives what happens outside of requests. Any function may be nil.
// They are called one at a time, in the order of events, and may use the
// client but must not call Close.
type Listener struct {
	// StateChanged is called with the new state and why it was entered; err is
	// nil for StateConnected. It is not called for Close.
	StateChanged func(state State, err error)

	// SystemMessage is called for messages of the server about the session,
	// see SystemMessage.
	SystemMessage func(SystemMessage)

	// SubscriptionLost is called when the server refuses a subscription again
	// after a reconnect; it is gone.
	SubscriptionLost func(sub *Subscription, err error)

	// PublicationsDropped is called when a subscription's queue was full, with
	// how many publications it has lost since the last call.
	PublicationsDropped func(sub *Subscription, dropped uint64)
}

// withDefaults returns a copy with every default filled in.
func (o Options) withDefaults() Options {
	set(&o.Host, DefaultHost)
	set(&o.Port, DefaultPort)
	set(&o.MaxFrame, DefaultMaxFrame)
	set(&o.ConnectTimeout, DefaultConnectTimeout)
	set(&o.CallTimeout, DefaultCallTimeout)
	set(&o.PingTimeout, DefaultPingTimeout)
	set(&o.Reconnect.Min, DefaultReconnectMin)
	set(&o.Reconnect.Max, DefaultReconnectMax)
	set(&o.DefaultVariableDepth, DefaultVariableDepth)
	set(&o.QueueSize, DefaultQueueSize)
	o.Reconnect.Max = max(o.Reconnect.Max, o.Reconnect.Min)
	o.Header = o.Header.Clone()
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	return o
}

func set[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
