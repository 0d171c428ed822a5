package plugin

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"

	"github.com/happn-host/happn-host/host/plugin/meter"
)

// metered returns a module as the meter rewrites it. In the operator's folder of compiled
// code it is kept by the sums of the module and of the meter's code, and its bounds, with a sum of its own: what is
// not whole is made anew. Small modules are not kept.
func (g *generation) metered(module []byte) ([]byte, error) {
	bounds := g.manifest.Limits.Bounds()
	m := g.plugin.manager
	if m.options.CacheDir == "" || len(module) <= smallModule {
		return meter.InjectBounded(module, bounds)
	}
	version, err := meter.Version()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(module)
	key := sha256.Sum256(fmt.Appendf(nil, "%s %x %+v", version, sum, bounds))
	file := filepath.Join(m.cacheDir, "metered-"+hex.EncodeToString(key[:]))
	if code := kept(file); code != nil {
		return code, nil
	}
	code, err := meter.InjectBounded(module, bounds)
	if err != nil {
		return nil, err
	}
	if err := keep(file, code); err != nil {
		g.log.Warn("a rewritten module could not be kept; it is rewritten at the next start, too", "error", err)
	}
	return code, nil
}

// kept reads what keep has written, nil if it is not there or not whole.
func kept(file string) []byte {
	content, err := os.ReadFile(file)
	if err != nil || len(content) < sha256.Size {
		return nil
	}
	sum, code := content[:sha256.Size], content[sha256.Size:]
	if now := sha256.Sum256(code); !bytes.Equal(sum, now[:]) {
		return nil
	}
	return code
}

// keep writes code with its sum in one step, for other hosts may read the file.
func keep(file string, code []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".metered-*")
	if err != nil {
		return err
	}
	sum := sha256.Sum256(code)
	_, err = f.Write(append(sum[:], code...))
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}
