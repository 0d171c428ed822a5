// Command build compiles the example plugins that are written in Go into a folder:
//
//	go run ./plugins/examples/build -out plugins
//
// With each module comes its operator file, unless the folder has one. It runs
// in any folder of this repository.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/host/plugin/build"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "build:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

func run(ctx context.Context) error {
	out := flag.String("out", "plugins-enabled", "folder that receives the modules")
	only := flag.String("only", "", "build just these examples, with commas between them")
	flag.Parse()
	root, err := moduleRoot(ctx)
	if err != nil {
		return err
	}
	manifests, err := filepath.Glob(filepath.Join(root, "plugins", "examples", "*", build.ManifestFile))
	if err != nil {
		return err
	}
	wanted := strings.Split(*only, ",")
	var built []string
	for _, m := range manifests {
		dir := filepath.Dir(m)
		if *only != "" && !slices.Contains(wanted, filepath.Base(dir)) {
			continue
		}
		if sources, err := filepath.Glob(filepath.Join(dir, "*.go")); err != nil || len(sources) == 0 {
			continue // written in another language; its README.md says how it is built
		}
		module, err := build.Build(ctx, build.Options{Dir: dir, Out: *out, OperatorFile: true})
		if err != nil {
			return err
		}
		fmt.Println("built", module)
		built = append(built, filepath.Base(dir))
	}
	for _, name := range wanted {
		if *only != "" && !slices.Contains(built, name) {
			return fmt.Errorf("no example in Go called %q in %s", name, filepath.Join(root, "plugins", "examples"))
		}
	}
	return nil
}

// moduleRoot asks the go command where this repository is.
func moduleRoot(ctx context.Context) (string, error) {
	mod, err := exec.CommandContext(ctx, "go", "env", "GOMOD").Output()
	if err != nil {
		return "", fmt.Errorf("go env GOMOD: %w", err)
	}
	path := strings.TrimSpace(string(mod))
	if path == "" || path == os.DevNull {
		return "", errors.New("run it inside a clone of happn-host")
	}
	return filepath.Dir(path), nil
}
