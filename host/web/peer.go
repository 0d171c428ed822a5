package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// networks are addresses of which some are trusted.
type networks []netip.Prefix

// parseNetworks takes what the configuration has checked.
func parseNetworks(texts []string) networks {
	var all networks
	for _, text := range texts {
		if p, err := netip.ParsePrefix(text); err == nil {
			all = append(all, p.Masked())
		} else if a, err := netip.ParseAddr(text); err == nil {
			all = append(all, netip.PrefixFrom(a, a.BitLen()))
		}
	}
	return all
}

func (n networks) contains(a netip.Addr) bool {
	for _, p := range n {
		if p.Contains(a.Unmap()) {
			return true
		}
	}
	return false
}

// peerOf returns the address at the other end of the connection.
func peerOf(r *http.Request) netip.Addr {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return peer.Addr().Unmap()
}

// AddressOf returns the address of who makes a request: the nearest one that is
// no trusted proxy. What a stranger writes into the header is not believed.
func (s *Server) AddressOf(r *http.Request) string {
	at := peerOf(r)
	hops := strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ",")
	for i := len(hops) - 1; i >= 0 && s.proxies.contains(at); i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		at = hop.Unmap()
	}
	return at.String()
}

// encrypted reports whether the caller's connection is, as far as that is known.
func (s *Server) encrypted(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	proto := r.Header.Get("X-Forwarded-Proto")
	return s.proxies.contains(peerOf(r)) && (proto == "https" || proto == "wss")
}

// named reports whether a request calls the host by a name that is its own. A
// page can have its own name lead here, and would then count as the host's page.
func (s *Server) named(r *http.Request) bool {
	if len(s.options.Web.Hosts) == 0 {
		return true
	}
	name := r.Host
	if host, _, err := net.SplitHostPort(name); err == nil {
		name = host
	}
	if _, err := netip.ParseAddr(strings.Trim(name, "[]")); err == nil || strings.EqualFold(name, "localhost") {
		return true
	}
	for _, own := range s.options.Web.Hosts {
		if strings.EqualFold(own, strings.TrimSuffix(name, ".")) {
			return true
		}
	}
	return false
}
