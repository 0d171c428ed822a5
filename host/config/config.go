package config

import "time"

// Config is every setting of a host. Default returns one that is ready to use;
// Reference describes each field with its bounds, under the name in its tag.
type Config struct {
	Name string `koanf:"name"` // server name, generated and kept in the store when empty
	Host string `koanf:"host"` // address to listen on
	Port int    `koanf:"port"` // 0 picks a free port

	Secure bool `koanf:"secure"` // clients log in, and may do what they are permitted

	Log       Log       `koanf:"log"`
	Data      Data      `koanf:"data"`
	Plugins   Plugins   `koanf:"plugins"`
	Websocket Websocket `koanf:"websocket"`
	HTTP      HTTP      `koanf:"http"`
	PubSub    PubSub    `koanf:"pubsub"`
	Limits    Limits    `koanf:"limits"`
	Shutdown  Shutdown  `koanf:"shutdown"`
	Security  Security  `koanf:"security"`
	TLS       TLS       `koanf:"tls"`
	Web       Web       `koanf:"web"`
	Telemetry Telemetry `koanf:"telemetry"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `koanf:"level"`  // debug, info, warn, error
	Format string `koanf:"format"` // text, json
}

// Plugins says where modules are found.
type Plugins struct {
	Dir           string        `koanf:"dir"`           // watched folder; empty is no plugins
	CacheDir      string        `koanf:"cacheDir"`      // compiled plugins; empty is beside the documents
	Settle        time.Duration `koanf:"settle"`        // quiet time after a change before a module is read
	Trust         []PluginKey   `koanf:"trust"`         // keys whose signatures count
	RequireSigned bool          `koanf:"requireSigned"` // refuse modules without one
	StartWait     time.Duration `koanf:"startWait"`     // for plugins that are not required, when the host starts; 0 is none
	Processors    int           `koanf:"processors"`    // for calls that compute for long; 0 is all but one
	Default       PluginLimits  `koanf:"default"`       // limits of plugins whose files name none
}

// PluginKey is a public key that signs plugins.
type PluginKey struct {
	Name string `json:"name"`
	Key  string `json:"key"` // in base64
}

// Websocket tunes the websocket transport.
type Websocket struct {
	MaxMessageBytes        int           `koanf:"maxMessageBytes"`        // largest message from a client
	Compression            bool          `koanf:"compression"`            // agree to permessage-deflate
	PingInterval           time.Duration `koanf:"pingInterval"`           // 0 turns heartbeats off
	AllowSkippedHeartbeats int           `koanf:"allowSkippedHeartbeats"` // unanswered ones before a close
	WriteQueueBytes        int           `koanf:"writeQueueBytes"`        // waiting for one client; at least MaxMessageBytes
	WriteTimeout           time.Duration `koanf:"writeTimeout"`           // one write to a client
	Origins                []string      `koanf:"origins"`                // of web pages; "*" is any
}

// HTTP tunes the HTTP server under the websockets.
type HTTP struct {
	KeepAliveTimeout  time.Duration `koanf:"keepAliveTimeout"`  // of an idle connection
	ReadHeaderTimeout time.Duration `koanf:"readHeaderTimeout"` // for the header of a request
	MaxHeaderBytes    int           `koanf:"maxHeaderBytes"`    // of the header of a request
	BrowserClient     string        `koanf:"browserClient"`     // folder of an installed npm package; empty serves none
}

// PubSub tunes subscriptions and publications.
type PubSub struct {
	DefaultVariableDepth int           `koanf:"defaultVariableDepth"` // segments that /** without a depth covers
	AckTimeout           time.Duration `koanf:"ackTimeout"`           // for the acknowledgements of one publication
}

// Limits bounds what clients may ask for.
type Limits struct {
	Sessions                int `koanf:"sessions"`                // 0 is unlimited
	SubscriptionsPerSession int `koanf:"subscriptionsPerSession"` // 0 is unlimited
	JSONDepth               int `koanf:"jsonDepth"`               // levels of nesting
	PathBytes               int `koanf:"pathBytes"`               // of one path
	BulkDocuments           int `koanf:"bulkDocuments"`           // of one bulk write
}

// Shutdown says how a host stops.
type Shutdown struct {
	Timeout   time.Duration `koanf:"timeout"`   // to drain and flush
	Reconnect bool          `koanf:"reconnect"` // whether clients are told to come back
}
