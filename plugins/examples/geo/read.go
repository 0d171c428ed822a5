package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// members reads {point, minDistance, maxDistance}, also as MongoDB has it.
func (n *near) members(raw []byte) (center point, err error) {
	if rawjson.TypeOf(raw) != rawjson.Object {
		return center, errors.New("needs a point, as {point: [longitude, latitude], maxDistance: metres}")
	}
	found := false
	for name, value := range rawjson.Members(raw) {
		switch string(name) {
		case "point", "$geometry":
			if center, found = readPoint(value); !found {
				return center, fmt.Errorf("%s must be [longitude, latitude] or a GeoJSON Point", name)
			}
		case "minDistance", "$minDistance":
			n.min, err = metres(name, value)
		case "maxDistance", "$maxDistance":
			n.max, err = metres(name, value)
		default:
			err = fmt.Errorf("unknown member %s", name)
		}
		if err != nil {
			return center, err
		}
	}
	if !found {
		return center, errors.New("point is missing")
	}
	return center, nil
}

func metres(name, raw []byte) (float64, error) {
	x, ok := number(raw)
	if !ok || x < 0 {
		return 0, fmt.Errorf("%s must be a number of metres", name)
	}
	return x, nil
}

// number reads a JSON number.
func number(raw []byte) (float64, bool) {
	if rawjson.TypeOf(raw) != rawjson.Number {
		return 0, false
	}
	x, err := strconv.ParseFloat(string(raw), 64)
	return x, err == nil
}

// readPoint reads [longitude, latitude] or a GeoJSON Point; more numbers, such as a
// height, do not count.
func readPoint(raw []byte) (p point, ok bool) {
	if rawjson.TypeOf(raw) == rawjson.Object {
		if geometry(raw) != "Point" {
			return p, false
		}
		raw, _ = rawjson.Lookup(raw, "coordinates")
	}
	return readPosition(raw)
}

func readPosition(raw []byte) (p point, ok bool) {
	if rawjson.TypeOf(raw) != rawjson.Array {
		return p, false
	}
	n := 0
	for elem := range rawjson.Elements(raw) {
		x, isNumber := number(elem)
		switch {
		case !isNumber:
			return p, false
		case n == 0:
			p.lon = x
		case n == 1:
			p.lat = x
		}
		n++
	}
	return p, n >= 2 && p.lon >= -180 && p.lon <= 180 && p.lat >= -90 && p.lat <= 90
}

// geometry returns the type of a GeoJSON object.
func geometry(raw []byte) string {
	name, _ := rawjson.Lookup(raw, "type")
	return string(rawjson.Unquote(name))
}

// anyPoint reports whether yes says so of a point in a value, which is a point, a
// MultiPoint, or a list of points.
func anyPoint(raw []byte, yes func(point) bool) bool {
	if p, ok := readPoint(raw); ok {
		return yes(p)
	}
	if rawjson.TypeOf(raw) == rawjson.Object {
		if geometry(raw) != "MultiPoint" {
			return false
		}
		raw, _ = rawjson.Lookup(raw, "coordinates")
	}
	if rawjson.TypeOf(raw) != rawjson.Array {
		return false
	}
	for elem := range rawjson.Elements(raw) {
		if p, ok := readPoint(elem); ok && yes(p) {
			return true
		}
	}
	return false
}
