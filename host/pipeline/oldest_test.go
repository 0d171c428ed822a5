package pipeline_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/happn-host/happn-host/datastore/memory"
)

// The oldest clients count their listeners and name them in off. What they send
// was taken from happn-3 3.1.1.
func TestOffInTheOldestProtocols(t *testing.T) {
	for _, c := range []struct {
		name, protocol, options string
		left                    int // of four subscriptions, three of them on the channel
	}{
		{"one listener", "happn_1", `{"refCount":1,"listenerId":0}`, 3},
		{"another listener", "happn_1", `{"refCount":1,"listenerId":2}`, 3},
		{"a listener that is not there", "happn_1", `{"refCount":1,"listenerId":9}`, 4},
		{"a listener on another channel", "happn_1", `{"refCount":1,"listenerId":3}`, 4},
		{"all listeners of a channel", "happn_1", `{"refCount":3,"listenerId":-1}`, 1},
		{"by the count alone", "happn_1", `{"refCount":1}`, 1},
		{"by a count that nobody has", "happn_1", `{"refCount":7}`, 4},
		{"a client of the first release", "happn_1.3.0", `{"refCount":1,"listenerId":0}`, 3},
		{"later protocols do not count", "happn_2", `{"refCount":7,"listenerId":0}`, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := newPipeline(t, memory.DurabilityNone)
			k := connect(t, p, false)
			k.ask(strings.Replace(configure, "happn_4", c.protocol, 1))
			for i, channel := range []string{"/ALL@/x/*", "/ALL@/x/*", "/ALL@/x/*", "/ALL@/y"} {
				k.ask(`{"action":"on","eventId":2,"path":"` + channel + `","options":{"event_type":"all","count":0,"refCount":1,"listenerId":` + string(rune('0'+i)) + `}}`)
			}
			k.ask(`{"action":"off","eventId":3,"path":"/ALL@/x/*","options":` + c.options + `}`)
			assert.Equal(t, c.left, p.Publisher.Tree.Count())
			k.ask(`{"action":"off","eventId":4,"path":"*","options":{"refCount":0,"listenerId":-1}}`)
			assert.Zero(t, p.Publisher.Tree.Count())
		})
	}
}
