package storetest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
)

var explaining = []test{
	{"an explanation tells the plan and the numbers", func(s *subject) {
		explainer, ok := s.store.(datastore.Explainer)
		if !ok {
			s.Skip("the store does not explain itself")
		}
		for i := range 10 {
			s.put(fmt.Sprintf("/e/%d", i), fmt.Sprintf(`{"n":%d}`, i))
		}
		for _, c := range []struct {
			q     datastore.Query
			found int
		}{
			{matching("/e/1"), 1},
			{matching("/none"), 0},
			{matching("/e/*"), 10},
			{datastore.Query{Pattern: []byte("/e/*"), Filter: atLeast(4), Order: byN(-1)}, 6},
			{datastore.Query{Pattern: []byte("/e/*"), Filter: atLeast(4), Skip: 1, Limit: 3}, 3},
			{datastore.Query{Pattern: []byte("/e/*"), Order: byN(1), Limit: -2}, 8},
		} {
			raw, err := explainer.Explain(context.Background(), &c.q)
			require.NoError(s, err)
			var out struct {
				Plan     string `json:"plan"`
				Examined *int   `json:"documents examined"`
				Found    *int   `json:"documents found"`
			}
			require.NoError(s, json.Unmarshal(raw, &out))
			require.NotEmpty(s, out.Plan)
			require.NotNil(s, out.Examined)
			require.NotNil(s, out.Found)
			require.Equal(s, c.found, *out.Found, "%s", raw)
			require.GreaterOrEqual(s, *out.Examined, *out.Found, "%s", raw)
		}
		require.NoError(s, s.store.Close())
		q := matching("*")
		_, err := explainer.Explain(context.Background(), &q)
		require.ErrorIs(s, err, datastore.ErrClosed)
	}},
}
