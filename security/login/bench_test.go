package login_test

import "testing"

func BenchmarkVerify(b *testing.B) {
	w := newWorld(b, nil)
	g := w.granted(attempt("ann", "secret"))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.Verify(b.Context(), g.Token); err != nil {
			b.Fatal(err)
		}
	}
}
