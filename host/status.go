package host

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"time"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/security/login"
)

// happnVersion is the release of happn-3 whose behaviour the host has.
const happnVersion = "13.12.1"

// Summary is what a host did when it started.
type Summary struct {
	Name      string
	Addresses []string       // URLs of the endpoints
	Stores    []StoreSummary // the default one first
	Plugins   []plugin.Info
	Secure    bool // clients log in

	// AdminPassword is the password of _ADMIN if this start has made it, ""
	// otherwise. It is nowhere else: show it once.
	AdminPassword string
}

// Summary describes the host as it is now.
func (h *Host) Summary() Summary {
	s := Summary{Name: h.name, Plugins: h.plugins.List(), Stores: h.summarizeStores()}
	if h.secured != nil {
		s.Secure, s.AdminPassword = true, h.secured.adminPassword
	}
	if h.listener != nil {
		s.Addresses = addresses(h.listener.Addr(), h.tls != nil)
	}
	return s
}

// addresses returns the URLs under which an address can be reached.
func addresses(addr net.Addr, encrypted bool) []string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return []string{addr.String()}
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	at := net.JoinHostPort(host, port)
	if encrypted {
		return []string{"https://" + at, "wss://" + at + "/primus", "wss://" + at + "/ws"}
	}
	return []string{"http://" + at, "ws://" + at + "/primus", "ws://" + at + "/ws"}
}

// Health is what /healthz and /readyz answer.
type Health struct {
	Status  string `json:"status"`           // ok or failing
	Reason  string `json:"reason,omitempty"` // why it is failing
	Name    string `json:"name"`
	Version string `json:"version"`
	Uptime  int64  `json:"uptimeSeconds"`

	Sessions      int   `json:"sessions"`
	Subscriptions int   `json:"subscriptions"`
	Requests      int64 `json:"requests"`
	Errors        int64 `json:"errors"`
	Publications  int64 `json:"publications"`
	Deliveries    int64 `json:"deliveries"`
	SlowReaders   int64 `json:"slowReaders"`
	DeadPeers     int64 `json:"deadPeers"`

	Documents  int64         `json:"documents"` // of all stores together, as the next two
	StoreBytes int64         `json:"storeBytes"`
	DiskBytes  int64         `json:"diskBytes"`
	Durability string        `json:"durability,omitempty"` // of the default store
	Stores     []StoreHealth `json:"stores"`               // the default one first

	Plugins []PluginHealth `json:"plugins"`

	Security *SecurityHealth `json:"security,omitempty"` // of a host with access control
}

// SecurityHealth is what Health tells of access control.
type SecurityHealth struct {
	login.Stats
	Keys int `json:"keys"` // of session tokens that are accepted
}

// PluginHealth is one plugin in Health.
type PluginHealth struct {
	Name    string       `json:"name"`
	Version string       `json:"version,omitempty"`
	State   plugin.State `json:"state"`
	Reason  string       `json:"reason,omitempty"`
}

// checkTimeout bounds how long a store may think about its health.
const checkTimeout = 2 * time.Second

// Health reports how the host is.
func (h *Host) Health(ctx context.Context) Health {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	stats, conns := h.pipeline.Stats(), h.server.Stats()
	health := Health{
		Status: "ok", Name: h.name, Version: h.version, Uptime: int64(time.Since(h.started).Seconds()),
		Sessions: h.sessions.Count(), Subscriptions: h.tree.Count(),
		Requests: stats.Requests.Load(), Errors: stats.Errors.Load(),
		Publications: stats.Publications.Load(), Deliveries: stats.Deliveries.Load(),
		SlowReaders: conns.SlowReaders.Load(), DeadPeers: conns.DeadPeers.Load(),
		Plugins: []PluginHealth{},
	}
	health.Stores = h.storeHealth(ctx)
	for i, s := range health.Stores {
		if i == 0 {
			health.Durability = s.Durability
		}
		health.Documents += s.Documents
		health.StoreBytes += s.Bytes
		health.DiskBytes += s.DiskBytes
	}
	for _, p := range h.plugins.List() {
		health.Plugins = append(health.Plugins, PluginHealth{Name: p.Name, Version: p.Version, State: p.State, Reason: p.Reason})
	}
	if h.secured != nil {
		health.Security = &SecurityHealth{Stats: h.secured.logins.Stats(), Keys: len(h.secured.tokens.Keys())}
	}
	if err := h.store.Check(ctx); err != nil {
		health.Status, health.Reason = "failing", datastore.Detail(err)
	}
	return health
}

// serveHealth answers /healthz (is the process well?) and /readyz (should it be
// sent anybody?).
func (h *Host) serveHealth(w http.ResponseWriter, r *http.Request, readiness bool) {
	health := h.Health(r.Context())
	if readiness && health.Status == "ok" && !h.ready.Load() {
		health.Status, health.Reason = "failing", "the host is stopping"
	}
	status := http.StatusOK
	if health.Status != "ok" {
		status = http.StatusServiceUnavailable
	}
	if h.secured != nil { // details are for those who may ask the API
		writeJSON(w, status, map[string]string{"status": health.Status})
		return
	}
	writeJSON(w, status, health)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the peer has gone if it fails
}
