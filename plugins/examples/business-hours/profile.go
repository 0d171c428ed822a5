package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/happn-host/happn-host/plugins/sdk"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// config is the plugin's configuration.
type config struct {
	Zone   string              `json:"zone"`
	Hours  map[string][]string `json:"hours"`
	Closed []string            `json:"closed"`
	// Groups are those whose users it is about; none is everybody.
	Groups []string `json:"groups"`
	// Except are users and groups that it is not about, _ADMIN unless it is there.
	Except []string `json:"except"`
	// Inside and Outside are policies. Without Outside logins are refused then.
	Inside  json.RawMessage `json:"inside"`
	Outside json.RawMessage `json:"outside"`
}

// profile gives policies that end when the hours change.
type profile struct {
	config config
	hours  *hours
	now    func() time.Time
}

func (p *profile) configure(text []byte) error {
	c := config{Except: []string{"_ADMIN"}}
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return err
	}
	hours, err := parseHours(c.Zone, c.Hours, c.Closed)
	if err != nil {
		return err
	}
	for name, policy := range map[string]json.RawMessage{"inside": c.Inside, "outside": c.Outside} {
		if policy != nil && rawjson.TypeOf(policy) != rawjson.Object {
			return fmt.Errorf("%s: a policy is an object such as {\"usage_limit\": 100}", name)
		}
		if _, has := rawjson.Lookup(policy, "ttl"); has {
			return fmt.Errorf("%s.ttl: sessions end when the hours change; take it out", name)
		}
	}
	p.config, p.hours = c, hours
	return nil
}

// decide gives a session the policy of the moment, until the hours change.
func (p *profile) decide(a *sdk.Applicant) sdk.Verdict {
	if !p.concerns(a) {
		return sdk.Pass()
	}
	now := p.now()
	open, change := p.hours.at(now)
	policy := p.config.Inside
	if !open {
		if policy = p.config.Outside; policy == nil {
			return sdk.Reject(closed(change))
		}
	}
	return sdk.GivePolicy(until(policy, now, change))
}

// concerns reports whether the session is of one whose hours these are.
func (p *profile) concerns(a *sdk.Applicant) bool {
	user, _ := rawjson.Lookup(a.Record, "user")
	groups, _ := rawjson.Lookup(user, "groups")
	if slices.Contains(p.config.Except, a.Username) {
		return false
	}
	concerned := len(p.config.Groups) == 0
	for name := range rawjson.Members(groups) {
		group := string(name)
		if slices.Contains(p.config.Except, group) {
			return false
		}
		concerned = concerned || slices.Contains(p.config.Groups, group)
	}
	return concerned
}

// closed is the error of a login outside of the hours.
func closed(opens time.Time) string {
	message := "outside of business hours"
	if !opens.IsZero() {
		message += "; they begin on " + opens.Format("Monday, 2006-01-02 15:04 MST")
	}
	text, _ := json.Marshal(map[string]any{"name": "AccessDenied", "code": 403, "message": message}) // texts and a number: cannot fail
	return string(text)
}

// until returns a policy that ends at a change; the zero time is none.
func until(policy []byte, now, change time.Time) []byte {
	out := []byte{'{'}
	for name, value := range rawjson.Members(policy) {
		out = append(append(append(rawjson.AppendString(out, string(name)), ':'), value...), ',')
	}
	var left int64 // no end
	if !change.IsZero() {
		left = max(change.Sub(now).Milliseconds(), 1)
	}
	return append(strconv.AppendInt(append(out, `"ttl":`...), left, 10), '}')
}
