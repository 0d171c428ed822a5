package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// sections describes a key whose value is a list of sections.
type sections struct {
	read    func(r *sectionReader, list []*node) any // the value; an empty list is nil
	members []Member
	example string // in YAML, as it stands under the key
}

// Member documents one key of a section in a list.
type Member struct {
	Name    string
	Meaning string // in Markdown
}

// parse reads the value of a setting. Errors name the place of each mistake.
func (s *sections) parse(from *setting) (any, []error) {
	r := &sectionReader{source: from.source, file: from.file}
	n := from.node
	if n == nil {
		var err error
		if n, err = parseJSON([]byte(from.text)); err != nil {
			r.fail(0, from.key.name, "%s: the text %w", found(from.text), err)
			return nil, r.errs
		}
	}
	if n == nil { // an empty text is an empty list
		n = &node{form: formList}
	}
	if n.form != formList {
		r.fail(n.line, from.key.name, "%s, expected %s", n.describe(), from.key.kind.wants())
		return nil, r.errs
	}
	value := s.read(r, n.items)
	return value, r.errs
}

// printSections is the inverse of parse: JSON text, or nothing.
func printSections(value any) string {
	if reflect.ValueOf(value).Len() == 0 {
		return ""
	}
	text, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(text)
}

// sectionReader reads the elements of a list of sections and collects what is
// wrong.
type sectionReader struct {
	source string // of the whole value
	file   string // the source without its line, if it has lines
	errs   []error
}

func (r *sectionReader) fail(line int, key, format string, args ...any) {
	source := r.source
	if r.file != "" && line > 0 {
		source = fmt.Sprintf("%s line %d", r.file, line)
	}
	r.errs = append(r.errs, &Error{Source: source, Key: key, Reason: fmt.Errorf(format, args...).Error()})
}

// section calls read with each key of the element. read reports false for a key
// that it does not know.
func (r *sectionReader) section(key string, n *node, members []Member, read func(key string, f field) bool) {
	if n.form != formSection {
		r.fail(n.line, key, "%s, expected a section with keys such as %s", n.describe(), members[0].Name)
		return
	}
	seen := map[string]bool{}
	for _, f := range n.fields {
		name := key + "." + f.name
		if seen[f.name] {
			r.fail(f.line, name, "stands here twice, expected once")
			continue
		}
		seen[f.name] = true
		if !read(name, f) {
			var names []string
			for _, m := range members {
				names = append(names, m.Name)
			}
			r.fail(f.line, name, "is not a known key; did you mean %s?", nearest(f.name, names))
		}
	}
}

func (r *sectionReader) text(key string, f field, into *string) bool {
	if f.value.form != formScalar {
		r.fail(f.line, key, "%s, expected a text", f.value.describe())
		return true
	}
	*into = f.value.text
	return true
}

func (r *sectionReader) list(key string, f field, into *[]string) bool {
	if f.value.form != formList {
		r.fail(f.line, key, "%s, expected a list of texts", f.value.describe())
		return true
	}
	for _, item := range f.value.items {
		if item.form != formScalar {
			r.fail(item.line, key, "%s in the list, expected texts", item.describe())
			return true
		}
		*into = append(*into, item.text)
	}
	return true
}

func (r *sectionReader) yesNo(key string, f field, into *bool) bool {
	value, ok := kindSwitch.parse(f.value.text)
	if f.value.form != formScalar || !ok {
		r.fail(f.line, key, "%s, expected %s", f.value.describe(), kindSwitch.wants())
		return true
	}
	*into = value.(bool)
	return true
}

