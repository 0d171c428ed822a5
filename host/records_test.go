package host_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host"
	"github.com/happn-host/happn-host/host/config"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/session"
)

// line is a connection that a plugin owns.
type line struct {
	peer   *pipeline.RecordPeer
	got    chan abi.Record
	closed chan string
}

func (l *line) Record(rec *abi.Record) {
	kept := abi.Record{Kind: rec.Kind, Action: rec.Action, EventID: rec.EventID, Path: append([]byte(nil), rec.Path...),
		Channel: append([]byte(nil), rec.Channel...), Data: append([]byte(nil), rec.Data...), Error: append([]byte(nil), rec.Error...)}
	l.got <- kept
}

func (l *line) Close(reason string) { l.closed <- reason }

func openLine(t *testing.T, h *host.Host) *line {
	t.Helper()
	l := &line{got: make(chan abi.Record, 100), closed: make(chan string, 10)}
	l.peer = h.Pipeline().OpenRecords(l, session.Origin{IP: "127.0.0.1", Port: 7, Endpoint: "plugin:line"})
	t.Cleanup(l.peer.Closed)
	return l
}

func (l *line) ask(t *testing.T, action abi.Action, path, data string) abi.Record {
	t.Helper()
	rec := &abi.Record{Kind: abi.KindRequest, Action: action, EventID: 1, Path: []byte(path), Data: []byte(data)}
	require.NoError(t, l.peer.Do(t.Context(), rec))
	return l.take(t)
}

func (l *line) take(t *testing.T) abi.Record {
	t.Helper()
	select {
	case rec := <-l.got:
		return rec
	case <-time.After(10 * time.Second):
		require.FailNow(t, "no record arrived")
		return abi.Record{}
	}
}

func TestAConnectionOfRecordsIsASessionLikeAnyOther(t *testing.T) {
	h := guarded(t, nil)
	l := openLine(t, h)
	assert.Contains(t, string(l.ask(t, abi.ActionLogin, "", `{"username":"bob","password":"wrong"}`).Error), "Invalid credentials")
	in := l.ask(t, abi.ActionLogin, "", `{"username":"bob","password":"pwd"}`)
	require.Empty(t, string(in.Error))
	assert.Contains(t, string(in.Data), `"token"`)
	assert.Equal(t, 1, h.Health(t.Context()).Sessions)

	c := bob(t, h)
	require.Empty(t, string(l.ask(t, abi.ActionOn, "/SET@/desk/*", "").Error))
	_, err := c.Set(t.Context(), "/desk/1", map[string]int{"n": 1}, nil)
	require.NoError(t, err)
	event := l.take(t)
	assert.Equal(t, []string{"/desk/1", "/SET@/desk/*", `{"n":1}`}, []string{string(event.Path), string(event.Channel), string(event.Data)})
	assert.Equal(t, `{"n":1}`, string(l.ask(t, abi.ActionGet, "/desk/1", "").Data))
	assert.Contains(t, string(l.ask(t, abi.ActionGet, "/desk/secret", "").Error), `"code":403`)

	admin := httpLogin(t, h, "_ADMIN", adminPassword)
	_, list := httpDo(t, h, "GET", "/api/v1/sessions", admin, "")
	assert.Contains(t, list, `"endpoint":"plugin:line"`)
	status, body := httpDo(t, h, http.MethodDelete, "/api/v1/sessions/"+l.peer.Session().ID+"?reason=enough", admin, "")
	require.Equal(t, 200, status, body)
	told := l.take(t)
	assert.Equal(t, "server-side-disconnect", string(told.Channel))
	assert.JSONEq(t, `{"reason":"enough"}`, string(told.Data))
	<-l.closed
}

func TestAConnectionOfRecordsWithoutLoginIsClosed(t *testing.T) {
	h := guarded(t, func(c *config.Config) { c.Security.LoginTimeout = 100 * time.Millisecond })
	select {
	case <-openLine(t, h).closed:
	case <-time.After(10 * time.Second):
		require.FailNow(t, "it was not closed")
	}
}

func TestAConnectionOfRecordsNeedsNoLoginWithoutAccessControl(t *testing.T) {
	l := openLine(t, start(t, nil))
	require.Empty(t, string(l.ask(t, abi.ActionSet, "/a", `{"n":1}`).Error))
	assert.Equal(t, `{"n":1}`, string(l.ask(t, abi.ActionGet, "/a", "").Data))
	assert.Contains(t, string(l.ask(t, abi.ActionGet, "/_SYSTEM/x", "").Error), "unauthorized")
}
