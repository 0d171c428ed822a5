package migrate

import "strings"

// Report says what was found and done.
type Report struct {
	Origin    Origin
	Documents int64           // of the source, without those left out
	Bytes     int64           // their paths and data
	Excluded  int64           // left out by Options.Only and Exclude
	Own       int64           // left out because they are what a store notes about itself
	Tops      map[string]*Top // by the first part of the path

	// What the first look found; Documents is their sum.
	New       int64 // the target has nothing there
	Same      int64 // the target has the same
	Replaced  int64 // another one gives way
	Kept      int64 // another one stays
	Conflicts int64 // another one is there, which ends it
	Refused   int64 // cannot be stored

	// The first of them, for people.
	Refusals      []Refusal
	ConflictPaths []string
	// Unsettable counts paths that clients can read and not write, outside
	// /_SYSTEM.
	Unsettable int64
	// Remarks count the documents that are not copied as they are, by what it is.
	Remarks map[string]int64

	Resumed  int64 // documents that an earlier run had finished with
	Stored   int64 // by this run
	Verified int64 // found to be the same
	// Differences are the first that verifying found; Differing counts all.
	Differences []Refusal
	Differing   int64
}

// Top counts the documents below one top-level path.
type Top struct{ Documents, Bytes int64 }

// Refusal says why a document cannot be stored, or how it differs.
type Refusal struct {
	Path  string // "" if it has none
	Place Place
	Why   string
}

// maxExamples bounds the lists in a report.
const maxExamples = 20

// maxTops bounds how many top-level paths are counted each for itself; OtherTops
// counts the rest.
const (
	maxTops   = 1000
	OtherTops = "all others"
)

func newReport(origin Origin) *Report {
	return &Report{Origin: origin, Tops: make(map[string]*Top), Remarks: make(map[string]int64)}
}

func (r *Report) count(item *Item) {
	for _, remark := range item.Remarks {
		r.Remarks[remark]++
	}
	r.Documents++
	size := int64(len(item.Doc.Path) + len(item.Doc.Data))
	r.Bytes += size
	name := top(item.Doc.Path)
	one := r.Tops[name]
	if one == nil && len(r.Tops) >= maxTops {
		name = OtherTops
		one = r.Tops[name]
	}
	if one == nil {
		one = &Top{}
		r.Tops[name] = one
	}
	one.Documents++
	one.Bytes += size
}

// top returns the first part of a path, with the slash before it.
func top(path string) string {
	if len(path) > 1 {
		if end := strings.IndexByte(path[1:], '/'); end >= 0 {
			return path[:end+1]
		}
	}
	return path
}

// example adds to a list that is only for people.
func example(list []Refusal, item *Item, why string) []Refusal {
	if len(list) < maxExamples {
		list = append(list, Refusal{item.Doc.Path, item.Place, why})
	}
	return list
}
