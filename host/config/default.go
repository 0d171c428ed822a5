package config

import "time"

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// Default returns the settings of a host that was told nothing. It listens on
// loopback only: a host without security must not be reachable from a network
// until somebody asks for that.
func Default() Config {
	return Config{
		Host: "127.0.0.1",
		Port: 55000,
		Log:  Log{Level: "info", Format: "text"},
		Data: Data{Dir: "./happn-data", Durability: "sync"},
		Plugins: Plugins{
			Dir:    "./plugins",
			Settle: 200 * time.Millisecond,
			Default: PluginLimits{
				Timeout:   50 * time.Millisecond,
				MemoryMiB: 64,
				OutputKiB: 1024,
			},
		},
		Websocket: Websocket{
			MaxMessageBytes:        10 * mib,
			PingInterval:           30 * time.Second,
			AllowSkippedHeartbeats: 1,
			WriteQueueBytes:        16 * mib,
			WriteTimeout:           10 * time.Second,
			Origins:                []string{"*"},
		},
		HTTP: HTTP{
			KeepAliveTimeout:  120 * time.Second,
			ReadHeaderTimeout: 10 * time.Second,
			MaxHeaderBytes:    16 * kib,
		},
		PubSub:   PubSub{DefaultVariableDepth: 5, AckTimeout: 60 * time.Second},
		Limits:   Limits{JSONDepth: 128, PathBytes: 4096},
		Shutdown: Shutdown{Timeout: 20 * time.Second, Reconnect: true},
	}
}
