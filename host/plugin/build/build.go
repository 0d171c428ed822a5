package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/manifest"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// ManifestFile is the name of a plugin's manifest beside its sources.
const ManifestFile = "manifest.json"

// Options says what to build.
type Options struct {
	// Dir is the folder of the main package. It holds manifest.json.
	Dir string
	// Module is a module that other tools have compiled from Dir. Empty compiles the
	// Go package there.
	Module string
	// Out is the folder that receives <name>.wasm; it is created if need be.
	Out string
	// OperatorFile copies <name>.yaml from Dir to Out, unless Out has one.
	OperatorFile bool
}

// Build compiles the plugin in o.Dir and returns the path of the module. The
// module appears in o.Out in one step, so that a host that watches the folder
// never reads half of it.
func Build(ctx context.Context, o Options) (module string, err error) {
	manifestPath := filepath.Join(o.Dir, ManifestFile)
	text, err := os.ReadFile(manifestPath)
	if err != nil {
		return "", fmt.Errorf("a plugin needs a manifest: %w", err)
	}
	manifest, err := manifest.Parse(manifestPath, text)
	if err != nil {
		return "", err
	}
	if manifest.Name == "" {
		return "", fmt.Errorf("%s: name: is missing", manifestPath)
	}
	if err := os.MkdirAll(o.Out, 0o755); err != nil {
		return "", err
	}
	compiled, err := o.compiled(ctx)
	if err != nil {
		return "", err
	}
	compiled, err = wasmbin.AppendCustom(compiled, abi.ManifestSection, text)
	if err != nil {
		return "", fmt.Errorf("%s: %w", o.Dir, err)
	}
	if o.OperatorFile {
		if err := copyOnce(filepath.Join(o.Dir, manifest.Name+".yaml"), filepath.Join(o.Out, manifest.Name+".yaml")); err != nil {
			return "", err
		}
	}
	module = filepath.Join(o.Out, manifest.Name+".wasm")
	return module, replace(module, compiled)
}

func (o *Options) compiled(ctx context.Context) ([]byte, error) {
	if o.Module != "" {
		return os.ReadFile(o.Module)
	}
	return compile(ctx, o.Dir)
}

// compile runs the go command and returns the module.
func compile(ctx context.Context, dir string) ([]byte, error) {
	scratch, err := os.MkdirTemp("", "happn-plugin-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	out := filepath.Join(scratch, "plugin.wasm")
	cmd := exec.CommandContext(ctx, "go", "build", "-buildmode=c-shared", "-trimpath", "-ldflags=-s -w", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm", "CGO_ENABLED=0", "GOFLAGS=")
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go build in %s: %w\n%s", dir, err, bytes.TrimSpace(said.Bytes()))
	}
	return os.ReadFile(out)
}

// replace writes a file in one step. A name with a leading dot is none that a
// host looks at.
func replace(path string, content []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".build-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

func copyOnce(from, to string) error {
	content, err := os.ReadFile(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(to); err == nil {
		return nil // the operator's own
	}
	return replace(to, content)
}
