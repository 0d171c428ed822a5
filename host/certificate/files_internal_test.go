package certificate

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// lookAgain lets the time pass after which files are looked at.
func (f *files) lookAgain() { f.looked = time.Time{} }

func TestAChangedCertificateIsReadAgainOnceItIsWhole(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "c.pem"), filepath.Join(dir, "k.pem")
	put := func(name string, content []byte) { require.NoError(t, os.WriteFile(name, content, 0o600)) }
	oneCert, oneKey, err := generate(nil)
	require.NoError(t, err)
	twoCert, twoKey, err := generate([]string{"another.example"})
	require.NoError(t, err)
	put(cert, oneCert)
	put(key, oneKey)
	f, err := openFiles(cert, key, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	first, err := f.certificate(nil)
	require.NoError(t, err)

	put(cert, twoCert)
	f.lookAgain()
	half, err := f.certificate(nil)
	require.NoError(t, err)
	require.Same(t, first, half, "the new certificate has the old key beside it")

	put(key, twoKey)
	same, err := f.certificate(nil)
	require.NoError(t, err)
	require.Same(t, first, same, "files are not looked at for every connection")
	f.lookAgain()
	second, err := f.certificate(nil)
	require.NoError(t, err)
	require.Contains(t, second.Leaf.DNSNames, "another.example")
}
