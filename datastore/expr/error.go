package expr

import (
	"fmt"
	"strconv"
)

// Error is a mistake in what a client sent.
type Error struct {
	Problem string // what is wrong
	Where   string // where it stands, as in criteria.$or[1].region; may be empty
}

// Error implements error.
func (e *Error) Error() string {
	if e.Where == "" {
		return e.Problem
	}
	return e.Problem + " at " + e.Where
}

// Place is a position in the text being compiled; it is rendered only when
// something is wrong there.
type Place struct {
	up    *Place
	name  string
	index int // of an array element, when name is empty
}

// Root is the place that others are inside of.
func Root(name string) *Place { return &Place{name: name} }

// Key is the place of a member.
func (p *Place) Key(name string) *Place { return &Place{up: p, name: name} }

// At is the place of an array element.
func (p *Place) At(index int) *Place { return &Place{up: p, index: index} }

// Up is the place around this one.
func (p *Place) Up() *Place { return p.up }

// String renders the place, as in criteria.$or[1].region.
func (p *Place) String() string {
	switch {
	case p.up == nil:
		return p.name
	case p.name == "":
		return p.up.String() + "[" + strconv.Itoa(p.index) + "]"
	}
	return p.up.String() + "." + p.name
}

// Errorf returns an *Error about this place.
func (p *Place) Errorf(format string, args ...any) error {
	return &Error{Problem: fmt.Sprintf(format, args...), Where: p.String()}
}
