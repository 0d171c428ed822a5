package permit

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/happn-host/happn-host/security"
)

// Table is a lookup table: a set of paths. It is for any goroutine. Sets keep
// what they have decided, so whoever changes a table makes Rules anew for those
// whom it concerns.
type Table struct {
	mu    sync.RWMutex
	paths map[string]struct{}
}

// Put adds a path, without the slash that it may begin with.
func (t *Table) Put(path string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.paths == nil {
		t.paths = map[string]struct{}{}
	}
	t.paths[strings.TrimPrefix(path, "/")] = struct{}{}
}

// Delete removes a path.
func (t *Table) Delete(path string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.paths, strings.TrimPrefix(path, "/"))
}

// Paths returns the paths, in no order.
func (t *Table) Paths() []string {
	t.mu.RLock()
	defer t.mu.RUnlock()
	paths := make([]string, 0, len(t.paths))
	for path := range t.paths {
		paths = append(paths, path)
	}
	return paths
}

// covers reports whether the text, which may have a `*`, matches a path of the
// table.
func (t *Table) covers(text string) bool {
	text = strings.TrimPrefix(text, "/")
	t.mu.RLock()
	defer t.mu.RUnlock()
	if strings.IndexByte(text, '*') < 0 {
		_, ok := t.paths[text]
		return ok
	}
	p := compilePattern(text)
	for path := range t.paths {
		if p.match([]byte(path)) {
			return true
		}
	}
	return false
}

// Lookup is a compiled lookup permission.
type Lookup struct {
	template // names are $1, $2, ... and those of session values
	regex    *regexp.Regexp
	actions  security.Actions
	table    *Table
}

// CompileLookup compiles a lookup permission over its table. It fails on a
// regular expression that RE2 does not have. The action `*` grants nothing here:
// happn-3 wants each action by its name.
func CompileLookup(p security.LookupPermission, table *Table) (*Lookup, error) {
	regex, err := regexp.Compile(p.Regex)
	if err != nil {
		return nil, fmt.Errorf("lookup permission on table %s: %w; look-around and back-references are not supported, "+
			"write it without", p.Table, err)
	}
	l := &Lookup{regex: regex, table: table}
	for _, name := range p.Actions {
		a, _ := security.ParseAction(name)
		l.actions |= a &^ security.Any
	}
	l.template, _ = parseTemplate(p.Path)
	return l, nil
}

// group returns the number in the name of a captured group.
func group(name string) (number int, ok bool) {
	digits, ok := strings.CutPrefix(name, "$")
	if !ok {
		return 0, false
	}
	number, err := strconv.Atoi(digits)
	return number, err == nil && number >= 0
}

// templated reports whether values of a session are to be filled in.
func (l *Lookup) templated() bool {
	for _, name := range l.names {
		if !strings.HasPrefix(name, "$") {
			return true
		}
	}
	return false
}

// lookup is a Lookup with the values of a session filled in.
type lookup struct {
	*Lookup
	parts []part
}

// plain returns lookups that need no values.
func plain(all []*Lookup) []lookup {
	var out []lookup
	for _, l := range all {
		out = append(out, lookup{l, l.parts})
	}
	return out
}

// fill returns the lookup for each combination of the session's values, none if
// one is missing or has a `*`.
func (l *Lookup) fill(session func(string) []string) []lookup {
	if !l.templated() {
		return plain([]*Lookup{l})
	}
	own := template{}
	for _, name := range l.names {
		if !strings.HasPrefix(name, "$") {
			own.names = append(own.names, name)
			own.parts = append(own.parts, part{text: name, name: true}, part{text: separator})
		}
	}
	combinations, _ := own.fill(session)
	var out []lookup
	for _, combination := range combinations {
		values := strings.Split(combination, separator)
		if len(values) == len(own.names)+1 {
			out = append(out, lookup{l, l.withValues(own.names, values)})
		}
	}
	return out
}

// separator stands between the values of a combination. A value that has it
// makes too many of them, and is left out.
const separator = "\x00"

func (l *Lookup) withValues(names, values []string) []part {
	parts := make([]part, 0, len(l.parts))
	for _, p := range l.parts {
		if p.name && !strings.HasPrefix(p.text, "$") {
			for i, name := range names {
				if name == p.text {
					p = part{text: values[i]}
					break
				}
			}
		}
		parts = append(parts, p)
	}
	return parts
}

// granted returns the actions that the lookup allows on the path.
func (l *lookup) granted(path []byte) security.Actions {
	at := l.regex.FindSubmatchIndex(path)
	if at == nil {
		return 0
	}
	var b strings.Builder
	for _, p := range l.parts {
		if !p.name {
			b.WriteString(p.text)
			continue
		}
		n, ok := group(p.text)
		if !ok || 2*n+1 >= len(at) || at[2*n] < 0 {
			return 0
		}
		b.Write(path[at[2*n]:at[2*n+1]])
	}
	if !l.table.covers(b.String()) {
		return 0
	}
	return l.actions
}
