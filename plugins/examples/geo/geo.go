package main

import (
	"bytes"
	"fmt"
	"math"

	"github.com/happn-host/happn-host/plugins/sdk"
)

// geo works out operators. It keeps the last argument compiled: a search shows its
// documents in several calls.
type geo struct {
	name     string
	argument []byte
	near     *near
	within   area
}

func (g *geo) operator(c *sdk.OperatorCall) error {
	if err := g.compile(c.Name, c.Argument); err != nil {
		return fmt.Errorf("%s: %w", c.Name, err)
	}
	for n, raw := range c.Values() {
		switch {
		case g.near != nil:
			if distance, ok := g.near.distance(raw); ok {
				c.Score(n, distance)
			}
		case anyPoint(raw, g.within.contains):
			c.Match(n)
		}
	}
	return nil
}

func (g *geo) compile(name string, argument []byte) (err error) {
	if g.name == name && bytes.Equal(g.argument, argument) {
		return nil
	}
	*g = geo{}
	switch name {
	case "$near":
		g.near, err = compileNear(argument)
	case "$geoWithin":
		g.within, err = compileArea(argument)
	default:
		err = fmt.Errorf("this plugin has $near and $geoWithin only")
	}
	if err == nil {
		g.name, g.argument = name, bytes.Clone(argument)
	}
	return err
}

// near is the argument of $near.
type near struct {
	center   point
	min, max float64 // metres
}

func compileNear(raw []byte) (*near, error) {
	n := &near{max: math.Inf(1)}
	center, ok := readPoint(raw)
	if !ok {
		var err error
		if center, err = n.members(raw); err != nil {
			return nil, err
		}
	}
	n.center = center
	return n, nil
}

// distance returns the least distance of the points in a value that are within the
// limits, in metres.
func (n *near) distance(raw []byte) (least float64, ok bool) {
	anyPoint(raw, func(p point) bool {
		if d := distance(n.center, p); d >= n.min && d <= n.max && (!ok || d < least) {
			least, ok = d, true
		}
		return false
	})
	return least, ok
}
