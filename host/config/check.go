package config

import (
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// accepts reports whether a parsed value is within the bounds of the key.
func (e *entry) accepts(value any) bool {
	if e.check != nil {
		_, ok := e.check(value)
		return ok
	}
	switch v := value.(type) {
	case string:
		return e.kind != kindChoice || contains(e.choices, v)
	case int:
		return e.within(int64(v))
	case time.Duration:
		return e.within(int64(v))
	}
	return true
}

func (e *entry) within(n int64) bool {
	return n == 0 && e.zero != "" || e.min <= n && n <= e.max
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// expected says in words what the key takes, for errors.
func (e *entry) expected() string {
	if e.check != nil {
		want, _ := e.check(nil)
		return want
	}
	if b := e.bounds(); b != "" {
		if e.kind == kindChoice {
			return "one of " + b
		}
		return e.kind.wants() + ", " + b
	}
	return e.kind.wants()
}

// bounds says in words which values of the key's kind are taken, or "".
func (e *entry) bounds() string {
	switch {
	case e.kind == kindChoice:
		return strings.Join(e.choices, ", ")
	case e.min == 0 && e.max == 0:
		return ""
	}
	low, high := e.bound(e.min), e.bound(e.max)
	s := low + " to " + high
	if e.unit != "" {
		s += " " + e.unit
	}
	if e.zero != "" {
		s += ", or 0 for " + e.zero
	}
	return s
}

func (e *entry) bound(n int64) string {
	if e.kind == kindDuration {
		return e.kind.print(time.Duration(n))
	}
	return e.kind.print(int(n))
}

// The checks below are asked with nil for the words alone.

func checkPlain(value any) (string, bool) {
	s, _ := value.(string)
	return "a text without control characters, at most 255 bytes",
		len(s) <= 255 && !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f })
}

func checkFolder(value any) (string, bool) {
	s, _ := value.(string)
	return "the path of a folder", strings.TrimSpace(s) != "" && !strings.Contains(s, "\x00")
}

func checkOptionalFolder(value any) (string, bool) {
	s, _ := value.(string)
	_, ok := checkFolder(value)
	return "the path of a folder, or nothing", ok || s == ""
}

func checkHost(value any) (string, bool) {
	const want = "an IP address or a host name without port, such as 127.0.0.1, 0.0.0.0 or ::"
	s, _ := value.(string)
	if _, err := netip.ParseAddr(s); err == nil {
		return want, true
	}
	bad := strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(":/[]@?#,", r)
	})
	return want, s != "" && !bad
}

func checkOrigins(value any) (string, bool) {
	const want = "a list of origins (scheme://host or scheme://host:port), or * for any"
	list, _ := value.([]string)
	for _, one := range list {
		if one == "*" {
			continue
		}
		u, err := url.Parse(one)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Path != "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
			return want, false
		}
	}
	return want, true
}
