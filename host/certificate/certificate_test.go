package certificate_test

import (
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/certificate"
	"github.com/happn-host/happn-host/host/config"
)

func open(t *testing.T, dataDir string, c config.TLS) *tls.Config {
	t.Helper()
	got, err := certificate.Open(certificate.Options{TLS: c, DataDir: dataDir, Names: []string{"192.0.2.7", "0.0.0.0", "host.example"}, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return got
}

func TestNothingIsEncryptedUnlessAskedFor(t *testing.T) {
	require.Nil(t, open(t, t.TempDir(), config.Default().TLS))
}

func TestAGeneratedCertificateIsKeptForTheHostAlone(t *testing.T) {
	dir := t.TempDir()
	first := open(t, dir, config.TLS{SelfSigned: true})
	again := open(t, dir, config.TLS{SelfSigned: true})
	require.Equal(t, first.Certificates[0].Certificate, again.Certificates[0].Certificate)
	for _, name := range []string{"self-signed.key", "self-signed.crt"} {
		info, err := os.Stat(filepath.Join(dir, "tls", name))
		require.NoError(t, err)
		require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), name)
	}
	info, err := os.Stat(filepath.Join(dir, "tls"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
	require.NotEqual(t, open(t, "", config.TLS{SelfSigned: true}).Certificates[0].Certificate, first.Certificates[0].Certificate)
}

// handshake connects to a server with the configuration.
func handshake(t *testing.T, server *tls.Config, client *tls.Config) error {
	t.Helper()
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	require.NoError(t, err)
	defer l.Close()
	served := make(chan struct{})
	go func() {
		defer close(served)
		if c, err := l.Accept(); err == nil {
			_ = c.(*tls.Conn).Handshake()
			_ = c.Close()
		}
	}()
	defer func() { <-served }()
	c, err := tls.Dial("tcp", l.Addr().String(), client)
	if err == nil {
		_ = c.Close()
	}
	return err
}

func TestAGeneratedCertificateIsForTheNamesOfTheHost(t *testing.T) {
	server := open(t, t.TempDir(), config.TLS{SelfSigned: true, MinVersion: "1.3"})
	roots := x509.NewCertPool()
	leaf, err := x509.ParseCertificate(server.Certificates[0].Certificate[0])
	require.NoError(t, err)
	roots.AddCert(leaf)
	for _, name := range []string{"localhost", "127.0.0.1", "::1", "192.0.2.7", "host.example"} {
		require.NoError(t, handshake(t, server, &tls.Config{RootCAs: roots, ServerName: name}), name)
	}
	require.ErrorContains(t, handshake(t, server, &tls.Config{RootCAs: roots, ServerName: "0.0.0.0"}), "valid for")
	require.Error(t, handshake(t, server, &tls.Config{RootCAs: roots, ServerName: "localhost", MaxVersion: tls.VersionTLS12}), "older than tls.minVersion")
}

func TestFilesThatDoNotFitAreNamed(t *testing.T) {
	one, other := t.TempDir(), t.TempDir()
	open(t, one, config.TLS{SelfSigned: true})
	open(t, other, config.TLS{SelfSigned: true})
	cert, key := filepath.Join(one, "tls", "self-signed.crt"), filepath.Join(one, "tls", "self-signed.key")
	require.NotNil(t, open(t, "", config.TLS{CertFile: cert, KeyFile: key}))
	for _, c := range []config.TLS{
		{CertFile: cert, KeyFile: filepath.Join(other, "tls", "self-signed.key")},
		{CertFile: filepath.Join(other, "none"), KeyFile: key},
		{CertFile: key, KeyFile: key},
	} {
		_, err := certificate.Open(certificate.Options{TLS: c})
		require.ErrorContains(t, err, c.CertFile)
	}
}

func TestCertificatesFromAnAuthorityNeedAFolder(t *testing.T) {
	acme := config.TLS{ACME: config.ACME{Hosts: []string{"host.example"}, AcceptTerms: true}}
	_, err := certificate.Open(certificate.Options{TLS: acme})
	require.ErrorContains(t, err, "tls.dir")
	c := open(t, t.TempDir(), acme)
	require.Contains(t, c.NextProtos, "acme-tls/1")
	require.ErrorContains(t, handshake(t, c, &tls.Config{ServerName: "other.example"}), "remote error", "only the configured names are fetched")
}
