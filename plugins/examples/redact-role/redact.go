package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/happn-host/happn-host/plugins/examples/redact/fields"
	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// config is the plugin's configuration.
type config struct {
	Rules []struct {
		Fields  []string        `json:"fields"`  // see fields.New
		Mask    json.RawMessage `json:"mask"`    // replaces values; without it fields are removed
		Visible []string        `json:"visible"` // groups that see the fields
	} `json:"rules"`
	Remember string `json:"remember"` // how long the groups of a session are; 10s
	Sessions int    `json:"sessions"` // how many are remembered; 10000
}

// maxRules is how many rules a mask has bits for.
const maxRules = 64

// rule hides fields from those who are in none of the groups.
type rule struct {
	hidden  *fields.Set
	visible []string
}

// redactor holds what to hide from whom.
type redactor struct {
	rules    []rule
	sessions *sessions
	now      func() time.Time
}

func (r *redactor) configure(text []byte) error {
	c := config{Remember: "10s", Sessions: 10_000}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return err
	}
	remember, err := time.ParseDuration(c.Remember)
	switch {
	case err != nil || remember < 0:
		return fmt.Errorf("remember: %q is no duration such as 10s", c.Remember)
	case c.Sessions < 1 || c.Sessions > 1_000_000:
		return errors.New("sessions: must be from 1 to 1000000")
	case len(c.Rules) > maxRules:
		return fmt.Errorf("rules: at most %d are possible", maxRules)
	}
	r.rules, r.sessions = nil, newSessions(c.Sessions, remember)
	for i, one := range c.Rules {
		hidden, err := fields.New(one.Fields, one.Mask)
		if err != nil {
			return fmt.Errorf("rules[%d].%w", i, err)
		}
		if len(one.Fields) == 0 {
			return fmt.Errorf("rules[%d].fields: name what to hide", i)
		}
		r.rules = append(r.rules, rule{hidden, one.Visible})
	}
	return nil
}

// redact looks at one response or publication. What holds nothing to hide from
// anybody needs no session, and costs no garbage.
func (r *redactor) redact(m *sdk.Message) sdk.Verdict {
	var seen uint64
	known := false
	data, changed := m.Data(), false
	for i := range r.rules {
		if known && seen>>i&1 != 0 {
			continue
		}
		hidden, had := r.rules[i].hidden.Hide(data)
		if !had {
			continue
		}
		if !known {
			seen, known = r.visible(m.SessionID()), true
		}
		if seen>>i&1 == 0 {
			data, changed = hidden, true
		}
	}
	if changed {
		m.SetData(data)
	}
	return sdk.Pass()
}

// visible returns the rules that do not count for a session, a bit for each. A
// session that cannot be found, as for what is shown once for everybody, sees
// nothing.
func (r *redactor) visible(id []byte) (seen uint64) {
	if len(id) == 0 {
		return 0
	}
	now := r.now()
	if seen, ok := r.sessions.get(id, now); ok {
		return seen
	}
	record, err := sdk.Session(id)
	switch {
	case errors.Is(err, sdk.ErrNotFound):
		return 0
	case err != nil:
		sdk.LogError("the groups of a session cannot be found: " + err.Error())
		return 0
	}
	user, _ := rawjson.Lookup(record, "user")
	groups, _ := rawjson.Lookup(user, "groups")
	for name := range rawjson.Members(groups) {
		for i := range r.rules {
			if slices.Contains(r.rules[i].visible, string(name)) {
				seen |= 1 << i
			}
		}
	}
	r.sessions.put(id, seen, now)
	return seen
}
