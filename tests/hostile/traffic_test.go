package hostile

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host/plugin/hostile"
)

// pace is how often each client asks for something. It leaves the machine idle
// enough for what somebody else takes to be noticed.
const pace = time.Millisecond

// traffic is what the clients do that have nothing to do with a hostile plugin:
// each writes and reads through the plugin that behaves, and hears what it wrote.
type traffic struct {
	m       *machine
	clients []*client.Client
	sets    []int
	heard   []atomic.Int64
}

func (m *machine) traffic(clients int, module []byte) *traffic {
	m.put("good.wasm", module)
	m.await("good.wasm", is("ready"))
	t := &traffic{m: m, sets: make([]int, clients), heard: make([]atomic.Int64, clients)}
	for n := range clients {
		c, before := m.connect(), map[string]bool{}
		_, err := c.On(m.t.Context(), fmt.Sprintf("/good/%d", n), func(_ context.Context, p client.Publication) {
			assert.JSONEq(m.t, hostile.Mark, string(p.Data))
			assert.False(m.t, before[p.Meta.PublicationID], "%s comes twice", p.Meta.PublicationID)
			before[p.Meta.PublicationID] = true
			t.heard[n].Add(1)
		}, nil)
		require.NoError(m.t, err)
		t.clients = append(t.clients, c)
	}
	return t
}

// round has all clients work for so long, and returns how long the slowest of a
// hundred requests took.
func (t *traffic) round(length time.Duration) time.Duration {
	var all sync.WaitGroup
	took := make([][]time.Duration, len(t.clients))
	end := time.Now().Add(length)
	for n := range t.clients {
		all.Go(func() {
			for time.Now().Before(end) {
				took[n] = append(took[n], t.ask(n, true), t.ask(n, false))
				time.Sleep(pace)
			}
		})
	}
	all.Wait()
	flat := slices.Concat(took...)
	slices.Sort(flat)
	return flat[len(flat)*99/100]
}

// ask has a client write or read, and looks at the answer.
func (t *traffic) ask(n int, write bool) time.Duration {
	c, path := t.clients[n], fmt.Sprintf("/good/%d", n)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	began := time.Now()
	var doc *client.Document
	var err error
	if write {
		doc, err = c.Set(ctx, path, map[string]int{"n": t.sets[n]}, nil)
		t.sets[n]++
	} else {
		doc, err = c.Get(ctx, path, nil)
	}
	took := time.Since(began)
	if assert.NoError(t.m.t, err) && assert.NotNil(t.m.t, doc) {
		assert.JSONEq(t.m.t, hostile.Mark, string(doc.Data), "the plugin that behaves is asked every time")
	}
	return took
}

// asked returns how many writes there were. It is for when no round runs.
func (t *traffic) asked() (n int) {
	for _, sets := range t.sets {
		n += sets
	}
	return n
}

// settled checks that every client has heard each of its publications once.
func (t *traffic) settled() {
	t.m.t.Helper()
	for n := range t.clients {
		require.Eventually(t.m.t, func() bool { return t.heard[n].Load() >= int64(t.sets[n]) }, 10*time.Second, time.Millisecond,
			"publications were lost")
		require.EqualValues(t.m.t, t.sets[n], t.heard[n].Load(), "none came twice")
	}
}

func median(d []time.Duration) time.Duration {
	d = slices.Sorted(slices.Values(d))
	return d[len(d)/2]
}

// told returns the first line that has all parts, or one of those with a bar between
// them.
func told(lines []string, parts []string) string {
	for _, line := range lines {
		missing := func(part string) bool {
			return !slices.ContainsFunc(strings.Split(part, "|"), func(one string) bool { return strings.Contains(line, one) })
		}
		if line != "" && !slices.ContainsFunc(parts, missing) {
			return line
		}
	}
	return ""
}
