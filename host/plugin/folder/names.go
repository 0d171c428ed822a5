package folder

import (
	"os"
	"slices"
	"strings"
)

// Modules returns the modules of the folder, in order, without the canaries
// that lie beside one.
func Modules(dir string) (files []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".wasm") && !strings.HasPrefix(name, ".") && !e.IsDir() {
			files = append(files, name)
		}
	}
	return slices.DeleteFunc(slices.Clone(files), func(file string) bool {
		module, ok := CanaryOf(file)
		_, nested := CanaryOf(module)
		return ok && !nested && slices.Contains(files, module)
	}), nil
}

// canarySuffix is what the file of a canary ends with, in place of ".wasm".
const canarySuffix = ".canary.wasm"

// CanaryOf returns the module that a file is the canary of, and whether it is
// one.
func CanaryOf(file string) (module string, ok bool) {
	name, ok := strings.CutSuffix(file, canarySuffix)
	return name + ".wasm", ok
}

// CanaryFile returns the name of the canary's file beside a module.
func CanaryFile(file string) string { return Stem(file) + canarySuffix }

// Stem returns the name of a plugin's files without what they end with.
func Stem(file string) string {
	if module, ok := CanaryOf(file); ok {
		file = module
	}
	return strings.TrimSuffix(file, ".wasm")
}

// OperatorFile returns the path of the operator's file beside a module.
func OperatorFile(modulePath string) string {
	return Stem(modulePath) + ".yaml"
}
