package meter_test

import (
	"crypto/sha256"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/meter"
)

func TestVersionsOfTheMeterAreItsCode(t *testing.T) {
	one, err := meter.Version()
	require.NoError(t, err)
	other, err := meter.Version()
	require.NoError(t, err)
	require.Equal(t, one, other)
	require.Len(t, one, 2*sha256.Size)
}
