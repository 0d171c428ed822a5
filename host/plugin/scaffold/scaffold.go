package scaffold

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/happn-host/happn-host/host/plugin/hook"
	"github.com/happn-host/happn-host/host/plugin/manifest"
)

//go:embed templates
var templates embed.FS

// Options says what to write.
type Options struct {
	// Dir is the new folder. Its last element is the plugin's name.
	Dir string
	// Kind is the kind of its hook, one of Kinds.
	Kind hook.Kind
}

// Kinds are the kinds of hooks that there are templates for.
func Kinds() []string {
	return []string{
		string(hook.KindInbound), string(hook.KindOutbound), string(hook.KindEvent),
		string(hook.KindService), string(hook.KindHTTP), string(hook.KindTick), string(hook.KindProtocol),
	}
}

// Write makes the folder and returns the files that it has written there. It
// overwrites nothing.
func Write(o Options) (files []string, err error) {
	name := filepath.Base(filepath.Clean(o.Dir))
	if _, err := manifest.Parse("the folder's name", fmt.Appendf(nil, `{"name":%q}`, name)); err != nil {
		return nil, err
	}
	if !slices.Contains(Kinds(), string(o.Kind)) {
		return nil, fmt.Errorf("there is no template for hooks of kind %q; there are some for %s", o.Kind, strings.Join(Kinds(), ", "))
	}
	if entries, err := os.ReadDir(o.Dir); err == nil && len(entries) > 0 {
		return nil, fmt.Errorf("%s is not empty; give the name of a new folder", o.Dir)
	}
	all, err := template.ParseFS(templates, "templates/*.tmpl", "templates/"+string(o.Kind)+"/*.tmpl")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return nil, err
	}
	data := struct{ Name string }{name}
	for _, t := range all.Templates() {
		file := filepath.Join(o.Dir, strings.ReplaceAll(strings.TrimSuffix(t.Name(), ".tmpl"), "NAME", name))
		if err := write(file, t, data); err != nil {
			return files, err
		}
		files = append(files, file)
	}
	slices.Sort(files)
	return files, nil
}

func write(file string, t *template.Template, data any) error {
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists already", file)
	}
	if err != nil {
		return err
	}
	return errors.Join(t.Execute(f, data), f.Close())
}
