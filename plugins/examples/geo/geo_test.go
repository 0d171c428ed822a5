//go:build !wasip1

package main

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

func TestDistances(t *testing.T) {
	quarter := math.Pi / 2 * radius
	for _, c := range []struct {
		a, b   point
		metres float64
		within float64
	}{
		{point{0, 0}, point{0, 0}, 0, 0},
		{point{0, 0}, point{90, 0}, quarter, 1e-6},
		{point{0, 0}, point{180, 0}, 2 * quarter, 1e-6},
		{point{-180, 10}, point{180, 10}, 0, 1e-6},
		{point{17, 90}, point{-120, 90}, 0, 1e-6},
		{point{17, 90}, point{-120, -90}, 2 * quarter, 1e-6},
		{point{179.5, 0}, point{-179.5, 0}, quarter / 90, 1e-6},
		{point{13.3777, 52.5163}, point{2.2945, 48.8584}, 878_000, 2000},      // Brandenburg Gate to the Eiffel Tower
		{point{18.4241, -33.9249}, point{28.0473, -26.2041}, 1_262_000, 5000}, // Cape Town to Johannesburg
		{point{8, 50}, point{8, 50.000001}, 0.1112, 1e-4},
	} {
		require.InDelta(t, c.metres, distance(c.a, c.b), c.within, "%v %v", c.a, c.b)
		require.InDelta(t, c.metres, distance(c.b, c.a), c.within)
	}
}

func TestAreas(t *testing.T) {
	square := `[[0,0],[10,0],[10,10],[0,10],[0,0]]`
	hole := `[[2,2],[2,4],[4,4],[4,2],[2,2]]`
	pacific := `[[170,-10],[-170,-10],[-170,10],[170,10],[170,-10]]`
	arctic := `[[0,70],[90,70],[180,70],[-90,70],[0,70]]`
	antarctic := `[[0,-70],[-90,-70],[180,-70],[90,-70],[0,-70]]`
	for area, c := range map[string]struct{ in, out []point }{
		`{"$center":[[0,0],111200]}`:         {[]point{{1, 0}, {0, -1}, {0, 0}}, []point{{1, 1}, {0, 1.1}}},
		`{"$center":[[179.9,0],111200]}`:     {[]point{{-179.9, 0}, {180, 0}, {-180, 0}}, []point{{-178, 0}}},
		`{"$center":[[0,90],1000]}`:          {[]point{{77, 90}, {-100, 89.995}}, []point{{0, 89}}},
		`{"$box":[[-10,-5],[10,5]]}`:         {[]point{{0, 0}, {10, 5}, {-10, -5}}, []point{{11, 0}, {0, 6}, {180, 0}}},
		`{"$box":[[170,-5],[-170,5]]}`:       {[]point{{175, 0}, {-175, 0}, {180, 1}, {-180, 1}, {170, 0}}, []point{{0, 0}, {169, 0}, {-169, 0}}},
		`{"$box":[[170,-5],[180,5]]}`:        {[]point{{-180, 0}, {180, 0}}, []point{{-179, 0}}},
		`{"$polygon":[[0,0],[10,0],[5,10]]}`: {[]point{{5, 5}, {0, 0}, {5, 0}, {5, 10}}, []point{{0, 5}, {9, 9}, {185 - 180, -0.1}}},
		`{"$geometry":{"type":"Polygon","coordinates":[` + square + `,` + hole + `]}}`: {
			[]point{{1, 1}, {5, 5}, {2, 3}, {0, 5}, {10, 10}, {4, 4}}, []point{{3, 3}, {11, 5}, {-1, 5}}},
		`{"type":"Polygon","coordinates":[` + square + `,` + hole + `]}`: {[]point{{1, 1}}, []point{{3, 3}}},
		`{"$geometry":{"type":"Polygon","coordinates":[` + pacific + `]}}`: {
			[]point{{180, 0}, {-180, 0}, {175, 5}, {-175, -5}, {170, 0}, {-170, 0}}, []point{{0, 0}, {165, 0}, {-165, 0}, {175, 11}}},
		`{"$geometry":{"type":"Polygon","coordinates":[` + arctic + `]}}`: {
			[]point{{0, 80}, {45, 71}, {-170, 89}, {12, 90}, {180, 75}, {-180, 75}, {0, 70}}, []point{{0, 69}, {90, -80}, {5, -90}}},
		`{"$geometry":{"type":"Polygon","coordinates":[` + antarctic + `]}}`: {
			[]point{{0, -80}, {45, -71}, {-170, -89}, {12, -90}}, []point{{0, -69}, {90, 80}, {5, 90}}},
		`{"$geometry":{"type":"Polygon","coordinates":[[[0,60],[90,60],[180,60],[-90,60],[0,60]],` + arctic + `]}}`: {
			[]point{{0, 65}, {77, 61}}, []point{{0, 80}, {50, 90}, {1, 59}}},
		`{"$geometry":{"type":"MultiPolygon","coordinates":[[` + square + `,` + hole + `],[` + pacific + `]]}}`: {
			[]point{{1, 1}, {179, 0}}, []point{{3, 3}, {50, 0}}},
	} {
		compiled, err := compileArea([]byte(area))
		require.NoError(t, err, area)
		for _, p := range c.in {
			require.True(t, compiled.contains(p), "%v in %s", p, area)
		}
		for _, p := range c.out {
			require.False(t, compiled.contains(p), "%v in %s", p, area)
		}
	}
}

