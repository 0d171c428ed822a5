package main

import "math"

// radius is the mean radius of the Earth in metres (IUGG, R1).
const radius = 6371008.8

// point is a place, in degrees.
type point struct{ lon, lat float64 }

// distance returns the metres between two points on a sphere, by haversines, which
// are exact to the last digits also for points side by side.
func distance(a, b point) float64 {
	const degree = math.Pi / 180
	north := math.Sin((b.lat - a.lat) * degree / 2)
	east := math.Sin((b.lon - a.lon) * degree / 2)
	h := north*north + math.Cos(a.lat*degree)*math.Cos(b.lat*degree)*east*east
	return 2 * radius * math.Asin(math.Min(1, math.Sqrt(h)))
}
