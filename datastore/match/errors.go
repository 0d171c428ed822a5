package match

import (
	"fmt"
	"strconv"

	"github.com/happn-host/happn-host/datastore/expr"
)

// Error is a mistake in what a client sent: a criterion, a sort, fields or
// options.
type Error = expr.Error

// place is a position in the text being compiled; it is rendered only when
// something is wrong there.
type place struct {
	up    *place
	name  string
	index int // of an array element, when name is empty
}

func root(name string) *place { return &place{name: name} }

func (p *place) key(name string) *place { return &place{up: p, name: name} }

func (p *place) at(index int) *place { return &place{up: p, index: index} }

func (p *place) String() string {
	switch {
	case p.up == nil:
		return p.name
	case p.name == "":
		return p.up.String() + "[" + strconv.Itoa(p.index) + "]"
	}
	return p.up.String() + "." + p.name
}

func (p *place) errorf(format string, args ...any) error {
	return &Error{Problem: fmt.Sprintf(format, args...), Where: p.String()}
}
