package meter

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"hash"
	"io/fs"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

//go:embed *.go
var source embed.FS

// Version returns a name for what this package makes of modules: the sum of its code, and of that which
// it reads and writes modules with. Who keeps a rewritten module keeps it by that, and
// nobody has to remember to change it.
func Version() (string, error) {
	sum := sha256.New()
	for _, files := range []fs.FS{source, wasmbin.Source()} {
		if err := sumUp(sum, files); err != nil {
			return "", fmt.Errorf("meter: version: %w", err)
		}
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func sumUp(sum hash.Hash, files fs.FS) error {
	return fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := fs.ReadFile(files, name)
		if err == nil {
			fmt.Fprintf(sum, "%s %d\n", name, len(content))
			sum.Write(content)
		}
		return err
	})
}
