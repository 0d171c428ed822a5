package policy

import (
	"context"
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
	Judge   string // name of what decides in place of Policy; "" for nobody
}

// Profiles chooses the policies of sessions. It is immutable and safe for
// concurrent use.
type Profiles struct {
	list   []profile
	judges Judges          // nil for none
	named  map[string]bool // judges that have their place in list
}

type profile struct {
	name   string
	filter *match.ObjectFilter
	policy *Policy // nil with a judge
	judge  string
}

// maxProfiles bounds what each login is held against.
const maxProfiles = 1000

// Compile compiles profiles in their order; happn-3's defaults follow them.
// Judges that none of them names decide before all of them; nil has no judges.
func Compile(configured []Profile, judges Judges) (*Profiles, error) {
	if len(configured) > maxProfiles {
		return nil, fmt.Errorf("%d profiles, at most %d are allowed", len(configured), maxProfiles)
	}
	all := &Profiles{judges: judges, named: map[string]bool{}}
	for i, p := range append(configured[:len(configured):len(configured)], defaults()...) {
		if p.Name == "" {
			p.Name = fmt.Sprint("number ", i+1)
		}
		compiled, err := compile(p)
		if err != nil {
			return nil, fmt.Errorf("profile %s: %w", p.Name, err)
		}
		all.list = append(all.list, compiled)
		if compiled.judge != "" {
			all.named[compiled.judge] = true
		}
	}
	return all, nil
}

func defaults() []Profile {
	return []Profile{
		{Name: "default-browser", Session: []byte(`{"info._browser":{"$eq":true}}`), Policy: []byte(`{"ttl":"7 days","inactivity_threshold":"1 hour"}`)},
		{Name: "default-stateful", Session: []byte(`{"type":{"$eq":1}}`), Policy: []byte(`{"ttl":0,"inactivity_threshold":"Infinity"}`)},
		{Name: "default-stateless", Session: []byte(`{"type":{"$eq":0}}`), Policy: []byte(`{"ttl":0,"inactivity_threshold":"Infinity"}`)},
	}
}

func compile(p Profile) (profile, error) {
	out := profile{name: p.Name, judge: p.Judge}
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
	if p.Judge == "" {
		out.policy, err = ParseStrict(p.Policy)
		return out, err
	}
	if len(p.Policy) > 0 {
		return out, fmt.Errorf("it has a policy and asks %s for one; keep one of them", p.Judge)
	}
	return out, nil
}

// For returns the policies of a session, for the stateless and the stateful
// type: of each the first that a judge gives or whose filter matches. An error
// is a judge's, and refuses the login.
func (p *Profiles) For(ctx context.Context, s *Session) (out [2]*Policy, err error) {
	var judges []Judge
	if p.judges != nil {
		judges = p.judges.Judges()
	}
	for kind := range out {
		typed := *s
		typed.Record = ofType(s.Record, kind)
		if out[kind], err = p.first(ctx, judges, &typed); err != nil {
			return out, err
		}
	}
	return out, nil
}

func (p *Profiles) first(ctx context.Context, judges []Judge, s *Session) (*Policy, error) {
	if decided, err := p.ask(ctx, judges, s); decided != nil || err != nil {
		return decided, err
	}
	for i := range p.list {
		candidate := &p.list[i]
		if !candidate.filter.Match(s.Record, nil) {
			continue
		}
		if decided, err := candidate.decide(ctx, judges, s); decided != nil || err != nil {
			return decided, err
		}
	}
	return nil, nil
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
// held against; all that match must allow the address. What judges say of
// addresses is not known before the login: see Policy.Allows.
func (p *Profiles) SourceAllowed(credentials []byte, address string) bool {
	for i := range p.list {
		candidate := &p.list[i]
		if candidate.policy != nil && len(candidate.policy.SourceIPs) > 0 &&
			candidate.filter.Match(credentials, nil) && !listed(candidate.policy.SourceIPs, address) {
			return false
		}
	}
	return true
}

// Allows reports whether one may log in from an address under the policy.
func (p *Policy) Allows(address string) bool {
	return len(p.SourceIPs) == 0 || listed(p.SourceIPs, address)
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
