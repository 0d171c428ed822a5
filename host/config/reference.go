package config

import (
	"reflect"
	"strings"
)

const envPrefix = "HAPPN_"

// Key documents one setting.
type Key struct {
	Name    string   // place in a file, such as "websocket.pingInterval"
	Type    string   // text, choice, number, size, duration, switch, list or sections
	Default string   // as it would be written; "" is the empty text or list
	Bounds  string   // values that are taken, in words; "" when every value of the type is
	Env     string   // environment variable
	Flag    string   // command line flag without its dashes
	Aliases []string // further flags for the same key
	Meaning string   // what it does, in Markdown
	Members []Member // of one section, for a list of sections
	Example string   // of a file, in YAML, for a list of sections
}

// Reference returns every key that Load knows, in the order of Config.
func Reference() []Key {
	defaults := values(Default())
	rows := table()
	keys := make([]Key, len(rows))
	for i := range rows {
		e := &rows[i]
		bounds := e.bounds()
		if bounds == "" && e.check != nil {
			bounds, _ = e.check(nil)
		}
		keys[i] = Key{
			Name:    e.name,
			Type:    string(e.kind),
			Default: e.kind.print(defaults[e.name]),
			Bounds:  bounds,
			Env:     envName(e.name),
			Flag:    e.name,
			Aliases: e.aliases,
			Meaning: e.meaning,
		}
		if e.list != nil {
			keys[i].Members, keys[i].Example = e.list.members, e.list.example
		}
	}
	return keys
}

// NearestFlag returns the flag, without its dashes, that is most like name.
func NearestFlag(name string) string {
	var flags []string
	for _, e := range table() {
		flags = append(append(flags, e.name), e.aliases...)
	}
	return nearest(name, flags)
}

// envName is unambiguous because no key has an underscore and none is another
// one's prefix; a test keeps that.
func envName(key string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// values returns the leaves of c by key.
func values(c Config) map[string]any {
	flat := map[string]any{}
	collect(reflect.ValueOf(c), "", flat)
	return flat
}

func collect(v reflect.Value, prefix string, into map[string]any) {
	for i := range v.NumField() {
		name := prefix + v.Type().Field(i).Tag.Get("koanf")
		if v.Field(i).Kind() == reflect.Struct {
			collect(v.Field(i), name+".", into)
			continue
		}
		into[name] = v.Field(i).Interface()
	}
}

// Setting is the value that a configuration gives to a key.
type Setting struct {
	Key
	Value string // as it would be written; "(set)" for a secret
}

// Changed returns the keys whose values differ from their defaults, in the order
// of Reference.
func (c Config) Changed() []Setting {
	flat := values(c)
	var changed []Setting
	rows := table()
	for i, k := range Reference() {
		value := flat[k.Name]
		if stores, ok := value.([]DataStore); ok {
			value = shown(stores)
		}
		if v := rows[i].kind.print(value); v != k.Default {
			if rows[i].secret {
				v = "(set)"
			}
			changed = append(changed, Setting{Key: k, Value: v})
		}
	}
	return changed
}
