package client_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/happn-host/happn-host/client"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 10 * time.Second

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	t.Cleanup(cancel)
	return ctx
}

// connect makes a client that is closed when the test ends.
func connect(t *testing.T, o client.Options) *client.Client {
	t.Helper()
	c, err := client.Connect(testContext(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// quickly is a backoff for tests.
func quickly() client.ReconnectOptions {
	return client.ReconnectOptions{Min: time.Millisecond, Max: 20 * time.Millisecond}
}

// receive waits for something on a channel.
func receive[T any](t *testing.T, from <-chan T) T {
	t.Helper()
	select {
	case v := <-from:
		return v
	case <-time.After(patience):
		require.FailNow(t, "nothing came")
		panic("unreachable")
	}
}

// collect is a handler that passes publications on.
func collect(to chan<- client.Publication) client.Handler {
	return func(_ context.Context, p client.Publication) { to <- p }
}
