package config

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/v2"
)

// Sources says where Load looks, from the weakest to the strongest.
type Sources struct {
	// File is a YAML (.yaml, .yml) or JSON (.json) file; "" is none.
	File string

	// Env is an environment in the form of os.Environ. Only names that begin
	// with HAPPN_ (in any case) are looked at.
	Env []string

	// NotKeys are names of such variables that are for others than the host.
	NotKeys []string

	// Flags holds the flags that were given, by name without dashes. A name is a
	// key or one of its aliases.
	Flags map[string]string
}

// setting is one value that a source gives to a key.
type setting struct {
	key    *entry
	text   string   // as it was written
	list   []string // when the source has lists of its own, and wrote one
	node   *node    // of kindSections, when the source has sections of its own
	source string
	file   string // the source without its line; "" if it has no lines
}

// Load puts the file, the environment and the flags on top of the defaults. All
// that is wrong is reported at once: the error is a join of *Error.
func Load(s Sources) (Config, error) {
	known := newIndex(table())
	file, errs := readFile(s.File, known)
	env, envErrs := readEnv(s.Env, s.NotKeys, known)
	flags, flagErrs := readFlags(s.Flags, known)
	errs = append(append(errs, envErrs...), flagErrs...)

	merged := koanf.New(".")
	// The defaults are a layer like any other: decoding over a filled struct
	// would keep the tail of a default list that is longer than the new one.
	if err := merged.Load(confmap.Provider(values(Default()), "."), nil); err != nil {
		return Config{}, fmt.Errorf("merge the default configuration: %w", err)
	}
	sources := map[string]string{} // of the value that won, by key
	broken := map[string]bool{}
	for _, layer := range [][]setting{file, env, flags} {
		flat, layerErrs := convert(layer, sources, broken)
		errs = append(errs, layerErrs...)
		if err := merged.Load(confmap.Provider(flat, "."), nil); err != nil {
			return Config{}, fmt.Errorf("merge the configuration: %w", err)
		}
	}
	var c Config
	if err := merged.Unmarshal("", &c); err != nil {
		return Config{}, fmt.Errorf("decode the configuration: %w", err)
	}
	errs = append(errs, c.checkRelations(sources, broken)...)
	if len(errs) > 0 {
		return Config{}, errors.Join(errs...)
	}
	return c, nil
}

// convert parses and bounds the settings of one layer.
func convert(layer []setting, sources map[string]string, broken map[string]bool) (map[string]any, []error) {
	flat := map[string]any{}
	var errs []error
	for _, s := range layer {
		if s.key.kind == kindSections {
			value, listErrs := s.key.list.parse(&s)
			errs = append(errs, listErrs...)
			broken[s.key.name] = broken[s.key.name] || len(listErrs) > 0
			if len(listErrs) == 0 {
				flat[s.key.name], sources[s.key.name] = value, s.source
			}
			continue
		}
		value, ok := s.value()
		if !ok || !s.key.accepts(value) {
			broken[s.key.name] = true
			errs = append(errs, &Error{
				Source: s.source, Key: s.key.name,
				Reason: s.key.found(s.text) + ", expected " + s.key.expected(),
			})
			continue
		}
		flat[s.key.name] = value
		sources[s.key.name] = s.source
	}
	return flat, errs
}

func (s *setting) value() (any, bool) {
	if s.list != nil {
		return s.list, s.key.kind == kindList
	}
	return s.key.kind.parse(s.text)
}

// index finds keys by their names.
type index struct {
	keys     map[string]*entry
	env      map[string]*entry
	flags    map[string]*entry
	sections map[string]bool
}

func newIndex(rows []entry) *index {
	x := &index{
		keys: map[string]*entry{}, env: map[string]*entry{},
		flags: map[string]*entry{}, sections: map[string]bool{},
	}
	for i := range rows {
		e := &rows[i]
		x.keys[e.name], x.flags[e.name], x.env[envName(e.name)] = e, e, e
		for _, a := range e.aliases {
			x.flags[a] = e
		}
		for at, c := range e.name {
			if c == '.' {
				x.sections[e.name[:at]] = true
			}
		}
	}
	return x
}

// nearestKey looks among keys and, for what stands where a section could, among
// sections.
func (x *index) nearestKey(name string, section bool) string {
	var all []string
	if section {
		all = sortedNames(x.sections)
	} else {
		all = sortedNames(x.keys)
	}
	return nearest(name, all)
}

func readEnv(environ, notKeys []string, known *index) ([]setting, []error) {
	var found []setting
	var errs []error
	for _, pair := range slices.Sorted(slices.Values(environ)) {
		name, text, _ := strings.Cut(pair, "=")
		upper := strings.ToUpper(name)
		if !strings.HasPrefix(upper, envPrefix) || slices.Contains(notKeys, upper) {
			continue
		}
		source := "environment variable " + name
		key, ok := known.env[upper]
		if !ok {
			near := nearest(upper, sortedNames(known.env))
			errs = append(errs, &Error{Source: source, Reason: "is not a known key; did you mean " + near + "?"})
			continue
		}
		found = append(found, setting{key: key, text: text, source: source})
	}
	return found, errs
}

func readFlags(flags map[string]string, known *index) ([]setting, []error) {
	var found []setting
	var errs []error
	for _, name := range sortedNames(flags) {
		source := "flag --" + name
		key, ok := known.flags[name]
		if !ok {
			near := nearest(name, sortedNames(known.flags))
			errs = append(errs, &Error{Source: source, Reason: "is not a known flag; did you mean --" + near + "?"})
			continue
		}
		found = append(found, setting{key: key, text: flags[name], source: source})
	}
	return found, errs
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
