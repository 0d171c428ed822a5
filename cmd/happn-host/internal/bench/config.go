package bench

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Config is one measurement. Use DefaultConfig and change what differs.
type Config struct {
	Scenario string `json:"scenario"` // one of Scenarios
	URL      string `json:"url"`      // ws or http, with or without a path
	Username string `json:"username,omitempty"`
	Password string `json:"-"`

	Clients  int           `json:"clients"`   // connections that send requests
	InFlight int           `json:"in_flight"` // requests under way on each
	Size     int           `json:"size"`      // bytes of a document's data, JSON
	Duration time.Duration `json:"duration"`  // how long to measure
	Count    int64         `json:"count"`     // measure so many operations instead, if not 0
	WarmUp   time.Duration `json:"warm_up"`   // load before measuring

	Docs          int  `json:"docs"`          // documents stored for set, get and get-wildcard
	Results       int  `json:"results"`       // of them found by one wildcard get
	Publishers    int  `json:"publishers"`    // connections that publish, for pubsub
	Subscribers   int  `json:"subscribers"`   // connections that subscribe
	Subscriptions int  `json:"subscriptions"` // subscriptions, for subscriptions
	Connections   int  `json:"connections"`   // connections, for idle
	Consistency   int  `json:"consistency"`   // of publications, 0 to 2
	Store         bool `json:"store"`         // publications are stored too
	Keep          bool `json:"keep"`          // leave the documents that were made

	ServerPID int           `json:"server_pid,omitempty"` // for the server's CPU and memory
	Settle    time.Duration `json:"settle"`               // before memory is read, for idle
}

// The scenarios.
const (
	ScenarioSet           = "set"
	ScenarioSetNew        = "set-new"
	ScenarioSetDurable    = "set-durable"
	ScenarioGet           = "get"
	ScenarioGetWildcard   = "get-wildcard"
	ScenarioPubSub        = "pubsub"
	ScenarioSubscriptions = "subscriptions"
	ScenarioConnect       = "connect"
	ScenarioIdle          = "idle"
)

// Scenarios lists the scenarios in the order of the documentation.
func Scenarios() []string {
	return []string{
		ScenarioSet, ScenarioSetNew, ScenarioSetDurable, ScenarioGet, ScenarioGetWildcard,
		ScenarioPubSub, ScenarioSubscriptions, ScenarioConnect, ScenarioIdle,
	}
}

// DefaultConfig is what the figures of docs/performance.md are measured with
// unless they say otherwise.
func DefaultConfig() Config {
	return Config{
		URL: "ws://127.0.0.1:55000", Clients: 10, InFlight: 16, Size: 300,
		Duration: 5 * time.Second, WarmUp: time.Second,
		Docs: 10_000, Results: 20, Publishers: 1, Subscribers: 10, Subscriptions: 100_000,
		Connections: 1000, Consistency: 2, Settle: 3 * time.Second,
	}
}

const (
	minSize     = 80 // room for the numbers that are checked
	maxSize     = 8 << 20
	maxInFlight = 1 << 16
	maxNumber   = 1_000_000_000 // numbers are ten digits on the wire
)

// validate tells every mistake, by the name of the flag.
func (c *Config) validate() error {
	var wrong []error
	between := func(name string, value, low, high int) {
		if value < low || value > high {
			wrong = append(wrong, fmt.Errorf("--%s is %d, must be between %d and %d", name, value, low, high))
		}
	}
	if !slices.Contains(Scenarios(), c.Scenario) {
		wrong = append(wrong, fmt.Errorf("no scenario is called %q, choose one of %s", c.Scenario, strings.Join(Scenarios(), ", ")))
	}
	between("clients", c.Clients, 1, 100_000)
	between("in-flight", c.InFlight, 1, maxInFlight)
	between("size", c.Size, minSize, maxSize)
	between("docs", c.Docs, 1, maxNumber)
	between("results", c.Results, 1, c.Docs)
	between("publishers", c.Publishers, 1, 100_000)
	between("subscribers", c.Subscribers, 1, 100_000)
	between("subscriptions", c.Subscriptions, 1, maxNumber)
	between("connections", c.Connections, 1, 1_000_000)
	between("consistency", c.Consistency, 0, 2)
	if c.Count == 0 && c.Duration <= 0 {
		wrong = append(wrong, errors.New("--duration must be positive, or give --count"))
	}
	if c.Count < 0 || c.Count > maxNumber {
		wrong = append(wrong, fmt.Errorf("--count must be between 0 and %d", maxNumber))
	}
	if c.Scenario == ScenarioIdle && c.ServerPID == 0 {
		wrong = append(wrong, errors.New("idle measures the memory of the server: give its process with --server-pid"))
	}
	if _, _, err := c.endpoint(); err != nil {
		wrong = append(wrong, err)
	}
	return errors.Join(wrong...)
}

// endpoint is where to dial, and the path to ask for.
func (c *Config) endpoint() (host, path string, err error) {
	raw := c.URL
	if !strings.Contains(raw, "://") {
		raw = "ws://" + raw
	}
	u, err := url.Parse(raw)
	if err != nil {
		return "", "", fmt.Errorf("--url: %w", err)
	}
	if u.Scheme != "ws" && u.Scheme != "http" || u.Host == "" {
		return "", "", fmt.Errorf("--url is %q, must look like ws://host:port (TLS would be measured instead of the server)", c.URL)
	}
	host = u.Host
	if u.Port() == "" {
		host += ":80"
	}
	if path = u.RequestURI(); path == "/" {
		path = "/primus"
	}
	return host, path, nil
}
