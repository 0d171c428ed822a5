//go:build !wasip1

package main

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/plugins/sdk/sdktest"
)

func TestLine(t *testing.T) {
	sdktest.Both(t, plugin(), func(t *testing.T, start sdktest.Start) {
		h := start("")
		p := h.Connect()
		for _, c := range [][2]string{
			{`SET /a {"n":1}`, "OK"},
			{"GET /a", `DATA {"n":1}`},
			{"get /nowhere", "NONE"},
			{"SET /a nonsense", `ERR the record's data: invalid JSON at byte 0: expected null`},
			{"SUB /b/*", "OK"},
			{"GET /_SYSTEM/x", "ERR unauthorized"},
			{"HELLO", "ERR say SET path json, GET path, DEL path, SUB pattern, UNSUB pattern, LOGIN user password or QUIT"},
		} {
			require.Equal(t, c[1], p.Line(c[0]), c[0])
		}
		_, err := h.Client().Set(context.Background(), "/b/1", map[string]int{"m": 2}, nil)
		require.NoError(t, err)
		require.Equal(t, `EVENT /b/1 {"m":2}`, p.NextLine())

		// A line may come in pieces, and several at once.
		p.Send([]byte("DEL /b"))
		p.Send([]byte("/1\r\n\nGET /b/*\nGET "))
		require.ElementsMatch(t, []string{"OK", "GONE /b/1"}, []string{p.NextLine(), p.NextLine()})
		require.Equal(t, "OK", p.NextLine(), "a list ends with OK")
		p.Send([]byte("/a\nQUIT\nGET /a\n"))
		require.Equal(t, `DATA {"n":1}`, p.NextLine())
		require.Equal(t, "BYE", p.NextLine())
		require.Equal(t, "the peer has quit", p.Closed())
	})
}
