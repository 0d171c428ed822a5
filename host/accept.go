package host

import (
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/session"
	"github.com/happn-host/happn-host/host/transport"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// acceptor opens a session for each connection.
type acceptor struct {
	pipeline *pipeline.Pipeline
	believes func(ip string) bool // whose word on the peer's address counts; nil is everybody's
}

// Accept implements transport.Handler.
func (a acceptor) Accept(c *transport.Conn, info transport.Info) (transport.Peer, error) {
	o := originOf(info, c.Primus())
	if a.believes == nil || a.believes(o.IP) {
		forwarded(&o, info.Header)
	}
	return a.pipeline.Open(c, o, !c.Primus()), nil
}

// shownHeader reports whether a session shows a header of its upgrade request
// (happn-wire.md, 2.4).
func shownHeader(name string) bool {
	switch name {
	case "x-forwarded-proto", "x-forwarded-port", "x-forwarded-for", "host",
		"sec-websocket-extensions", "sec-websocket-key", "sec-websocket-version":
		return true
	}
	return false
}

func originOf(info transport.Info, primus bool) session.Origin {
	o := session.Origin{
		IP: info.RemoteIP, Port: info.RemotePort, Secure: info.TLS, TLS: info.TLS,
		URL: info.URL, Endpoint: "ws",
	}
	if primus {
		o.Endpoint = "primus"
	}
	headers := []byte{'{'}
	for _, h := range info.Header {
		if !shownHeader(h[0]) {
			continue
		}
		if len(headers) > 1 {
			headers = append(headers, ',')
		}
		headers = append(rawjson.AppendString(headers, h[0]), ':')
		headers = rawjson.AppendString(headers, h[1])
	}
	o.Headers = append(headers, '}')
	return o
}

// trustedProxies returns who is believed on a host with access control, where
// white lists and rates look at the address: those that web.trustedProxies names.
func trustedProxies(names []string) func(ip string) bool {
	var all []netip.Prefix
	for _, name := range names {
		if addr, err := netip.ParseAddr(name); err == nil {
			all = append(all, netip.PrefixFrom(addr, addr.BitLen()))
		} else if prefix, err := netip.ParsePrefix(name); err == nil {
			all = append(all, prefix)
		}
	}
	return func(ip string) bool {
		addr, err := netip.ParseAddr(ip)
		return err == nil && slices.ContainsFunc(all, func(p netip.Prefix) bool { return p.Contains(addr.Unmap()) })
	}
}

// proxyHeaders are the headers by which proxies tell the peer's address, in the
// order in which they count, each with those for port and protocol.
var proxyHeaders = [...][3]string{
	{"fastly-client-ip", "fastly-client-port", "fastly-client-proto"},
	{"x-forwarded-for", "x-forwarded-port", "x-forwarded-proto"},
	{"z-forwarded-for", "z-forwarded-port", "z-forwarded-proto"},
	{"forwarded", "forwarded-port", "forwarded-proto"},
	{"x-real-ip", "x-real-port", "x-real-proto"},
}

// forwarded takes over the address that a proxy tells. It is ignored if any
// entry of the list is not an address (happn-wire.md, 2.4).
func forwarded(o *session.Origin, headers [][2]string) {
	get := func(name string) string {
		for _, h := range headers {
			if h[0] == name {
				return h[1]
			}
		}
		return ""
	}
	for _, names := range proxyHeaders {
		list := get(names[0])
		if list == "" {
			continue
		}
		entries := strings.Split(list, ",")
		for _, entry := range entries {
			if net.ParseIP(strings.TrimSpace(entry)) == nil {
				return
			}
		}
		o.IP = strings.TrimSpace(entries[0])
		if port, err := strconv.Atoi(strings.TrimSpace(strings.Split(get(names[1]), ",")[0])); err == nil {
			o.Port = port
		}
		proto := strings.TrimSpace(strings.Split(get(names[2]), ",")[0])
		o.Secure = proto == "https" || proto == "1"
		return
	}
}
