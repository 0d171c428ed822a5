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
		Data: Data{Dir: "./happn-data", Durability: "sync", ColumnBytes: 64 * mib},
		Plugins: Plugins{
			Dir:       "./plugins",
			Settle:    200 * time.Millisecond,
			StartWait: 2 * time.Second,
			Default:   defaultPluginLimits(),
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
		Limits:   Limits{JSONDepth: 128, PathBytes: 4096, BulkDocuments: 10_000},
		Shutdown: Shutdown{Timeout: 20 * time.Second, Reconnect: true},
		Security: defaultSecurity(),
		TLS:      TLS{MinVersion: "1.2", ACME: ACME{Hosts: []string{}}},
		Web: Web{
			Exclusions:     []string{},
			Hosts:          []string{},
			TrustedProxies: []string{},
			MaxBodyBytes:   mib,
			BodyTimeout:    30 * time.Second,
			HSTS:           180 * 24 * time.Hour,
			CORS:           CORS{Origins: []string{}, MaxAge: 10 * time.Minute},
			API:            API{Enabled: true},
		},
		Telemetry: Telemetry{Traces: Traces{
			Headers: []string{}, Attributes: []string{}, Ratio: "1", Parents: true, Queue: 4096,
		}},
	}
}

// defaultSecurity has the values of happn-3, except where these are unsafe.
func defaultSecurity() Security {
	return Security{
		AdminOverNetwork:        true,
		PersistPermissions:      true,
		UserChoosesAuthProvider: true,
		UsernamesCaseExclude:    []string{"_ADMIN"},
		DefaultAuthProvider:     AuthProviderHappn,
		NonceTTL:                time.Minute,
		Password: Password{
			Algorithm: AlgorithmPBKDF2, PBKDF2Iterations: 10_000,
			Argon2MemoryMiB: 64, Argon2Passes: 1, QueueTimeout: 10 * time.Second,
		},
		Token:    Token{LockToLoginType: true, AllowTTL0Revocation: true},
		Lockout:  Lockout{Enabled: true, Attempts: 4, RetryInterval: 10 * time.Minute},
		Activity: Activity{TTL: 24 * time.Hour},
		Cookie:   Cookie{Name: "happn_token", SameSite: "strict"},
		Audit:    Audit{Enabled: true},
	}
}
