package main

import (
	"errors"
	"fmt"
	"math"

	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// area is the argument of $geoWithin.
type area interface{ contains(p point) bool }

// circle is what is at most so many metres away.
type circle struct {
	center point
	radius float64
}

func (c circle) contains(p point) bool { return distance(c.center, p) <= c.radius }

// box lies between two meridians and two parallels; with west > east it lies across
// the antimeridian.
type box struct{ southWest, northEast point }

func (b box) contains(p point) bool {
	if p.lat < b.southWest.lat || p.lat > b.northEast.lat {
		return false
	}
	return b.spans(p.lon) || math.Abs(p.lon) == 180 && b.spans(-p.lon) // the antimeridian has two names
}

func (b box) spans(lon float64) bool {
	west, east := lon >= b.southWest.lon, lon <= b.northEast.lon
	if b.southWest.lon > b.northEast.lon {
		return west || east
	}
	return west && east
}

// areas is any of several.
type areas []area

func (a areas) contains(p point) bool {
	for _, one := range a {
		if one.contains(p) {
			return true
		}
	}
	return false
}

// compileArea reads {$center}, {$box}, {$polygon} or {$geometry}, or a GeoJSON
// object by itself.
func compileArea(raw []byte) (area, error) {
	if rawjson.TypeOf(raw) != rawjson.Object {
		return nil, errors.New("needs {$center}, {$box}, {$polygon} or {$geometry}")
	}
	if geometry(raw) != "" {
		return compileGeometry(raw)
	}
	var name string
	var value []byte
	for key, v := range rawjson.Members(raw) {
		if name != "" {
			return nil, fmt.Errorf("takes one area, not %s and %s", name, key)
		}
		name, value = string(key), v
	}
	switch name {
	case "$center":
		return compileCircle(value)
	case "$box":
		corners, err := readPositions(value)
		if err != nil || len(corners) != 2 || corners[0].lat > corners[1].lat {
			return nil, errors.New("$box must be [[west, south], [east, north]]")
		}
		return box{corners[0], corners[1]}, nil
	case "$polygon":
		outer, err := compileRing(value)
		if err != nil {
			return nil, fmt.Errorf("$polygon: %w", err)
		}
		return polygon{outer: outer}, nil
	case "$geometry":
		return compileGeometry(value)
	}
	return nil, errors.New("needs {$center}, {$box}, {$polygon} or {$geometry}")
}

func compileCircle(raw []byte) (area, error) {
	var parts [][]byte
	for elem := range rawjson.Elements(raw) {
		parts = append(parts, elem)
	}
	wrong := errors.New("$center must be [[longitude, latitude], metres]")
	if len(parts) != 2 {
		return nil, wrong
	}
	center, ok := readPoint(parts[0])
	r, isNumber := number(parts[1])
	if !ok || !isNumber || r < 0 {
		return nil, wrong
	}
	return circle{center, r}, nil
}

func compileGeometry(raw []byte) (area, error) {
	coordinates, _ := rawjson.Lookup(raw, "coordinates")
	switch geometry(raw) {
	case "Polygon":
		return compilePolygon(coordinates)
	case "MultiPolygon":
		var all areas
		for elem := range rawjson.Elements(coordinates) {
			one, err := compilePolygon(elem)
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		if len(all) > 0 {
			return all, nil
		}
	}
	return nil, errors.New("$geometry must be a GeoJSON Polygon or MultiPolygon")
}

func readPositions(raw []byte) (all []point, err error) {
	if rawjson.TypeOf(raw) != rawjson.Array {
		return nil, errors.New("a list of [longitude, latitude] is expected")
	}
	for elem := range rawjson.Elements(raw) {
		p, ok := readPosition(elem)
		if !ok {
			return nil, fmt.Errorf("point %d is not [longitude, latitude]", len(all))
		}
		all = append(all, p)
	}
	return all, nil
}
