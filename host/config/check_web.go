package config

import (
	"net/netip"
	"net/url"
	"strings"
)

// The checks below are asked with nil for the words alone.

func checkSecret(value any) (string, bool) {
	s, _ := value.(string)
	return "a text of at most 1024 bytes", len(s) <= 1024
}

// The bounds of secrets are those of security/token and security/password.

func checkTokenSecret(value any) (string, bool) {
	s, _ := value.(string)
	return "at least 32 random bytes and at most 1024, or nothing", s == "" || len(s) >= 32 && len(s) <= 1024
}

func checkOptionalFile(value any) (string, bool) {
	s, _ := value.(string)
	return "the path of a file, or nothing", s == "" || strings.TrimSpace(s) != "" && !strings.Contains(s, "\x00")
}

// checkToken takes what HTTP calls a token, which the name of a cookie has to be.
func checkToken(value any) (string, bool) {
	s, _ := value.(string)
	bad := strings.ContainsFunc(s, func(r rune) bool {
		return r <= ' ' || r >= 0x7f || strings.ContainsRune(`()<>@,;:\"/[]?={}`, r)
	})
	return "a name of letters, digits, - and _", s != "" && len(s) <= 128 && !bad
}

func checkCookieDomain(value any) (string, bool) {
	s, _ := value.(string)
	_, ok := checkHost(strings.TrimPrefix(s, "."))
	return "a host name, with or without a dot before it, or nothing", ok || s == ""
}

func checkHostNames(value any) (string, bool) {
	const want = "a list of host names without port"
	list, _ := value.([]string)
	for _, one := range list {
		if _, ok := checkHost(one); !ok {
			return want, false
		}
	}
	return want, true
}

func checkNetworks(value any) (string, bool) {
	const want = "a list of IP addresses or networks, such as 10.1.2.3 or 10.0.0.0/8"
	list, _ := value.([]string)
	for _, one := range list {
		_, addrErr := netip.ParseAddr(one)
		_, prefixErr := netip.ParsePrefix(one)
		if addrErr != nil && prefixErr != nil {
			return want, false
		}
	}
	return want, true
}

func checkPaths(value any) (string, bool) {
	const want = "a list of paths that begin with / or *"
	list, _ := value.([]string)
	for _, one := range list {
		if !strings.HasPrefix(one, "/") && !strings.HasPrefix(one, "*") {
			return want, false
		}
	}
	return want, true
}

func checkOptionalURL(value any) (string, bool) {
	s, _ := value.(string)
	u, err := url.Parse(s)
	return "a URL that begins with https://, or nothing", s == "" || err == nil && u.Scheme == "https" && u.Host != ""
}
