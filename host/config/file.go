package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFileBytes keeps a mistaken path (a log, a device) from filling the memory.
const maxFileBytes = 4 * mib

// node is a value in a file, in the form that YAML and JSON share.
type node struct {
	line   int
	form   form
	text   string  // of a scalar, as it is written
	quoted bool    // whether a scalar is a text for certain
	items  []*node // of a list
	fields []field // of a section, in order
}

type form int

const (
	formNothing form = iota // null, or an empty place
	formScalar
	formList
	formSection
)

type field struct {
	name  string
	line  int
	value *node
}

func readFile(path string, known *index) ([]setting, []error) {
	if path == "" {
		return nil, nil
	}
	source := "file " + path
	root, err := parseFile(path)
	if err != nil {
		return nil, []error{&Error{Source: source, Reason: err.Error()}}
	}
	w := walker{source: source, known: known, seen: map[string]int{}}
	if root != nil && root.form != formNothing {
		w.section("", root)
	}
	return w.found, w.errs
}

func parseFile(path string) (*node, error) {
	parse := parseYAML
	switch strings.ToLower(filepath.Ext(path)) {
	case ".yaml", ".yml":
	case ".json":
		parse = parseJSON
	default:
		return nil, errors.New("has a name that does not say its form; call it something.yaml, .yml or .json")
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, errors.New("does not exist; check the path, or leave --config out to run with the defaults")
	case err != nil:
		return nil, fmt.Errorf("cannot be read: %w", err)
	case info.IsDir():
		return nil, errors.New("is a folder, expected a file")
	case info.Size() > maxFileBytes:
		return nil, fmt.Errorf("has %d bytes, expected at most %s", info.Size(), printSize(maxFileBytes))
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("cannot be read: %w; check its permissions", err)
	}
	return parse(content)
}

// walker turns the tree of a file into settings.
type walker struct {
	source string
	known  *index
	seen   map[string]int // line of each key
	found  []setting
	errs   []error
}

func (w *walker) at(line int) string { return fmt.Sprintf("%s line %d", w.source, line) }

func (w *walker) fail(line int, key, format string, args ...any) {
	w.errs = append(w.errs, &Error{Source: w.at(line), Key: key, Reason: fmt.Sprintf(format, args...)})
}

func (w *walker) section(prefix string, n *node) {
	if n.form != formSection {
		if prefix == "" {
			w.fail(n.line, "", "found no keys, expected a section of keys such as port: 55000")
			return
		}
		w.fail(n.line, prefix, "%s, expected a section of keys such as %s", n.describe(), w.firstOf(prefix))
		return
	}
	for _, f := range n.fields {
		name := f.name
		if prefix != "" {
			name = prefix + "." + f.name
		}
		w.key(name, f)
	}
}

func (w *walker) key(name string, f field) {
	key, isKey := w.known.keys[name]
	switch {
	case w.known.sections[name]:
		if f.value.form != formNothing { // an empty section is one whose keys are commented out
			w.section(name, f.value)
		}
	case !isKey && f.value.form == formSection:
		w.fail(f.line, name, "is not a known section; did you mean %s?", w.known.nearestKey(name, true))
	case !isKey:
		w.fail(f.line, name, "is not a known key; did you mean %s?", w.known.nearestKey(name, false))
	case w.seen[name] != 0:
		w.fail(f.line, name, "stands here and in line %d, expected once", w.seen[name])
	default:
		w.seen[name] = f.line
		w.value(key, f)
	}
}

func (w *walker) value(key *entry, f field) {
	s := setting{key: key, source: w.at(f.line), file: w.source}
	if key.kind == kindSections && f.value.form != formNothing {
		s.node = f.value
		w.found = append(w.found, s)
		return
	}
	switch f.value.form {
	case formScalar:
		s.text = f.value.text
	case formList:
		s.list = []string{}
		for _, item := range f.value.items {
			if item.form != formScalar {
				w.fail(item.line, key.name, "%s in the list, expected texts", item.describe())
				return
			}
			s.list = append(s.list, item.text)
		}
		s.text = "[" + strings.Join(s.list, ", ") + "]"
	default:
		w.fail(f.line, key.name, "%s, expected %s", f.value.describe(), key.expected())
		return
	}
	w.found = append(w.found, s)
}

// firstOf gives an example of a key in a section.
func (w *walker) firstOf(section string) string {
	for _, name := range sortedNames(w.known.keys) {
		if strings.HasPrefix(name, section+".") {
			return name
		}
	}
	return section
}

func (n *node) describe() string {
	switch n.form {
	case formScalar:
		return found(n.text)
	case formList:
		return "found a list"
	case formSection:
		return "found a section"
	default:
		return "found nothing"
	}
}
