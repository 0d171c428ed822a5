package client_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"time"

	"github.com/happn-host/happn-host/client"
)

// A client stores a document and reads it again.
func Example() {
	ctx := context.Background()
	c, err := client.Connect(ctx, client.Options{URL: "http://127.0.0.1:55000"})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	type reading struct {
		Celsius float64 `json:"celsius"`
	}
	if _, err = c.Set(ctx, "/rooms/kitchen/temperature", reading{21.5}, nil); err != nil {
		log.Fatal(err)
	}
	doc, err := c.Get(ctx, "/rooms/kitchen/temperature", nil)
	if err != nil {
		log.Fatal(err)
	}
	var r reading
	if err = doc.Decode(&r); err != nil {
		log.Fatal(err)
	}
	fmt.Println(r.Celsius, doc.Meta.Path)
}

// A subscription is told about every change below a path, and first about what
// is there already.
func ExampleClient_On() {
	ctx := context.Background()
	c, err := client.Connect(ctx, client.Options{Username: "joe", Password: "secret"})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	sub, err := c.On(ctx, "/rooms/**", func(_ context.Context, p client.Publication) {
		fmt.Println(p.Meta.Action, string(p.Data))
	}, &client.OnOptions{Depth: 3, InitialEmit: true})
	if err != nil {
		log.Fatal(err)
	}
	time.Sleep(time.Minute)
	if err = sub.Off(ctx); err != nil {
		log.Fatal(err)
	}
}

// A query narrows, orders and pages what is read.
func ExampleClient_GetAll() {
	ctx := context.Background()
	c, err := client.Connect(ctx, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	docs, err := c.GetAll(ctx, "/rooms/*", &client.Query{
		Criteria: map[string]any{"celsius": map[string]any{"$gt": 25}},
		Sort:     []client.Order{client.Desc("celsius")},
		Limit:    10,
	})
	if err != nil {
		log.Fatal(err)
	}
	for _, doc := range docs {
		fmt.Println(doc.Meta.Path, string(doc.Data))
	}
}

// With consistency Acknowledged a write returns after every subscriber has
// said that it has the publication.
func ExampleClient_Set_acknowledged() {
	ctx := context.Background()
	c, err := client.Connect(ctx, client.Options{})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()

	doc, err := c.Set(ctx, "/alarms/fire", true, &client.SetOptions{
		PublishOptions: client.PublishOptions{Consistency: client.Acknowledged},
	})
	switch {
	case errors.Is(err, client.ErrUnacknowledged):
		fmt.Println("stored, but not everybody has heard:", err)
	case errors.Is(err, client.ErrOutcomeUnknown):
		fmt.Println("the connection was lost: look before setting it again:", err)
	case err != nil:
		log.Fatal(err)
	default:
		fmt.Println(doc.Meta.Publish.Acknowledged, "subscribers know")
	}
}

// A client in the server's own process exchanges frames without a socket.
func ExampleNewInProcess() {
	var toServer func(frame []byte) error // the server's entrance
	transport := client.NewInProcess(toServer, nil, 0)
	// The server gives its frames to transport.Deliver.

	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	c, err := client.NewOverTransport(ctx, transport, client.Options{Local: true})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = c.Close() }()
}
