package match

import "strings"

// source says which part of a document a field name stands for.
type source uint8

const (
	fromData source = iota
	fromPath
	fromCreated
	fromModified
	fromModifiedBy
	fromNowhere // names the reference reserves, of which nothing is stored
)

// documentField returns the part of a document that a reserved name stands for.
func documentField(name string) (source, bool) {
	switch name {
	case "path":
		return fromPath, true
	case "created":
		return fromCreated, true
	case "modified":
		return fromModified, true
	case "modifiedBy":
		return fromModifiedBy, true
	case "_meta", "_id", "timestamp", "createdBy":
		return fromNowhere, true
	}
	return fromData, false
}

// translate turns a field name as a client writes it into the place in the
// stored document: full is the name in that document ("data.region",
// "created"), and within is the rest below data when from is fromData.
func translate(name string) (from source, full, within string) {
	if from, ok := documentField(name); ok {
		return from, name, ""
	}
	if rest, ok := strings.CutPrefix(name, "_meta."); ok && rest != "_meta" {
		if from, ok := documentField(rest); ok {
			return from, rest, ""
		}
	}
	if rest, ok := strings.CutPrefix(name, "_data."); ok {
		return fromData, "data." + rest, rest
	}
	if rest, ok := strings.CutPrefix(name, "data."); ok {
		return fromData, name, rest
	}
	return fromData, "data." + name, name
}

// segment is one component of a dotted path.
type segment struct {
	name  string
	index int // the array index it may also be, or -1
}

// maxSegments bounds a dotted path; no document that the host accepts nests deeper.
const maxSegments = 128

// maxIndexes bounds the numeric components from the document down to a value,
// also through $elemMatch. Each can mean an index or a member's name, and every
// combination that a document offers is tried.
const maxIndexes = 8

// segments splits a dotted path and counts its numeric components.
func segments(path string) (segs []segment, indexes int) {
	for name := range strings.SplitSeq(path, ".") {
		s := segment{name: name, index: arrayIndex(name)}
		if s.index >= 0 {
			indexes++
		}
		segs = append(segs, s)
	}
	return segs, indexes
}

// arrayIndex returns the index that name is when written as JavaScript does, or -1.
func arrayIndex(name string) int {
	if name == "" || len(name) > 9 || (name[0] == '0' && len(name) > 1) {
		return -1
	}
	n := 0
	for i := range len(name) {
		c := name[i]
		if c < '0' || c > '9' {
			return -1
		}
		n = n*10 + int(c-'0')
	}
	return n
}
