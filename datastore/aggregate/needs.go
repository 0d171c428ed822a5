package aggregate

import (
	"strings"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// needs returns the top-level members of the data that stages look at, not nil;
// nil is that they may look at any, as when documents come out as they are.
func needs(stages []rawStage) []string {
	look := looked{names: []string{}}
	for _, s := range stages {
		switch s.name {
		case "$count":
			return look.names
		case "$group", "$bucket", "$bucketAuto", "$sortByCount", "$replaceRoot", "$replaceWith":
			look.at(s.arg)
			return look.known()
		case "$project":
			if look.at(s.arg); includes(s.arg) {
				return look.known()
			}
		case "$match", "$sort", "$addFields", "$set", "$unwind":
			look.at(s.arg)
		case "$skip", "$limit", "$sample", "$unset":
		default:
			return nil
		}
	}
	return nil
}

// includes reports whether a $project leaves out what it does not name.
func includes(arg []byte) bool {
	for name, value := range rawjson.Members(arg) {
		if string(name) == "_id" {
			continue
		}
		switch {
		case len(value) == 0:
			return false
		case value[0] == 'f', value[0] == '0', value[0] == '-', value[0] == '{':
			return false // it may leave out, also deeper down
		}
		return true
	}
	return false
}

// looked collects the members of the data that JSON text of stages refers to. It
// errs on the side of too many.
type looked struct {
	names []string
	any   bool
}

func (l *looked) known() []string {
	if l.any {
		return nil
	}
	return l.names
}

func (l *looked) at(raw []byte) {
	switch {
	case rawjson.IsObject(raw):
		for name, value := range rawjson.Members(raw) {
			if string(name) == "$getField" || string(name) == "$jsonSchema" {
				l.any = true
			}
			l.field(string(name))
			l.at(value)
		}
	case rawjson.IsArray(raw):
		for element := range rawjson.Elements(raw) {
			l.at(element)
		}
	case rawjson.IsString(raw):
		l.path(string(rawjson.Unquote(raw)))
	}
}

// path takes in an expression such as "$data.region".
func (l *looked) path(text string) {
	switch {
	case strings.HasPrefix(text, "$$ROOT"), strings.HasPrefix(text, "$$CURRENT"):
		l.any = true
	case strings.HasPrefix(text, "$"):
		l.field(text[1:])
	}
}

// field takes in the name of a field.
func (l *looked) field(name string) {
	rest, within := strings.CutPrefix(name, "data.")
	switch {
	case name == "data":
		l.any = true
	case within:
		member, _, _ := strings.Cut(rest, ".")
		l.names = append(l.names, member)
	}
}
