package hostile

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/hostile"
)

// reloads is how many versions of a plugin the test below runs; HAPPN_TEST_RELOADS
// sets another number, as 1000.
const reloads = 60

// What versions may leave behind, all of them together, beyond what the first ones
// did.
const (
	keptHeap       = 8 << 20
	keptMapped     = 64 << 10
	keptGoroutines = 4
	keptFiles      = 2
)

// A plugin is exchanged again and again while messages pass through it: none is
// lost, none comes twice, none slips past it, and nothing of the versions before is
// left in the host.
func TestReloadsUnderLoad(t *testing.T) {
	count := reloads
	if text := os.Getenv("HAPPN_TEST_RELOADS"); text != "" {
		var err error
		count, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	for name, module := range map[string]func(version int) []byte{"raw": hostile.WellBehaved, "Extism": hostile.WellBehavedExtism} {
		t.Run(name, func(t *testing.T) {
			m := start(t)
			others := m.traffic(3, module(0))
			m.reload(others, module, 10) // what is made once
			before := m.usage(others.clients[0])
			began, sets := time.Now(), others.asked()
			m.reload(others, module, count)
			t.Logf("%d reloads in %s, %d writes meanwhile", count, time.Since(began).Round(time.Millisecond), others.asked()-sets)
			others.settled()
			m.kept(others, before, usage{goroutines: keptGoroutines, files: keptFiles, mapped: keptMapped, heap: keptHeap})
		})
	}
}

// reload exchanges the plugin that the clients' messages pass through so many times.
func (m *machine) reload(others *traffic, module func(version int) []byte, times int) {
	m.t.Helper()
	stop := make(chan struct{})
	var load sync.WaitGroup
	load.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				others.round(20 * time.Millisecond)
			}
		}
	})
	defer load.Wait()
	defer close(stop)
	for range times {
		m.version++
		m.put("good.yaml", fmt.Appendf(nil, "config: {version: %d}\nlimits: {timeout: 5s, wait: 10s, instances: 2}\non_error: reject\n", m.version))
		before := m.plugin("good.wasm").SHA256
		m.put("good.wasm", module(m.version))
		m.await("good.wasm", func(s state) bool { return s.State == "ready" && s.SHA256 != before })
	}
}

// kept waits until the host has no more than it had, but for what is allowed.
func (m *machine) kept(others *traffic, before, more usage) {
	m.t.Helper()
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		now := m.usage(others.clients[0])
		if now.goroutines <= before.goroutines+more.goroutines && now.files <= before.files+more.files &&
			now.mapped <= before.mapped+more.mapped && now.heap <= before.heap+more.heap {
			m.t.Logf("the host has %+v; before it was %+v", now, before)
			return
		}
		require.True(m.t, time.Now().Before(deadline), "the host has %+v; before it was %+v", now, before)
	}
}
