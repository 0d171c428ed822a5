package collation_test

import (
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/internal/collation"
)

func TestCollationsCompareByTheirLanguage(t *testing.T) {
	for _, c := range []struct {
		document, a, b string
		want           int
	}{
		{`{"locale":"en"}`, "a", "B", -1},
		{`{"locale":"en"}`, "a", "A", -1},
		{`{"locale":"en","strength":2}`, "a", "A", 0},
		{`{"locale":"en","strength":2}`, "a", "\u00e1", -1},
		{`{"locale":"en","strength":1}`, "a", "\u00c1", 0},
		{`{"locale":"en","strength":2,"caseLevel":true}`, "a", "A", -1},
		{`{"locale":"en"}`, "a10", "a9", -1},
		{`{"locale":"en","numericOrdering":true}`, "a10", "a9", 1},
		{`{"locale":"sv"}`, "z", "\u00f6", -1},
		{`{"locale":"de"}`, "z", "\u00f6", 1},
		{`{"locale":"de_AT"}`, "z", "\u00f6", 1},
	} {
		by, err := collation.Compile([]byte(c.document))
		require.NoError(t, err, c.document)
		require.Equal(t, c.want, by.Compare([]byte(c.a), []byte(c.b)), "%s: %s, %s", c.document, c.a, c.b)
		same := string(by.AppendKey(nil, []byte(c.a))) == string(by.AppendKey(nil, []byte(c.b)))
		require.Equal(t, c.want == 0, same, "%s: keys of %s, %s", c.document, c.a, c.b)
	}
	simple, err := collation.Compile([]byte(`{"locale":"simple"}`))
	require.NoError(t, err)
	require.Nil(t, simple)
	for _, bad := range []string{`{}`, `[]`, `{"locale":"en","strength":9}`, `{"locale":"!!"}`, `{"locale":"en","strength":1,"caseLevel":true}`, `{"locale":"en","bogus":1}`, `{"locale":"en","caseFirst":"upper"}`} {
		_, err := collation.Compile([]byte(bad))
		require.Error(t, err, bad)
	}
}

func TestACollationServesManyGoroutines(t *testing.T) {
	by, err := collation.Compile([]byte(`{"locale":"en","strength":2}`))
	require.NoError(t, err)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 1000 {
				if by.Compare([]byte("Abc"), []byte("aBC")) != 0 {
					panic("not equal")
				}
			}
		})
	}
	wg.Wait()
}
