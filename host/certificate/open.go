package certificate

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"

	"github.com/happn-host/happn-host/host/config"
)

// Options says where certificates come from.
type Options struct {
	TLS     config.TLS
	DataDir string   // of the host; "" if it has none
	Names   []string // addresses and names that a generated certificate is for, beside those of this machine
	Logger  *slog.Logger
}

// Open returns the configuration of encrypted connections, or nil if they are
// not to be encrypted. It fails when there is no certificate to begin with; one
// from an authority is fetched at the first connection.
func Open(o Options) (*tls.Config, error) {
	if !o.TLS.Enabled() {
		return nil, nil
	}
	c := &tls.Config{
		MinVersion: tls.VersionTLS12,
		// Websockets are an upgrade of HTTP/1.1.
		NextProtos: []string{"http/1.1"},
	}
	if o.TLS.MinVersion == "1.3" {
		c.MinVersion = tls.VersionTLS13
	}
	var err error
	switch {
	case o.TLS.CertFile != "":
		var f *files
		if f, err = openFiles(o.TLS.CertFile, o.TLS.KeyFile, o.Logger); err == nil {
			c.GetCertificate = f.certificate
		}
	case o.TLS.SelfSigned:
		var own tls.Certificate
		own, err = selfSigned(o.dir(), o.Names)
		c.Certificates = []tls.Certificate{own}
	default:
		err = o.fetch(c)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// dir returns the folder of certificates that are made or fetched, "" for none.
func (o *Options) dir() string {
	if o.TLS.Dir == "" && o.DataDir != "" {
		return filepath.Join(o.DataDir, "tls")
	}
	return o.TLS.Dir
}

// fetch lets c have its certificates from an authority, which proves the names
// by the protocol that it asks for in the handshake.
func (o *Options) fetch(c *tls.Config) error {
	dir := o.dir()
	if dir == "" {
		return errors.New("certificates from an authority must be kept, because it issues only so many; set tls.dir")
	}
	if err := makeFolder(dir); err != nil {
		return fmt.Errorf("the folder of certificates: %w", err)
	}
	m := &autocert.Manager{
		Prompt:     func(string) bool { return o.TLS.ACME.AcceptTerms },
		HostPolicy: autocert.HostWhitelist(o.TLS.ACME.Hosts...),
		Cache:      autocert.DirCache(dir),
		Email:      o.TLS.ACME.Email,
	}
	if o.TLS.ACME.Directory != "" {
		m.Client = &acme.Client{DirectoryURL: o.TLS.ACME.Directory}
	}
	c.GetCertificate = m.GetCertificate
	c.NextProtos = append(c.NextProtos, acme.ALPNProto)
	return nil
}
