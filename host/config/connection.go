package config

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Connection is how a store talks to a MongoDB server. What is zero is as the
// URL says, or else the store's default.
type Connection struct {
	MaxPoolSize            int               `json:"maxPoolSize,omitempty"`            // connections
	ConnectTimeout         Span              `json:"connectTimeout,omitempty"`         // of one connection
	ServerSelectionTimeout Span              `json:"serverSelectionTimeout,omitempty"` // that requests wait for a server that has gone
	HeartbeatInterval      Span              `json:"heartbeatInterval,omitempty"`      // between two looks at the server
	RequestTimeout         Span              `json:"requestTimeout,omitempty"`         // of one request to the server
	StartTimeout           Span              `json:"startTimeout,omitempty"`           // that the start waits for the server
	QueueSize              int               `json:"queueSize,omitempty"`              // bytes that wait to be written
	Opts                   map[string]string `json:"opts,omitempty"`                   // options of connection strings
	PublishExternal        bool              `json:"publishExternalChanges,omitempty"` // what others write there
	PushDown               string            `json:"pushDown,omitempty"`               // what the server does of pipelines and collations: exact, server
}

// Span is a time that is written as in 5s.
type Span time.Duration

// MarshalJSON implements json.Marshaler.
func (s Span) MarshalJSON() ([]byte, error) { return json.Marshal(printDuration(time.Duration(s))) }

// connectionMembers describes what a Connection adds to a store's section.
func connectionMembers() []Member {
	return []Member{
		{"maxPoolSize", "of a `mongodb` store: connections at most; empty is 32"},
		{"connectTimeout", "of a `mongodb` store: how long making a connection may take, and how long a server may take to say that it is well, `100ms` to `10m`; empty is `5s`"},
		{"serverSelectionTimeout", "of a `mongodb` store: how long requests wait for a server that has gone, before they fail at once until it is back, `100ms` to `10m`; empty is `5s`"},
		{"heartbeatInterval", "of a `mongodb` store: time between two looks at the server, `500ms` to `10m`; empty is `2s`"},
		{"requestTimeout", "of a `mongodb` store: how long one request to the server may take, with the wait for a connection and what is sent again, `100ms` to `1h`; empty is `10s`"},
		{"startTimeout", "of a `mongodb` store: how long the start waits for the server, `100ms` to `24h`; empty is `30s`"},
		{"queueSize", "of a `mongodb` store: bytes of documents that wait to be written at most, such as `64MiB`; when it is reached, writers wait. Empty is `16MiB`"},
		{"opts", "of a `mongodb` store: further options, as happn-3 takes them, by the names that MongoDB's connection strings have, such as `{tls: true, authSource: admin}`. They replace those of the `url`; the members above replace both"},
		{"publishExternalChanges", "of a `mongodb` store: `true` publishes what others write to the collection and remove from it, other hosts among them, and has access control take it in at once. It needs change streams: the server must be a replica set, which may have one member, or a sharded cluster. Every document that the host writes then has a field `_writer`, which clients never see"},
		{"pushDown", "of a `mongodb` store: what MongoDB does of aggregation pipelines and collations. `exact`, the default: what surely comes to the same as in the host. `server`: whole pipelines without `$lookup`, and matching, sorting and counting by a `collation`, as with happn-3, where no permission decides about single documents; order of groups, rounding, collations and escaped names are MongoDB's then"},
	}
}

// readConnection reads what is described by connectionMembers.
func (c *Connection) readConnection(r *sectionReader, key string, f field) bool {
	const shortest = 100 * time.Millisecond
	switch f.name {
	case "maxPoolSize":
		return r.number(key, f, kindNumber, 1, 10_000, &c.MaxPoolSize)
	case "queueSize":
		return r.number(key, f, kindSize, 1<<10, 16<<30, &c.QueueSize)
	case "connectTimeout":
		return r.span(key, f, shortest, 10*time.Minute, &c.ConnectTimeout)
	case "serverSelectionTimeout":
		return r.span(key, f, shortest, 10*time.Minute, &c.ServerSelectionTimeout)
	case "heartbeatInterval": // less is refused by the driver
		return r.span(key, f, 500*time.Millisecond, 10*time.Minute, &c.HeartbeatInterval)
	case "requestTimeout":
		return r.span(key, f, shortest, time.Hour, &c.RequestTimeout)
	case "startTimeout":
		return r.span(key, f, shortest, 24*time.Hour, &c.StartTimeout)
	case "opts":
		return r.texts(key, f, &c.Opts)
	case "pushDown":
		return r.oneOf(key, f, &c.PushDown, "exact", "server")
	case "publishExternalChanges":
		return r.yesNo(key, f, &c.PublishExternal)
	}
	return false
}

// number reads a number or a size within bounds.
func (r *sectionReader) number(key string, f field, k kind, least, most int, into *int) bool {
	value, ok := k.parse(f.value.text)
	if n, isInt := value.(int); f.value.form == formScalar && ok && isInt && n >= least && n <= most {
		*into = n
		return true
	}
	r.fail(f.line, key, "%s, expected %s from %s to %s", f.value.describe(), k.wants(), k.print(least), k.print(most))
	return true
}

// span reads a duration within bounds.
func (r *sectionReader) span(key string, f field, least, most time.Duration, into *Span) bool {
	value, ok := kindDuration.parse(f.value.text)
	if d, isTime := value.(time.Duration); f.value.form == formScalar && ok && isTime && d >= least && d <= most {
		*into = Span(d)
		return true
	}
	r.fail(f.line, key, "%s, expected %s from %s to %s", f.value.describe(), kindDuration.wants(), printDuration(least), printDuration(most))
	return true
}

// oneOf reads one of some words.
func (r *sectionReader) oneOf(key string, f field, into *string, words ...string) bool {
	if f.value.form == formScalar && slices.Contains(words, f.value.text) {
		*into = f.value.text
		return true
	}
	r.fail(f.line, key, "%s, expected %s", f.value.describe(), strings.Join(words, " or "))
	return true
}

// texts reads a section of texts.
func (r *sectionReader) texts(key string, f field, into *map[string]string) bool {
	if f.value.form != formSection {
		r.fail(f.line, key, "%s, expected a section of texts, such as {tls: true}", f.value.describe())
		return true
	}
	*into = make(map[string]string, len(f.value.fields))
	for _, one := range f.value.fields {
		if one.value.form != formScalar {
			r.fail(one.line, key+"."+one.name, "expected a text")
			continue
		}
		(*into)[one.name] = one.value.text
	}
	return true
}

// set names the members that are set, for those who may not have them.
func (c Connection) set() []string {
	raw, err := json.Marshal(c)
	var members map[string]json.RawMessage
	if err != nil || json.Unmarshal(raw, &members) != nil {
		return []string{fmt.Sprint(c)} // no such value exists
	}
	return slices.Sorted(maps.Keys(members))
}

// shown returns the stores without passwords, which are *** instead.
func shown(stores []DataStore) []DataStore {
	const hidden = "***"
	var all []DataStore
	for _, s := range stores {
		if scheme, rest, ok := strings.Cut(s.URL, "://"); ok {
			if at := strings.LastIndexByte(rest, '@'); at >= 0 {
				user, _, _ := strings.Cut(rest[:at], ":")
				s.URL = scheme + "://" + user + ":" + hidden + rest[at:]
			}
		}
		s.Opts = maps.Clone(s.Opts)
		for name := range s.Opts {
			if strings.Contains(strings.ToLower(name), "password") || strings.EqualFold(name, "authMechanismProperties") {
				s.Opts[name] = hidden
			}
		}
		all = append(all, s)
	}
	return all
}
