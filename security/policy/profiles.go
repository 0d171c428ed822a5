package policy

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/happn-host/happn-host/datastore/match"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Profile gives a policy to sessions, as configured.
type Profile struct {
	Name    string
	Session []byte // filter on the session's record, raw JSON object; empty matches all
	Policy  []byte // raw JSON object, see Parse
}

// Profiles chooses the policies of sessions. It is immutable and safe for
// concurrent use.
type Profiles struct{ list []profile }

type profile struct {
	name   string
	filter *match.ObjectFilter
	policy *Policy
}

// maxProfiles bounds what each login is held against.
const maxProfiles = 1000

// Compile compiles profiles in their order; happn-3's defaults follow them.
func Compile(configured []Profile) (*Profiles, error) {
	if len(configured) > maxProfiles {
		return nil, fmt.Errorf("%d profiles, at most %d are allowed", len(configured), maxProfiles)
	}
	all := &Profiles{}
	for i, p := range append(configured[:len(configured):len(configured)], defaults()...) {
		if p.Name == "" {
			p.Name = fmt.Sprint("number ", i+1)
		}
		compiled, err := compile(p)
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", p.Name, err)
		}
		all.list = append(all.list, compiled)
	}
	return all, nil
}

func defaults() []Profile {
	return []Profile{
		{"default-browser", []byte(`{"info._browser":{"$eq":true}}`), []byte(`{"ttl":"7 days","inactivity_threshold":"1 hour"}`)},
		{"default-stateful", []byte(`{"type":{"$eq":1}}`), []byte(`{"ttl":0,"inactivity_threshold":"Infinity"}`)},
		{"default-stateless", []byte(`{"type":{"$eq":0}}`), []byte(`{"ttl":0,"inactivity_threshold":"Infinity"}`)},
	}
}

func compile(p Profile) (profile, error) {
	out := profile{name: p.Name}
	if len(p.Session) == 0 {
		p.Session = []byte("{}")
	}
	if err := new(rawjson.Scanner).Valid(p.Session); err != nil {
		return out, fmt.Errorf("session: %w", err)
	}
	if p.Session = p.Session[rawjson.Space(p.Session, 0):]; !rawjson.IsObject(p.Session) {
		return out, errors.New("session must be an object of conditions, like {\"user.username\": \"ann\"}")
	}
	var err error
	if out.filter, err = match.CompileObjectFilter(flattened(p.Session), "session", nil); err != nil {
		return out, err
	}
	if out.policy, err = Parse(p.Policy); err != nil {
		return out, err
	}
	if out.policy.unknown != "" {
		return out, fmt.Errorf("policy.%s is unknown: use ttl, inactivity_threshold, usage_limit, permissions, "+
			"disallowTokenLogins, lockTokenToOrigin or sourceIPWhitelist", out.policy.unknown)
	}
	return out, nil
}

// For returns the policies of a session, for the stateless and the stateful
// type: of each the first whose filter matches. The session is the record as
// a JSON object, with user, info and whatever else filters may look at; its
// type is set for each.
func (p *Profiles) For(session []byte) [2]*Policy {
	var out [2]*Policy
	for kind := range out {
		record := ofType(session, kind)
		for _, candidate := range p.list {
			if candidate.filter.Match(record, nil) {
				out[kind] = candidate.policy
				break
			}
		}
	}
	return out
}

// ofType returns the record with its type replaced.
func ofType(session []byte, kind int) []byte {
	out := append(make([]byte, 0, len(session)+16), `{"type":`...)
	out = append(out, byte('0'+kind))
	for name, val := range rawjson.Members(session) {
		if string(name) != "type" {
			out = member(out, name, val)
		}
	}
	return append(out, '}')
}

// SourceAllowed reports whether one may log in from an address. credentials
// is a JSON object {"user":{…}} that each profile with a list of addresses is
// held against; all that match must allow the address.
func (p *Profiles) SourceAllowed(credentials []byte, address string) bool {
	for _, candidate := range p.list {
		if sources := candidate.policy.SourceIPs; len(sources) > 0 && candidate.filter.Match(credentials, nil) && !listed(sources, address) {
			return false
		}
	}
	return true
}

func listed(sources []netip.Prefix, address string) bool {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	addr = addr.Unmap().WithZone("")
	for _, prefix := range sources {
		if prefix.Contains(addr) {
			return true
		}
	}
	return false
}
