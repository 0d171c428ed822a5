package host_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gorilla/websocket"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
)

// endless is a store whose searches end only when their context does.
type endless struct {
	datastore.Store
	search func(context.Context) // waits for that
	began  chan struct{}
	ended  chan struct{}
}

func (e *endless) Find(ctx context.Context, _ *datastore.Query, _ func(*datastore.Document) bool) error {
	e.began <- struct{}{}
	e.search(ctx)
	e.ended <- struct{}{}
	return ctx.Err()
}

func TestALongSearchEndsWhenItsClientLeaves(t *testing.T) {
	searches := map[string]func(context.Context){
		"that waits for its context": func(ctx context.Context) { <-ctx.Done() },
		"that asks its context": func(ctx context.Context) {
			for ctx.Err() == nil {
				time.Sleep(time.Millisecond)
			}
		},
	}
	for name, search := range searches {
		t.Run(name, func(t *testing.T) {
			stored, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
			require.NoError(t, err)
			e := &endless{Store: stored, search: search, began: make(chan struct{}), ended: make(chan struct{}, 1)}
			c := config.Default()
			c.Port, c.Plugins.Dir, c.Websocket.PingInterval = 0, "", 0
			h, err := host.New(host.Options{Config: c, Version: "test", Store: e})
			require.NoError(t, err)
			require.NoError(t, h.Start(context.Background()))
			defer stop(t, h)
			client, resp, err := websocket.DefaultDialer.Dial(fmt.Sprintf("ws://%s/ws", h.Addr()), nil)
			require.NoError(t, err)
			defer func() { err = errors.Join(client.Close(), resp.Body.Close()) }()
			say := func(text string) { require.NoError(t, client.WriteMessage(websocket.TextMessage, []byte(text))) }

			say(`{"action":"get","eventId":1,"path":"/x/*"}`)
			<-e.began
			say(`{"action":"get","eventId":2,"path":"/x"}`) // nobody reads it while the search goes on
			select {
			case <-e.ended:
				require.FailNow(t, "the search ended while its client was there")
			case <-time.After(100 * time.Millisecond): // some looks at the client
			}
			require.NoError(t, client.NetConn().Close())
			select {
			case <-e.ended:
			case <-time.After(5 * time.Second):
				require.FailNow(t, "the search goes on")
			}
		})
	}
}
