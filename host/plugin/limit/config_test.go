package limit_test

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/limit"

	"github.com/happn-host/happn-host/host/config"
)

// What the host's configuration says for all plugins is bounded as what an operator's
// file says for one, and its defaults are those of plugins in a host without configuration.
func TestTheConfigurationHasEveryLimit(t *testing.T) {
	own := limit.Set(config.Default().Plugins.Default)
	for n := range limit.Count {
		row := n.Row()
		key := "plugins.default." + row.Key
		require.Equal(t, row.Standard, own.Value(n), key)
		text := func(value int64) string {
			if row.InTime() {
				return time.Duration(value).String()
			}
			return strconv.FormatInt(value, 10)
		}
		c, err := config.Load(config.Sources{Flags: map[string]string{key: text(row.Most)}})
		require.NoError(t, err)
		set := limit.Set(c.Plugins.Default)
		require.Equal(t, row.Most, set.Value(n), "%s is another field", key)
		_, err = config.Load(config.Sources{Flags: map[string]string{key: text(row.Most + 1)}})
		require.ErrorContains(t, err, fmt.Sprintf("flag --%s: found %q, expected a", key, text(row.Most+1)))
		_, err = config.Load(config.Sources{Flags: map[string]string{key: text(-1)}})
		require.ErrorContains(t, err, key)
	}
	of := reflect.TypeFor[config.PluginLimits]()
	for field := range of.Fields() {
		require.True(t, strings.EqualFold(field.Name, field.Tag.Get("koanf")), field.Name)
	}
}
