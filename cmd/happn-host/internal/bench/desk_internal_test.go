package bench

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/tests/testhost"
)

func TestLossesAreFoundWhenReadingBack(t *testing.T) {
	s := testhost.Start(t, testhost.Settings{})
	cfg := DefaultConfig()
	cfg.URL = s.URL()
	d, err := cfg.desk(t.Context())
	require.NoError(t, err)
	defer d.close()
	const n = 300
	at := func(n uint64) place { return place{path: fmt.Sprintf("/lost/%d", n), key: n, value: n + 1} }
	require.NoError(t, d.fill(t.Context(), n, at))
	doc, err := d.client.Get(t.Context(), "/lost/7", nil)
	require.NoError(t, err)
	assert.Len(t, doc.Data, cfg.Size)

	require.NoError(t, d.verify(t.Context(), n, at))
	require.NoError(t, d.count(t.Context(), "/lost/*", n))

	_, err = d.client.Set(t.Context(), "/lost/7", map[string]string{"id": "8", "key": "70"}, nil)
	require.NoError(t, err)
	assert.ErrorContains(t, d.verify(t.Context(), n, at), "/lost/7")
	require.NoError(t, d.remove(t.Context(), "/lost/7"))
	err = d.verify(t.Context(), n, at)
	assert.ErrorContains(t, err, "/lost/7")
	assert.ErrorIs(t, err, client.ErrNotFound)
	assert.ErrorContains(t, d.count(t.Context(), "/lost/*", n), "299")
}
