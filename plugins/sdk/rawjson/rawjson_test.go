package rawjson_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

func TestTypeOf(t *testing.T) {
	for raw, want := range map[string]rawjson.Type{
		"": rawjson.Invalid, " ": rawjson.Invalid, "x": rawjson.Invalid, "null": rawjson.Null, "true": rawjson.Boolean,
		"false": rawjson.Boolean, "-1": rawjson.Number, " 5": rawjson.Number, `"s"`: rawjson.String, "[]": rawjson.Array, "{}": rawjson.Object,
	} {
		require.Equal(t, want, rawjson.TypeOf([]byte(raw)), raw)
	}
}

func TestTypeNames(t *testing.T) {
	for ty := rawjson.Null; ty <= rawjson.Object; ty++ {
		require.Equal(t, ty, rawjson.ParseType(ty.String()))
	}
	require.Equal(t, rawjson.Invalid, rawjson.ParseType("nothing"))
}
