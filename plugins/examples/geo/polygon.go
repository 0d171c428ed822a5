package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// polygon is an outer ring without its holes. Edges are straight in degrees, as RFC
// 7946 has it, and go the short way around the Earth. A point on an edge is inside.
type polygon struct {
	outer ring
	holes []ring
}

func (p polygon) contains(at point) bool {
	if inside, edge := p.outer.locate(at); !inside && !edge {
		return false
	}
	for _, hole := range p.holes {
		if inside, edge := hole.locate(at); inside && !edge {
			return false
		}
	}
	return true
}

func compilePolygon(raw []byte) (area, error) {
	var p polygon
	n := 0
	for elem := range rawjson.Elements(raw) {
		r, err := compileRing(elem)
		if err != nil {
			return nil, fmt.Errorf("ring %d: %w", n, err)
		}
		if n == 0 {
			p.outer = r
		} else {
			p.holes = append(p.holes, r)
		}
		n++
	}
	if n == 0 {
		return nil, errors.New("a Polygon has at least one ring")
	}
	return p, nil
}

// ring is a closed line. Its longitudes do not jump at the antimeridian: they go on
// beyond 180 degrees.
type ring struct {
	points     []point // the last one is the first one again
	drawn      int     // of the points; behind them are those that close it by a pole
	west, east float64
}

func compileRing(raw []byte) (r ring, err error) {
	points, err := readPositions(raw)
	if err != nil {
		return r, err
	}
	if n := len(points); n > 1 && points[0] != points[n-1] {
		points = append(points, points[0])
	}
	if len(points) < 4 {
		return r, errors.New("three points at least")
	}
	sum := 0.0
	for i := 1; i < len(points); i++ {
		step := math.Remainder(points[i].lon-points[i-1].lon, 360)
		points[i].lon = points[i-1].lon + step
		sum += points[i].lat
	}
	r.drawn = len(points)
	if turned := points[len(points)-1].lon - points[0].lon; math.Abs(turned) > 180 {
		points = aroundPole(points, sum)
	}
	r.points, r.west, r.east = points, math.Inf(1), math.Inf(-1)
	for _, p := range points {
		r.west, r.east = min(r.west, p.lon), max(r.east, p.lon)
	}
	return r, nil
}

// aroundPole closes a ring that goes once around the Earth by the pole that it lies
// nearer to.
func aroundPole(points []point, sum float64) []point {
	pole := math.Copysign(90, sum)
	first, last := points[0], points[len(points)-1]
	return append(points, point{last.lon, pole}, point{first.lon, pole}, first)
}

// locate reports whether a point is inside of the ring, or on it.
func (r ring) locate(p point) (inside, edge bool) {
	if math.Abs(p.lat) == 90 { // has every longitude
		for i, q := range r.points {
			if q.lat == p.lat {
				return i >= r.drawn, i < r.drawn
			}
		}
	}
	for lon := p.lon + 360*math.Ceil((r.west-p.lon)/360); lon <= r.east; lon += 360 {
		in, on := r.crossings(point{lon, p.lat})
		inside, edge = inside || in, edge || on
	}
	return inside, edge
}

// crossings counts the edges between a point and its pole in the north, the longitude
// being that of the ring.
func (r ring) crossings(p point) (inside, edge bool) {
	for i := 1; i < len(r.points); i++ {
		a, b := r.points[i-1], r.points[i]
		if a.lon > b.lon {
			a, b = b, a
		}
		if p.lon < a.lon || p.lon > b.lon {
			continue
		}
		if a.lon == b.lon {
			edge = edge || i < r.drawn && p.lat >= min(a.lat, b.lat) && p.lat <= max(a.lat, b.lat)
			continue
		}
		lat := a.lat + (b.lat-a.lat)*(p.lon-a.lon)/(b.lon-a.lon)
		edge = edge || lat == p.lat
		if p.lon < b.lon && lat > p.lat { // each corner counts for one of its edges
			inside = !inside
		}
	}
	return inside, edge
}
