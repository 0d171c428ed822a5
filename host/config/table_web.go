package config

import "time"

func tlsKeys() []entry {
	return []entry{
		{name: "tls.certFile", kind: kindText, check: checkOptionalFile,
			meaning: "File with the certificate and its chain, in PEM. A changed file is read again. It needs `tls.keyFile`."},
		{name: "tls.keyFile", kind: kindText, check: checkOptionalFile,
			meaning: "File with the certificate's private key, in PEM."},
		{name: "tls.selfSigned", kind: kindSwitch,
			meaning: "Generate a certificate. Clients must be told to trust it."},
		{name: "tls.dir", kind: kindText, check: checkOptionalFolder,
			meaning: "Folder of generated and fetched certificates. Empty: `tls` in `data.dir`."},
		{name: "tls.minVersion", kind: kindChoice, choices: []string{"1.2", "1.3"},
			meaning: "Oldest version of TLS that is spoken."},
		{name: "tls.acme.hosts", kind: kindList, check: checkHostNames,
			meaning: "Host names to fetch certificates for, from an authority that speaks ACME. It must reach the host at port 443 under each of them."},
		{name: "tls.acme.email", kind: kindText, check: checkPlain,
			meaning: "Address for the authority's warnings."},
		{name: "tls.acme.directory", kind: kindText, check: checkOptionalURL,
			meaning: "Directory of the authority. Empty: Let's Encrypt."},
		{name: "tls.acme.acceptTerms", kind: kindSwitch,
			meaning: "Whether you accept the authority's terms. It issues nothing otherwise."},
	}
}

func webKeys() []entry {
	return []entry{
		{name: "web.exclusions", kind: kindList, check: checkPaths,
			meaning: "Paths of a secure host that need no token. `*` stands for any text, except in `/`, which is itself only."},
		{name: "web.forbiddenPage", kind: kindText, check: checkOptionalFile,
			meaning: "HTML file to answer 403 with. Empty: a line of text."},
		{name: "web.unauthorizedPage", kind: kindText, check: checkOptionalFile,
			meaning: "HTML file to answer 401 with. Empty: a line of text."},
		{name: "web.hosts", kind: kindList, check: checkHostNames,
			meaning: "Names, without port, that the host may be called by. Others are answered with 421, so that no web page can reach it by a name of its own. Addresses and `localhost` always count. Empty: every name."},
		{name: "web.trustedProxies", kind: kindList, check: checkNetworks,
			meaning: "Addresses or networks (`10.0.0.0/8`) of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed."},
		{name: "web.maxBodyBytes", kind: kindSize, min: kib, max: gib,
			meaning: "Largest body of a request."},
		{name: "web.bodyTimeout", kind: kindDuration, min: int64(100 * time.Millisecond), max: int64(time.Hour),
			meaning: "Time that a client has to send the body of a request."},
		{name: "web.hsts", kind: kindDuration, min: int64(time.Second), max: int64(10 * year), zero: "none",
			meaning: "Time for which browsers are told to use TLS only (`Strict-Transport-Security`). It is sent on encrypted connections, and as happn-3 sends it with the default."},
		{name: "web.cors.origins", kind: kindList, check: checkOrigins,
			meaning: "Origins of web pages that may read what is answered outside `/primus`, such as `https://example.com`; `*` is any. What `/primus` answers may be read by the pages in `websocket.origins`."},
		{name: "web.cors.credentials", kind: kindSwitch,
			meaning: "Whether such pages may send the cookie. Name the origins then: with `*` it has no effect."},
		{name: "web.cors.maxAge", kind: kindDuration, min: int64(time.Second), max: int64(30 * 24 * time.Hour), zero: "not at all",
			meaning: "Time that browsers remember what they may do."},
		{name: "web.api.enabled", kind: kindSwitch,
			meaning: "Whether the management API under `/api/v1` is served."},
	}
}
