package loki

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// The operations that happn-3 writes.
const (
	upsertOperation    = "UPSERT"
	insertOperation    = "INSERT"
	incrementOperation = "INCREMENT"
	removeOperation    = "REMOVE"
)

// maxDepth bounds the nesting of a line. Whether a document nests too deep is
// for the target to say.
const maxDepth = 10_000

// operation is one line below the snapshot.
type operation struct {
	line   int
	offset int64 // in the file
	size   int
	clock  int64 // ms, the latest time that this line and those before it tell of
}

// removal is a removal by pattern.
type removal struct {
	operation
	paths    *regexp.Regexp
	criteria condition // nil is all
}

// parsed is what a line says. The slices alias it.
type parsed struct {
	kind string
	path string
	args [][]byte // raw
}

// parse reads a line.
func parse(line []byte) (p parsed, err error) {
	scanner := rawjson.Scanner{MaxDepth: maxDepth}
	if err := scanner.Valid(line); err != nil {
		return p, err
	}
	line = line[rawjson.Space(line, 0):]
	whole, _ := rawjson.Lookup(line, "operation")
	kind, _ := rawjson.Lookup(whole, "operationType")
	args, _ := rawjson.Lookup(whole, "arguments")
	if !rawjson.IsObject(line) || !rawjson.IsString(kind) || !rawjson.IsArray(args) {
		return p, errors.New(`it is no {"operation":{"operationType":"...","arguments":[...]}}`)
	}
	p.kind = string(rawjson.Unquote(kind))
	p.args = slices.Collect(rawjson.Elements(args))
	return p, p.check()
}

// check sees that the arguments are those of the operation, and finds the path.
func (p *parsed) check() error {
	needs := map[string]int{upsertOperation: 2, insertOperation: 1, incrementOperation: 3, removeOperation: 1}[p.kind]
	if needs == 0 {
		return fmt.Errorf("happn-3 writes no operation %q", p.kind)
	}
	if len(p.args) < needs {
		return fmt.Errorf("%s has %d arguments instead of %d", p.kind, len(p.args), needs)
	}
	path := p.args[0]
	switch p.kind {
	case insertOperation:
		path, _ = rawjson.Lookup(p.args[0], "path")
	case upsertOperation:
		if !rawjson.IsObject(p.args[1]) {
			return errors.New("UPSERT without a document")
		}
	case incrementOperation:
		if !rawjson.IsString(p.args[1]) {
			return errors.New("INCREMENT without the name of a gauge")
		}
	}
	if !rawjson.IsString(path) {
		return fmt.Errorf("%s without a path", p.kind)
	}
	p.path = string(rawjson.Unquote(path))
	return nil
}

// time is the latest time in a line, 0 if there is none.
func (p *parsed) time() int64 {
	from := p.args[0]
	if p.kind == upsertOperation {
		from, _ = rawjson.Lookup(p.args[1], "_meta")
	}
	if p.kind == removeOperation || p.kind == incrementOperation {
		return 0
	}
	created, _ := milliseconds(from, "created")
	modified, _ := milliseconds(from, "modified")
	return max(created, modified)
}

// byPattern reports whether the line removes what a pattern covers.
func (p *parsed) byPattern() bool {
	return p.kind == removeOperation && strings.Contains(p.path, "*")
}

// removal compiles a removal by pattern. The star stands for what JavaScript's
// dot stands for: happn-3 makes a regular expression of it.
func (p *parsed) removal(at operation) (r removal, err error) {
	var parts []string
	for part := range strings.SplitSeq(p.path, "*") {
		parts = append(parts, regexp.QuoteMeta(part))
	}
	r = removal{operation: at}
	if r.paths, err = regexp.Compile(`^` + strings.Join(parts, `[^\n\r\x{2028}\x{2029}]*`) + `$`); err != nil {
		return r, err
	}
	if len(p.args) > 1 && !rawjson.IsNull(p.args[1]) {
		r.criteria, err = compileCriteria(p.args[1])
	}
	return r, err
}
