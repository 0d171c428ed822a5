package linear_test

import (
	"testing"

	"github.com/happn-host/happn-host/host/plugin/linear"
)

// What a memory of 64 MiB costs: to reserve and release it, to have it grow page
// by page, and to touch all of it.
func BenchmarkMemory(b *testing.B) {
	for name, use := range map[string]func(m *linear.Memory){
		"reserve": func(*linear.Memory) {},
		"grow": func(m *linear.Memory) {
			for size := uint64(64 << 10); size <= 64*mib; size += 64 << 10 {
				m.Grow(size)
			}
		},
		"touch": func(m *linear.Memory) {
			all := m.Grow(64 * mib)
			for i := 0; i < len(all); i += 4096 {
				all[i] = 1
			}
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				m := linear.Reserve(64 * mib)
				use(m)
				m.Release()
			}
		})
	}
}
