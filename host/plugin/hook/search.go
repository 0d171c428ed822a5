package hook

import (
	"errors"
	"fmt"
	"regexp"
	"slices"

	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin/object"
)

// Search says what a plugin has for criteria.
type Search struct {
	// Operators are those that it works out, such as $near.
	Operators []string
	// Ranks are those of the operators whose scores put documents in an order, the
	// least first.
	Ranks []string
	// Queries are what it answers as a whole: fulltext for
	// criteria: {$search: {fulltext: {...}}}.
	Queries []string
}

var (
	operatorName = regexp.MustCompile(`^\$[A-Za-z][A-Za-z0-9]{0,63}$`)
	queryName    = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9._-]{0,63}$`)
)

func readSearch(t *object.Reader) *Search {
	s := &Search{}
	s.Operators, _ = t.Texts("operators")
	s.Ranks, _ = t.Texts("ranks")
	s.Queries, _ = t.Texts("queries")
	for _, name := range s.Operators {
		switch {
		case !operatorName.MatchString(name):
			t.Fail("operators", "%q must be $ and at most 64 letters and digits, such as $near", name)
		case pipeline.IsOperator(name):
			t.Fail("operators", "%q is an operator of the host; give it another name", name)
		}
	}
	for _, name := range s.Queries {
		if !queryName.MatchString(name) {
			t.Fail("queries", "%q must begin with a letter and hold at most 64 letters, digits, dots, dashes and underscores", name)
		}
	}
	return s
}

// with returns s with what the operator says: fewer operators and queries.
func (s *Search) with(o *Search) *Search {
	if s == nil || o == nil {
		return s
	}
	out := *s
	if o.Operators != nil {
		out.Operators = o.Operators
	}
	if o.Ranks != nil {
		out.Ranks = o.Ranks
	}
	if o.Queries != nil {
		out.Queries = o.Queries
	}
	return &out
}

// check returns what is wrong with the hook as a whole.
func (s *Search) check() error {
	if len(s.Operators) == 0 && len(s.Queries) == 0 {
		return errors.New("a search hook needs operators, queries or both")
	}
	for _, name := range s.Ranks {
		if !slices.Contains(s.Operators, name) {
			return fmt.Errorf("ranks names %s, which is not among operators", name)
		}
	}
	return nil
}
