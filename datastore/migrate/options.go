package migrate

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/happn-host/happn-host/datastore"
)

// Policy says what happens to a document of the target that differs from the one
// of the source on its path.
type Policy string

// The policies.
const (
	Fail      Policy = "fail"      // nothing at all is copied
	Skip      Policy = "skip"      // the target's stays
	Overwrite Policy = "overwrite" // the source's takes its place
	Newer     Policy = "newer"     // the one that was modified later stays
)

// policies are all of them.
var policies = []Policy{Fail, Skip, Overwrite, Newer}

// ParsePolicy reads the name of a policy.
func ParsePolicy(name string) (Policy, error) {
	if p := Policy(name); slices.Contains(policies, p) {
		return p, nil
	}
	return "", fmt.Errorf("there is no policy %q for conflicts; use one of %v", name, policies)
}

// Target is what a copy needs of a store.
type Target interface {
	datastore.Store
	datastore.Importer
}

// Options says what to copy. Source and Target stay the caller's.
type Options struct {
	Source     Source
	Target     Target
	OnConflict Policy   // "" is Fail
	Only       []string // patterns of the paths to copy; none is all
	Exclude    []string // patterns of paths to leave out, of those

	PathBytes int // longest path; 0 is any
	JSONDepth int // deepest nesting; 0 is rawjson.DefaultMaxDepth

	// SkipRefused copies what can be copied when some of it cannot.
	SkipRefused bool
	// DryRun ends after the first look.
	DryRun bool
	// Verify compares the target with the source after the copy.
	Verify bool

	// Settable reports whether clients can write to a path; nil is all.
	Settable func(path []byte) bool
	// Progress is told how far it got, often; nil tells nobody.
	Progress func(Progress)
}

// Errors of Run.
var (
	// ErrRefused says that documents of the source cannot be stored.
	ErrRefused = errors.New("some documents cannot be stored")
	// ErrConflict says that the target has other documents on paths of the source.
	ErrConflict = errors.New("the target has other documents at some of the paths")
	// ErrDiffers says that the target is not what the copy should have made of it.
	ErrDiffers = errors.New("the target differs from the source")
)

// Phase is a part of the work.
type Phase string

// The phases, in their order.
const (
	Looking   Phase = "looking"
	Copying   Phase = "copying"
	Verifying Phase = "verifying"
)

// Progress says how far a phase got.
type Progress struct {
	Phase     Phase
	Documents int64 // seen in this phase
	Read      int64 // bytes of the source
	Origin    Origin
}

// selection decides which paths are copied.
type selection struct{ only, exclude []*regexp.Regexp }

func newSelection(o Options) selection {
	return selection{compileAll(o.Only), compileAll(o.Exclude)}
}

func compileAll(patterns []string) (all []*regexp.Regexp) {
	for _, pattern := range patterns {
		parts := strings.Split(pattern, "*")
		for i := range parts {
			parts[i] = regexp.QuoteMeta(parts[i])
		}
		all = append(all, regexp.MustCompile(`(?s)^`+strings.Join(parts, `.*`)+`$`)) // quoted: always one
	}
	return all
}

func (s selection) has(path string) bool {
	covers := func(re *regexp.Regexp) bool { return re.MatchString(path) }
	return (len(s.only) == 0 || slices.ContainsFunc(s.only, covers)) && !slices.ContainsFunc(s.exclude, covers)
}
