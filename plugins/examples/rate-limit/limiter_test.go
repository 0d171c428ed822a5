//go:build !wasip1

package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

func request(h sdktest.Host, user, session string) sdktest.Result {
	r := abi.Record{Action: abi.ActionSet, Path: []byte("/sensors/1"), Data: []byte("1"), SessionID: []byte(session)}
	if user != "" {
		r.Username = []byte(user)
	}
	return h.Inbound(r)
}

// A rate this low gives back nothing while the test runs.
func TestRequestsAreBounded(t *testing.T) {
	sdktest.Both(t, (&limiter{now: time.Now}).plugin(), func(t *testing.T, start sdktest.Start) {
		for name, c := range map[string]struct {
			config   string
			requests [][2]string // user and session
			refused  int         // how many of them
		}{
			"by user":                 {`{"rate":0.001,"burst":2}`, [][2]string{{"ann", "1"}, {"ann", "2"}, {"ann", "3"}, {"bob", "4"}}, 1},
			"by session":              {`{"rate":0.001,"burst":2,"by":"session"}`, [][2]string{{"ann", "1"}, {"ann", "1"}, {"ann", "1"}, {"ann", "2"}}, 1},
			"without users":           {`{"rate":0.001,"burst":1}`, [][2]string{{"", "1"}, {"", "1"}, {"", "2"}, {"1", "3"}}, 1},
			"an exception":            {`{"rate":0.001,"burst":1,"except":["ann"]}`, [][2]string{{"ann", "1"}, {"ann", "1"}, {"bob", "2"}}, 0},
			"a share of the instance": {`{"rate":0.001,"burst":4,"instances":2}`, [][2]string{{"ann", "1"}, {"ann", "1"}, {"ann", "1"}}, 1},
		} {
			t.Run(name, func(t *testing.T) {
				h, refused := start(c.config), 0
				for _, one := range c.requests {
					r := request(h, one[0], one[1])
					require.NoError(t, r.Err)
					if r.Verdict == abi.VerdictReject {
						refused++
						require.Contains(t, string(r.Message.Error), `"name":"TooManyRequests","code":429`)
					}
				}
				require.Equal(t, c.refused, refused)
			})
		}
	})
}

func TestABucketFillsWithTime(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	b := newBuckets(10, 2, 100)
	take := func() time.Duration { return b.take('u', []byte("ann"), now) }
	require.Zero(t, take())
	require.Zero(t, take())
	require.Equal(t, 100*time.Millisecond, take())
	now = now.Add(60 * time.Millisecond)
	require.Equal(t, 40*time.Millisecond, take(), "refusals cost nothing")
	now = now.Add(41 * time.Millisecond)
	require.Zero(t, take())
	now = now.Add(time.Hour)
	require.Zero(t, take())
	require.Zero(t, take())
	require.NotZero(t, take(), "no more than the burst")
	now = now.Add(-time.Hour)
	require.NotZero(t, take(), "a clock that is set back")
	now = now.Add(200 * time.Millisecond)
	require.Zero(t, take())
}

func TestBucketsAreBounded(t *testing.T) {
	now := time.UnixMilli(0)
	b := newBuckets(0.001, 1, 100)
	require.Zero(t, b.take('u', []byte("ann"), now))
	for i := range 10_000 {
		b.take('u', fmt.Append(nil, i), now)
		require.NotZero(t, b.take('u', []byte("ann"), now), "who keeps asking is not forgotten")
		require.LessOrEqual(t, len(b.first)+len(b.second), 100)
	}
}

func TestConfigurationErrorsNameTheKey(t *testing.T) {
	for config, says := range map[string]string{
		`{}`:                       "rate: say how many",
		`{"rate":1,"by":"path"}`:   `by: "path" is neither`,
		`{"rate":1,"instances":2}`: "burst: must be at least 2",
		`{"rate":1,"instances":0}`: "instances: must be from 1",
		`{"rate":1,"keys":0}`:      "keys: must be from 1",
		`{"rate":1,"burts":2}`:     `unknown field "burts"`,
	} {
		require.ErrorContains(t, (&limiter{}).configure([]byte(config)), says)
	}
}

func BenchmarkNative(b *testing.B) {
	bench(b, sdktest.Native(b, (&limiter{now: time.Now}).plugin(), `{"rate":1e9,"burst":1e9}`))
}

func BenchmarkWasm(b *testing.B) {
	bench(b, sdktest.Wasm(b, sdktest.Compile(b, "."), `{"rate":1e9,"burst":1e9}`))
}

func bench(b *testing.B, h sdktest.Host) {
	b.ReportAllocs()
	for b.Loop() {
		if r := request(h, "ann", "session-1"); r.Verdict != abi.VerdictPass {
			b.Fatal(r)
		}
	}
}
