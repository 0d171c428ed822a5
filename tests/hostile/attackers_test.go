package hostile

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/host/plugin/hostile"
)

// attackersEnv has the test's own binary be the attackers, which stand for clients on
// other machines: a process of their own, which takes no more of the processors than
// the host and the others leave.
const attackersEnv = "HAPPN_TEST_ATTACKERS"

// attackers are the process.
type attackers struct {
	to   *json.Encoder
	from *json.Decoder
}

// order is what they are told: whom to attack, and how, or to stop.
type order struct {
	URL                string
	Username, Password string // who attacks; nobody on a host without access control
	Listens            string // the plugin's own address, for those that have one, and routes
	Logins             bool   // attack by logging in
	Stop               bool
}

func (o order) user() client.Options {
	return client.Options{URL: o.URL, Username: o.Username, Password: o.Password}
}

// report is what they found out until they were stopped.
type report struct {
	Seen  bool   // a plugin told what it must not know
	Wrong string // something else that must not be
}

// startAttackers starts the process, which ends with the test.
func startAttackers(t *testing.T) *attackers {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self)
	if idle, err := exec.LookPath("chrt"); err == nil {
		cmd = exec.Command(idle, "--idle", "0", self)
	}
	cmd.Env = append(os.Environ(), attackersEnv+"=1")
	cmd.Stderr = os.Stderr
	to, err := cmd.StdinPipe()
	require.NoError(t, err)
	from, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = to.Close()
		_ = cmd.Wait()
	})
	return &attackers{to: json.NewEncoder(to), from: json.NewDecoder(from)}
}

// attack has them do what they do as often as they can, until the caller stops it.
func (a *attackers) attack(t *testing.T, o order) (stop func() report) {
	require.NoError(t, a.to.Encode(o))
	var begun report
	require.NoError(t, a.from.Decode(&begun), "the attackers are there")
	require.Empty(t, begun.Wrong)
	return func() (r report) {
		require.NoError(t, a.to.Encode(order{Stop: true}))
		require.NoError(t, a.from.Decode(&r), "the attackers are still there")
		return r
	}
}

// beAttackers is the process: it does what it is told until nobody tells it anything.
func beAttackers(in io.Reader, out io.Writer) error {
	orders, reports := json.NewDecoder(in), json.NewEncoder(out)
	var crew []*attacker
	for {
		var o order
		if err := orders.Decode(&o); err != nil {
			return nil
		}
		for n := len(crew); n < 2; n++ {
			c, err := client.Connect(context.Background(), o.user())
			if err != nil {
				return reports.Encode(report{Wrong: err.Error()})
			}
			crew = append(crew, &attacker{client: c, path: fmt.Sprintf("/evil%d", n)})
		}
		if err := reports.Encode(report{}); err != nil {
			return err
		}
		if err := reports.Encode(attackTogether(crew, o, orders)); err != nil {
			return err
		}
	}
}

// attackTogether attacks until the next order, which says to stop.
func attackTogether(crew []*attacker, o order, orders *json.Decoder) (all report) {
	ctx, cancel := context.WithCancel(context.Background())
	var wait sync.WaitGroup
	for _, a := range crew {
		a.order, a.report = o, report{}
		wait.Go(func() {
			for ctx.Err() == nil {
				a.provoke(ctx)
			}
		})
	}
	_ = orders.Decode(&order{})
	cancel()
	wait.Wait()
	for _, a := range crew {
		all.Seen, all.Wrong = all.Seen || a.report.Seen, cmp.Or(all.Wrong, a.report.Wrong)
	}
	return all
}

// attacker is one client that shows messages to a hostile plugin.
type attacker struct {
	client *client.Client
	path   string
	order  order
	report report
}

// provoke shows the plugin a message of each kind, or logs in.
func (a *attacker) provoke(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	if a.order.Logins {
		a.logIn(ctx)
		return
	}
	_, err := a.client.Set(ctx, a.path, map[string]string{"secret": "of an attacker"}, nil)
	a.look(err)
	_, err = a.client.Get(ctx, a.path, nil)
	a.look(err)
	if a.order.Listens == "" {
		return
	}
	_, err = a.client.Get(ctx, a.path, &client.Query{Criteria: map[string]any{"a": map[string]any{"$evil": 1}}})
	a.look(err)
	a.visit(ctx)
}

// look finds out whether an answer tells what the plugin must not know.
func (a *attacker) look(err error) {
	if err != nil && strings.Contains(err.Error(), hostile.Seen) {
		a.report.Seen = true
	}
}

// visit speaks to the plugin's routes and ports.
func (a *attacker) visit(ctx context.Context) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.order.URL+"/@plugins/evil/x", nil)
	if err != nil {
		return
	}
	request.Close = true
	if answer, err := http.DefaultClient.Do(request); err == nil {
		_, _ = io.Copy(io.Discard, answer.Body)
		_ = answer.Body.Close()
	}
	if conn, err := net.DialTimeout("tcp", a.order.Listens, time.Second); err == nil {
		_ = conn.SetDeadline(time.Now().Add(100 * time.Millisecond))
		_, _ = conn.Write([]byte("hello"))
		_, _ = conn.Read(make([]byte, 64))
		_ = conn.Close()
	}
}

// logIn logs in with the right password, which the plugin's profile hook is asked
// about, and by its provider; and has another plugin call its service.
func (a *attacker) logIn(ctx context.Context) {
	for _, as := range []client.Options{a.order.user(), {Username: "device-1", Password: "x", AuthType: "evil"}, {Username: "_ADMIN", Password: "x", AuthType: "evil"}} {
		as.URL = a.order.URL
		if in, err := client.Connect(ctx, as); err == nil {
			a.report.Wrong = fmt.Sprintf("%s got in by %q", as.Username, as.AuthType)
			_ = in.Close()
		}
	}
	_, _ = a.client.Set(ctx, a.path, map[string]int{"n": 1}, nil)
}