func storeSections() *sections {
	members := []Member{
		{"name", "what the store is called in errors, `/healthz` and backups: letters, digits, `-` and `_`; `default` is the store in `data.dir`"},
		{"provider", "`embedded` (the default: in memory, with a durable copy in a folder) `memory` (forgets everything at a stop) or `mongodb` (a collection of happn-3, or one that happn-3 can use)"},
		{"dir", "folder of an embedded store; each needs its own"},
		{"durability", "of an embedded store, as `data.durability`: `sync` (the default) or `async`"},
		{"patterns", "paths that belong to the store. Each run of `*` stands for any text, also for `/`; case counts. The longest pattern of all stores that covers a path decides, of those of one length the first in the file"},
		{"url", "of a `mongodb` store: where its servers are, with any option of MongoDB's connection strings (`maxPoolSize`, `tls`, `authSource`, ...). Empty is `mongodb://127.0.0.1:27017`"},
		{"urlEnv", "of a `mongodb` store: the name of an environment variable that holds the `url`, so that no password stands in the file"},
		{"database", "of a `mongodb` store; empty is the one that the `url` names, or `happn`"},
		{"collection", "of a `mongodb` store; empty is `happn`"},
		{"w", "of a `mongodb` store: how many members have a write when it is answered, a number or `majority`; empty is what the `url` or the server says"},
		{"j", "of a `mongodb` store: `true` answers a write when those members have it in their journal"},
		{"index", "of a `mongodb` store: `false` makes no index, neither the unique one on `path` nor those of `data.indexes`, and records none below `/_SYSTEM/INDEXES` as happn-3 does"},
		{"default", "`true`: what no pattern covers belongs to this store, and the folder `data.dir` is not opened as a store. At most one"},
	}
	members = append(members, connectionMembers()...)
	read := func(r *sectionReader, list []*node) any {
		var stores []DataStore
		for i, n := range list {
			var s DataStore
			r.section(fmt.Sprintf("data.stores[%d]", i), n, members, func(key string, f field) bool {
				switch f.name {
				case "name":
					return r.text(key, f, &s.Name)
				case "provider":
					return r.text(key, f, &s.Provider)
				case "dir":
					return r.text(key, f, &s.Dir)
				case "durability":
					return r.text(key, f, &s.Durability)
				case "patterns":
					return r.list(key, f, &s.Patterns)
				case "default":
					return r.yesNo(key, f, &s.Default)
				}
				return s.readMongo(r, key, f)
			})
			stores = append(stores, s)
		}
		return stores
	}
	return &sections{read, members, strings.TrimPrefix(`
data:
  dir: ./happn-data
  stores:
    - name: cache
      provider: memory
      patterns: [/cache/*, /_TMP/*]
    - name: history
      dir: ./happn-history
      durability: async
      patterns: [/history/*]
`, "\n")}
}

// readMongo reads what only a store in MongoDB has.
func (s *DataStore) readMongo(r *sectionReader, key string, f field) bool {
	switch f.name {
	case "url":
		return r.text(key, f, &s.URL)
	case "urlEnv":
		return r.text(key, f, &s.URLEnv)
	case "database":
		return r.text(key, f, &s.Database)
	case "collection":
		return r.text(key, f, &s.Collection)
	case "w":
		return r.text(key, f, &s.W)
	case "j":
		return r.yesNo(key, f, &s.Journal)
	case "index":
		s.Index = new(bool)
		return r.yesNo(key, f, s.Index)
	}
	return s.readConnection(r, key, f)
}

func indexSections() *sections {
	members := []Member{
		{"paths", "patterns of the documents in the index: each run of `*` stands for any text. A search uses the index when one of them covers the whole path that it asks for"},
		{"fields", "names as in criteria, each with `1` (ascending) or `-1` (descending). Their order counts: an index on `region, age` also serves a search for `region`, not one for `age`"},
		{"unique", "`true`: a write that would give two documents under the paths the same values is refused"},
	}
	read := func(r *sectionReader, list []*node) any {
		var indexes []DataIndex
		for i, n := range list {
			var x DataIndex
			r.section(fmt.Sprintf("data.indexes[%d]", i), n, members, func(key string, f field) bool {
				switch f.name {
				case "paths":
					return r.list(key, f, &x.Paths)
				case "fields":
					return r.directions(key, f, &x.Fields)
				case "unique":
					return r.yesNo(key, f, &x.Unique)
				}
				return false
			})
			indexes = append(indexes, x)
		}
		return indexes
	}
	return &sections{read, members, strings.TrimPrefix(`
data:
  indexes:
    - paths: [/users/*]
      fields: {region: 1, age: -1}
    - paths: [/users/*]
      fields: {email: 1}
      unique: true
`, "\n")}
}

// directions reads fields with 1 or -1, in their order.
func (r *sectionReader) directions(key string, f field, into *IndexFields) bool {
	if f.value.form != formSection {
		r.fail(f.line, key, "%s, expected fields with 1 or -1, such as {region: 1, age: -1}", f.value.describe())
		return true
	}
	for _, one := range f.value.fields {
		if text := one.value.text; one.value.form != formScalar || text != "1" && text != "-1" {
			r.fail(one.line, key+"."+one.name, "%s, expected 1 (ascending) or -1 (descending)", one.value.describe())
			continue
		}
		*into = append(*into, IndexField{Name: one.name, Descending: one.value.text == "-1"})
	}
	return true
}
