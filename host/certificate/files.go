package certificate

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"
)

// lookEvery bounds how often the files are looked at. Whoever renews a
// certificate does so days before the old one ends.
const lookEvery = 5 * time.Second

// files is a certificate in two files that others may replace.
type files struct {
	cert, key string
	log       *slog.Logger

	mu      sync.Mutex
	current *tls.Certificate
	stamp   [2]stamp
	looked  time.Time
}

// stamp tells one content of a file from another.
type stamp struct {
	size     int64
	modified time.Time
}

func openFiles(cert, key string, log *slog.Logger) (*files, error) {
	f := &files{cert: cert, key: key, log: log, looked: time.Now()}
	f.stamp = f.stamps()
	if err := f.read(); err != nil {
		return nil, err
	}
	return f, nil
}

func (f *files) read() error {
	pair, err := tls.LoadX509KeyPair(f.cert, f.key)
	if err != nil {
		return fmt.Errorf("the certificate in tls.certFile %s with the key in tls.keyFile %s: %w", f.cert, f.key, err)
	}
	f.current = &pair
	return nil
}

func (f *files) stamps() (now [2]stamp) {
	for i, name := range []string{f.cert, f.key} {
		if info, err := os.Stat(name); err == nil {
			now[i] = stamp{info.Size(), info.ModTime()}
		}
	}
	return now
}

// certificate implements tls.Config.GetCertificate. While the files do not fit
// together, which they do not while they are being replaced, the old one serves.
func (f *files) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if time.Since(f.looked) < lookEvery {
		return f.current, nil
	}
	f.looked = time.Now()
	if now := f.stamps(); now != f.stamp {
		if err := f.read(); err != nil {
			f.log.Warn("a changed certificate cannot be used; the earlier one serves on", "error", err)
			return f.current, nil
		}
		f.stamp = now
		f.log.Info("the certificate was read again", "file", f.cert)
	}
	return f.current, nil
}
