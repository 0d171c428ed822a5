package permit_test

import (
	"fmt"
	"testing"

	"github.com/happn-host/happn-host/security"
	"github.com/happn-host/happn-host/security/permit"
)

// typical are the rules of a user in three groups, with 300 permissions.
func typical(tb testing.TB) *permit.Set {
	tb.Helper()
	all := make([]security.Permissions, 4)
	for i := range all {
		all[i] = security.Permissions{}
		for n := range 75 {
			all[i][fmt.Sprintf("/region/%d/device/%d/*", i, n)] = security.Permission{Allow: security.Get | security.On}
		}
		all[i]["/_SYSTEM/*"] = security.Permission{Prohibit: security.Any}
		all[i][fmt.Sprintf("/region/%d/setting", i)] = security.Permission{Allow: security.Any}
	}
	return permit.Compile(all, nil).For(nobody)
}

// BenchmarkDecideSeen is a decision about a path that was asked about before.
func BenchmarkDecideSeen(b *testing.B) {
	s, path := typical(b), []byte("/region/2/device/40/temperature")
	for range 3 {
		s.Decide(security.Get, path)
	}
	b.ReportAllocs()
	for b.Loop() {
		if !s.Decide(security.Get, path) {
			b.Fatal("denied")
		}
	}
}

// BenchmarkDecideUnseen is a decision about a path that is new.
func BenchmarkDecideUnseen(b *testing.B) {
	s := typical(b)
	path := []byte("/region/2/device/40/temperature/0000000")
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		for i, v := len(path)-1, n; i > len(path)-8; i, v = i-1, v/10 {
			path[i] = byte('0' + v%10)
		}
		if !s.Decide(security.Get, path) {
			b.Fatal("denied")
		}
	}
}

// BenchmarkDecideSeenInParallel is BenchmarkDecideSeen on all cores, for 1,000 paths.
func BenchmarkDecideSeenInParallel(b *testing.B) {
	s := typical(b)
	paths := make([][]byte, 1000)
	for i := range paths {
		paths[i] = []byte(fmt.Sprintf("/region/%d/device/%d/%d", i%4, i%75, i))
		for range 3 {
			s.Decide(security.Get, paths[i])
		}
	}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			s.Decide(security.Get, paths[i%len(paths)])
		}
	})
}

// BenchmarkPicks asks whether a search has to be decided document by document.
func BenchmarkPicks(b *testing.B) {
	s, pattern := typical(b), []byte("/region/2/device/40/*")
	b.ReportAllocs()
	for b.Loop() {
		if s.Picks(security.Get, pattern) {
			b.Fatal("nothing is prohibited there")
		}
	}
}

// BenchmarkCompile compiles the 300 permissions.
func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		typical(b)
	}
}
