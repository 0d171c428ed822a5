package certificate

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

const (
	lifetime = 825 * 24 * time.Hour // the longest that Apple's clients take
	renewal  = 30 * 24 * time.Hour  // before the end
)

// selfSigned returns the certificate in dir, after making it if there is none or
// it is about to end. Without a folder it is made anew at each start.
func selfSigned(dir string, names []string) (tls.Certificate, error) {
	if dir == "" {
		cert, key, err := generate(names)
		if err != nil {
			return tls.Certificate{}, err
		}
		return tls.X509KeyPair(cert, key)
	}
	certFile, keyFile := filepath.Join(dir, "self-signed.crt"), filepath.Join(dir, "self-signed.key")
	kept, err := tls.LoadX509KeyPair(certFile, keyFile)
	switch {
	case err == nil && time.Until(kept.Leaf.NotAfter) > renewal:
		return kept, nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return tls.Certificate{}, fmt.Errorf("the generated certificate in %s: %w; remove it to have another one", dir, err)
	}
	cert, key, err := generate(names)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := errors.Join(makeFolder(dir), replace(keyFile, key), replace(certFile, cert)); err != nil {
		return tls.Certificate{}, fmt.Errorf("keep the generated certificate: %w", err)
	}
	return tls.X509KeyPair(cert, key)
}

// generate makes a certificate and its key, both PEM.
func generate(names []string) (cert, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("generate a key: %w", err)
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, fmt.Errorf("generate a serial number: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: "happn-host"},
		NotBefore:    time.Now().Add(-time.Hour), // clocks differ
		NotAfter:     time.Now().Add(lifetime),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     []string{"localhost"},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
		// It signs itself, so that clients can be told to trust just this one.
		BasicConstraintsValid: true,
	}
	if machine, err := os.Hostname(); err == nil {
		names = append(names, machine)
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip == nil {
			template.DNSNames = append(template.DNSNames, name)
		} else if !ip.IsUnspecified() {
			template.IPAddresses = append(template.IPAddresses, ip)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		return nil, nil, fmt.Errorf("sign a certificate: %w", err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("write a key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}

func makeFolder(dir string) error { return os.MkdirAll(dir, 0o700) }

// replace writes a file that only the host's account can read.
func replace(name string, content []byte) error {
	part := name + ".part"
	if err := os.WriteFile(part, content, 0o600); err != nil {
		return err
	}
	return os.Rename(part, name)
}