func TestArgumentsThatMakeNoSense(t *testing.T) {
	sdktest.Both(t, (&geo{}).plugin(), func(t *testing.T, start sdktest.Start) {
		p := start("")
		for argument, says := range map[string]string{
			`1`:                                 "$near: needs a point",
			`{}`:                                "$near: point is missing",
			`[181,0]`:                           "$near: needs a point",
			`{"point":[0,91]}`:                  "$near: point must be [longitude, latitude]",
			`{"point":[0,0],"maxDistance":"1"}`: "$near: maxDistance must be a number",
			`{"point":[0,0],"minDistance":-1}`:  "$near: minDistance must be a number",
			`{"point":[0,0],"distance":1}`:      "$near: unknown member distance",
		} {
			_, err := p.Operator("$near", argument, true, `[0,0]`)
			require.ErrorContains(t, err, says)
		}
		for argument, says := range map[string]string{
			`[1,2]`:                          "needs {$center}",
			`{}`:                             "needs {$center}",
			`{"$circle":1}`:                  "needs {$center}",
			`{"$center":[[0,0],1],"$box":1}`: "takes one area",
			`{"$center":[0,0]}`:              "$center must be",
			`{"$box":[[0,1],[0,0]]}`:         "$box must be",
			`{"$polygon":[[0,0],[1,1]]}`:     "three points",
			`{"$polygon":[[0,0],[1,1],[1]]}`: "point 2 is not",
			`{"$geometry":{"type":"Point","coordinates":[0,0]}}`:   "must be a GeoJSON Polygon",
			`{"$geometry":{"type":"Polygon","coordinates":[]}}`:    "at least one ring",
			`{"$geometry":{"type":"Polygon","coordinates":[[1]]}}`: "ring 0",
			`{"$geometry":{"type":"Polygon"}}`:                     "at least one ring",
		} {
			_, err := p.Operator("$geoWithin", argument, false, `[0,0]`)
			require.ErrorContains(t, err, says)
		}
	})
}

func TestWhichValuesArePoints(t *testing.T) {
	sdktest.Both(t, (&geo{}).plugin(), func(t *testing.T, start sdktest.Start) {
		p := start("")
		values := []string{
			`[1,0]`, `{"type":"Point","coordinates":[2,0,100]}`, `[[3,0],[0,0],"x"]`, `{"type":"MultiPoint","coordinates":[[9,0],[4,0]]}`,
			`"text"`, `[1]`, `["1","2"]`, `{"type":"LineString","coordinates":[[0,0],[1,1]]}`, `[200,0]`, `{}`, `7`, `[]`,
		}
		scores, err := p.Operator("$near", `{"point":[0,0],"minDistance":1,"maxDistance":400000}`, true, values...)
		require.NoError(t, err)
		for n, degrees := range map[int]float64{0: 1, 1: 2, 2: 3} {
			require.True(t, scores[n].Matches, values[n])
			require.InDelta(t, degrees*111_195, scores[n].Value, degrees)
		}
		for n := 3; n < len(values); n++ {
			require.False(t, scores[n].Matches, values[n])
		}
		scores, err = p.Operator("$geoWithin", `{"$box":[[-1,-1],[2,1]]}`, false, values...)
		require.NoError(t, err)
		for n := range values {
			require.Equal(t, n < 3, scores[n].Matches, values[n])
		}
	})
}

// FuzzOperators shows the plugin whatever clients may send, as JSON.
func FuzzOperators(f *testing.F) {
	f.Add("$near", `{"point":[1,2],"maxDistance":3}`, `[1,2]`)
	f.Add("$geoWithin", `{"$geometry":{"type":"Polygon","coordinates":[[[0,70],[90,70],[180,70],[-90,70],[0,70]]]}}`, `[[1,90],[180,0]]`)
	f.Add("$geoWithin", `{"$center":[[1,2],3]}`, `{"type":"Point","coordinates":[1,2]}`)
	f.Fuzz(func(t *testing.T, name, argument, value string) {
		if !json.Valid([]byte(argument)) || !json.Valid([]byte(value)) {
			return
		}
		g := &geo{}
		if g.compile(name, []byte(argument)) != nil {
			return
		}
		if g.near != nil {
			d, ok := g.near.distance([]byte(value))
			require.True(t, !ok || d >= 0 && d < 21e6)
			return
		}
		anyPoint([]byte(value), g.within.contains)
	})
}

func BenchmarkNative(b *testing.B) { bench(b, sdktest.Native(b, (&geo{}).plugin(), "")) }

func BenchmarkWasm(b *testing.B) { bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), "")) }

// bench shows 256 points, what the host shows at once.
func bench(b *testing.B, p sdktest.Host) {
	var values []string
	for i := range 256 {
		values = append(values, fmt.Sprintf(`{"type":"Point","coordinates":[%g,%g]}`, float64(i)-100.123456, float64(i%90)+0.654321))
	}
	for name, argument := range map[string]string{
		"$near":      `{"point":[18.4,-33.9],"maxDistance":5000000}`,
		"$geoWithin": `{"$polygon":[[0,0],[50,0],[60,30],[30,60],[0,50],[20,20]]}`,
	} {
		b.Run(name[1:], func(b *testing.B) {
			for b.Loop() {
				if _, err := p.Operator(name, argument, name == "$near", values...); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
