package policy

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Policy is what a session may do, for how long and how often. It is immutable
// and safe for concurrent use.
type Policy struct {
	TTL        int64 // ms from the login; 0 is for ever
	Inactivity int64 // ms between requests; 0 is any time
	UsageLimit int64 // requests; 0 is any number

	DisallowTokenLogins bool // nobody may log in with a token of this session
	LockTokenToOrigin   bool // only on the server that made the token

	// SourceIPs are the addresses from which one may log in; none is any.
	SourceIPs []netip.Prefix

	// Permissions are the only ones of the session, raw JSON in the form of a
	// group's; nil are those of its user.
	Permissions []byte

	raw     []byte
	unknown string // a member that means nothing
}

// Bounds of a policy.
const (
	maxPolicyBytes = 64 << 10
	maxSources     = 4096
)

// Parse reads a policy as a profile, a session's record and a token have it. It
// keeps nothing of raw. Durations are milliseconds or texts (see Milliseconds);
// null and "Infinity" are no bound. Members that mean nothing are kept for the
// record.
func Parse(raw []byte) (*Policy, error) {
	if len(raw) > maxPolicyBytes {
		return nil, fmt.Errorf("a policy of %d bytes, at most %d are allowed", len(raw), maxPolicyBytes)
	}
	if err := new(rawjson.Scanner).Valid(raw); err != nil {
		return nil, fmt.Errorf("policy: %w", err)
	}
	raw = raw[rawjson.Space(raw, 0):]
	if !rawjson.IsObject(raw) {
		return nil, errors.New("a policy must be an object")
	}
	p := &Policy{raw: []byte{'{'}}
	for name, val := range rawjson.Members(raw) {
		shown, err := p.set(string(name), val)
		if err != nil {
			return nil, fmt.Errorf("policy.%s: %w", name, err)
		}
		p.raw = member(p.raw, name, shown)
	}
	p.raw = append(p.raw, '}')
	return p, nil
}

// ParseStrict is Parse for a policy that somebody has just written: a member that
// means nothing is an error.
func ParseStrict(raw []byte) (*Policy, error) {
	p, err := Parse(raw)
	if err == nil && p.unknown != "" {
		return nil, fmt.Errorf("policy.%s is unknown: use ttl, inactivity_threshold, usage_limit, permissions, "+
			"disallowTokenLogins, lockTokenToOrigin or sourceIPWhitelist", p.unknown)
	}
	return p, err
}

// set takes one member and returns how it is shown.
func (p *Policy) set(name string, val []byte) (shown []byte, err error) {
	switch name {
	case "ttl":
		return duration(val, &p.TTL)
	case "inactivity_threshold":
		return duration(val, &p.Inactivity)
	case "usage_limit":
		return number(val, &p.UsageLimit)
	case "disallowTokenLogins":
		p.DisallowTokenLogins = truthy(val)
	case "lockTokenToOrigin":
		p.LockTokenToOrigin = truthy(val)
	case "permissions":
		if rawjson.IsNull(val) {
			break
		}
		if !rawjson.IsObject(val) {
			return nil, errors.New("must be an object of permissions by path")
		}
		p.Permissions = append([]byte(nil), val...)
	case "sourceIPWhitelist":
		p.SourceIPs, err = prefixes(val)
	default:
		p.unknown = name
	}
	return val, err
}

// duration reads a number of milliseconds, a text, or null.
func duration(val []byte, ms *int64) (shown []byte, err error) {
	if !rawjson.IsString(val) {
		return number(val, ms)
	}
	text := string(rawjson.Unquote(val))
	if text == "Infinity" {
		*ms = 0
		return []byte("null"), nil
	}
	if *ms, err = Milliseconds(text); err != nil {
		return nil, err
	}
	return strconv.AppendInt(nil, *ms, 10), nil
}

// number reads a number, null is 0 (what JSON makes of Infinity).
func number(val []byte, n *int64) (shown []byte, err error) {
	if rawjson.IsNull(val) {
		*n = 0
		return val, nil
	}
	var f float64
	if err := json.Unmarshal(val, &f); err != nil {
		return nil, fmt.Errorf("%.40s is no number that can be counted; for no bound write 0", val)
	}
	*n, err = bounded(f, string(val))
	return strconv.AppendInt(nil, *n, 10), err
}

// truthy is what JavaScript takes for true.
func truthy(val []byte) bool {
	switch string(val) {
	case "false", "null", "0", "-0", "0.0", `""`:
		return false
	}
	return true
}

func prefixes(val []byte) ([]netip.Prefix, error) {
	if rawjson.IsNull(val) {
		return nil, nil
	}
	var texts []string
	if err := json.Unmarshal(val, &texts); err != nil {
		return nil, errors.New("must be an array of IP addresses or networks, like \"10.0.0.0/8\"")
	}
	if len(texts) > maxSources {
		return nil, fmt.Errorf("%d addresses, at most %d are allowed; name networks", len(texts), maxSources)
	}
	out := make([]netip.Prefix, 0, len(texts))
	for _, text := range texts {
		prefix, err := parsePrefix(text)
		if err != nil {
			return nil, fmt.Errorf("%q is neither an IP address nor a network like 10.0.0.0/8", text)
		}
		out = append(out, prefix)
	}
	return out, nil
}

func parsePrefix(text string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(text); err == nil {
		addr = addr.Unmap().WithZone("")
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	prefix, err := netip.ParsePrefix(text)
	return prefix.Masked(), err
}

// Source is the policy as the record of its session shows it, raw JSON that must
// not be changed.
func (p *Policy) Source() []byte { return p.raw }

// MarshalJSON is Source.
func (p *Policy) MarshalJSON() ([]byte, error) { return p.raw, nil }

// AppendBoth appends the policies of a session as its record has them:
// {"0":…,"1":…}, of the stateless type first.
func AppendBoth(dst []byte, both [2]*Policy) []byte {
	dst = append(append(dst, `{"0":`...), both[0].raw...)
	return append(append(append(dst, `,"1":`...), both[1].raw...), '}')
}
