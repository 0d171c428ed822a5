package seldom_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/internal/seldom"
)

func TestTheSameIsSaidOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var text bytes.Buffer
		log := slog.New(slog.NewTextHandler(&text, nil))
		lines := func() (n int, all string) {
			all = text.String()
			text.Reset()
			return strings.Count(all, "\n"), all
		}
		var l seldom.Lines
		for range 50 {
			l.Warn(log, "it failed", "one", errors.New("broken"), "user", "ada")
			l.Warn(log, "it failed", "another", errors.New("broken"))
		}
		n, all := lines()
		require.Equal(t, 2, n, all)
		require.NotContains(t, all, "untold")
		time.Sleep(time.Second)
		l.Warn(log, "it failed", "one", errors.New("broken"), "user", "bob")
		n, all = lines()
		require.Equal(t, 1, n, all)
		require.Contains(t, all, `level=WARN msg="it failed" user=bob error=broken untold=49`)
		for i := range 50 {
			l.Warn(log, "it failed", "one", fmt.Errorf("broken %d", i))
		}
		n, all = lines()
		require.Equal(t, 9, n, "ten different ones a second: %s", all)
		time.Sleep(time.Second)
		l.Warn(log, "it failed", "one", errors.New("broken"))
		_, all = lines()
		require.Contains(t, all, "untold=41")
	})
}
