package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/happn-host/happn-host/plugins/sdk"
)

// config is the plugin's configuration.
type config struct {
	Rate      float64  `json:"rate"`      // requests a second
	Burst     float64  `json:"burst"`     // at once; the rate if it is 0
	By        string   `json:"by"`        // user or session
	Except    []string `json:"except"`    // users that are not bounded
	Instances int      `json:"instances"` // that share the rate; 1
	Keys      int      `json:"keys"`      // users or sessions that are remembered; 10000
}

// limiter bounds requests.
type limiter struct {
	config  config
	buckets *buckets
	now     func() time.Time
}

func (l *limiter) configure(text []byte) error {
	c := config{By: "user", Instances: 1, Keys: 10_000}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return err
	}
	if c.Burst == 0 {
		c.Burst = c.Rate
	}
	switch {
	case c.Rate <= 0 || c.Rate > 1e9:
		return errors.New("rate: say how many requests a second, above 0")
	case c.Instances < 1 || c.Instances > 1024:
		return errors.New("instances: must be from 1 to 1024, as limits.instances")
	case c.Burst < float64(c.Instances):
		return fmt.Errorf("burst: must be at least %d, one for each instance", c.Instances)
	case c.By != "user" && c.By != "session":
		return fmt.Errorf("by: %q is neither user nor session", c.By)
	case c.Keys < 1 || c.Keys > 1_000_000:
		return errors.New("keys: must be from 1 to 1000000")
	}
	share := float64(c.Instances)
	l.config, l.buckets = c, newBuckets(c.Rate/share, c.Burst/share, c.Keys)
	return nil
}

// admit counts a request. Sessions without a user are counted by session.
func (l *limiter) admit(m *sdk.Message) sdk.Verdict {
	user := m.Username()
	if len(user) > 0 && slices.Contains(l.config.Except, string(user)) {
		return sdk.Pass()
	}
	kind, key := byte('u'), user
	if l.config.By == "session" || len(user) == 0 {
		kind, key = 's', m.SessionID()
	}
	wait := l.buckets.take(kind, key, l.now())
	if wait == 0 {
		return sdk.Pass()
	}
	return sdk.Reject(fmt.Sprintf(`{"name":"TooManyRequests","code":429,"message":"too many requests; try again in %d ms","retryAfter":%[1]d}`,
		max(wait.Milliseconds(), 1)))
}
