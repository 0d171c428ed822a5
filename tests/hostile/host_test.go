package hostile

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/client"
	"github.com/happn-host/happn-host/tests/testhost"
)

func TestMain(m *testing.M) {
	debug.SetGCPercent(1000) // the clients' own collections are no harm that a plugin does
	if os.Getenv(attackersEnv) != "" {
		if err := beAttackers(os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(testhost.Main(m))
}

// machine is a host, its plugins folder, and who looks at it from outside.
type machine struct {
	t      *testing.T
	server *testhost.Server
	folder string
	http   *http.Client
	offset int            // of what the host has written and the test has not looked at
	user   client.Options // who connects; nobody on a host without access control
	token  string         // of who looks, on a host with access control

	version int // of the plugin that is exchanged
}

func start(t *testing.T, args ...string) *machine {
	if testhost.Reference() {
		t.Skip("the reference server has no plugins")
	}
	m := &machine{t: t, folder: t.TempDir(), http: &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}}
	m.server = testhost.Start(t, testhost.Settings{Args: append(args, "--plugins", m.folder, "--plugins.settle", settle().String(), "--data.durability", "none")})
	t.Cleanup(m.http.CloseIdleConnections)
	return m
}

// settle is how long the folder must be quiet: not for long, unless what others notice
// is compared. Then it is as it is by itself.
func settle() time.Duration {
	if strict() {
		return 200 * time.Millisecond
	}
	return 10 * time.Millisecond
}

func (m *machine) connect() *client.Client {
	m.t.Helper()
	c, err := m.login(m.user)
	require.NoError(m.t, err)
	m.t.Cleanup(func() { _ = c.Close() })
	return c
}

// login connects as somebody.
func (m *machine) login(as client.Options) (*client.Client, error) {
	ctx, cancel := context.WithTimeout(m.t.Context(), 10*time.Second)
	defer cancel()
	as.URL = m.server.URL()
	return client.Connect(ctx, as)
}

// put writes a file into the plugins folder in one step.
func (m *machine) put(name string, content []byte) {
	m.t.Helper()
	hidden := filepath.Join(m.folder, ".new-"+name)
	require.NoError(m.t, os.WriteFile(hidden, content, 0o600))
	require.NoError(m.t, os.Rename(hidden, filepath.Join(m.folder, name)))
}

// take removes files from the plugins folder.
func (m *machine) take(names ...string) {
	m.t.Helper()
	for _, name := range names {
		if err := os.Remove(filepath.Join(m.folder, name)); !os.IsNotExist(err) {
			require.NoError(m.t, err)
		}
	}
}

// state is a plugin as the management API shows it.
type state struct {
	Name, File, State, Reason, LastError, SHA256 string
	Calls, Traps, Errors                         uint64
}

func (m *machine) get(path string) ([]byte, error) {
	request, err := http.NewRequest(http.MethodGet, m.server.URL()+path, nil)
	if err != nil {
		return nil, err
	}
	if m.token != "" {
		request.Header.Set("Authorization", "Bearer "+m.token)
	}
	answer, err := m.http.Do(request)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s: %s", path, answer.Status)
	}
	return body, err
}

// plugin returns what the host says about the plugin of a file; its File is empty if
// there is none.
func (m *machine) plugin(file string) (s state) {
	m.t.Helper()
	body, err := m.get("/api/v1/plugins")
	require.NoError(m.t, err, "the host is up")
	var all []state
	require.NoError(m.t, json.Unmarshal(body, &all), "%s", body)
	for _, one := range all {
		if one.File == file {
			return one
		}
	}
	return s
}

// await waits until the plugin of a file is as ok wants it.
func (m *machine) await(file string, ok func(state) bool) (last state) {
	m.t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for {
		if last = m.plugin(file); ok(last) {
			return last
		}
		require.True(m.t, time.Now().Before(deadline), "%s is still %+v", file, last)
		time.Sleep(2 * time.Millisecond)
	}
}

func is(states ...string) func(state) bool {
	return func(s state) bool { return slices.Contains(states, s.State) }
}

func (m *machine) gone(file string) {
	m.t.Helper()
	m.await(file, func(s state) bool { return s.File == "" })
}

// written returns what the host has written since the last call, by lines.
func (m *machine) written() []string {
	all := m.server.Output()
	lines := strings.Split(all[m.offset:], "\n")
	m.offset = len(all)
	return lines
}

// usage is what a process holds on to.
type usage struct {
	goroutines, files, mapped int
	heap                      int64 // bytes that live
}

// usage measures the host after collections of its garbage, which need work to
// happen.
func (m *machine) usage(busy *client.Client) (u usage) {
	m.t.Helper()
	before := m.metrics()
	big := strings.Repeat("x", 1<<20)
	for range 200 {
		_, err := busy.Set(m.t.Context(), "/big", big, nil)
		require.NoError(m.t, err)
		now := m.metrics()
		if now["go_gc_duration_seconds_count"] >= before["go_gc_duration_seconds_count"]+2 {
			break
		}
	}
	now := m.metrics()
	u.goroutines, u.heap = int(now["go_goroutines"]), int64(now["go_memstats_heap_alloc_bytes"])
	u.files, u.mapped = m.files(), m.mapped()
	return u
}

// metrics returns the values of metrics without labels.
func (m *machine) metrics() map[string]float64 {
	m.t.Helper()
	body, err := m.get("/metrics")
	require.NoError(m.t, err)
	values := map[string]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(body)); lines.Scan(); {
		if name, value, ok := strings.Cut(lines.Text(), " "); ok {
			if v, err := strconv.ParseFloat(value, 64); err == nil {
				values[name] = v
			}
		}
	}
	return values
}

// files returns how many file descriptors the host has, mapped how many bytes of
// machine code that was made of plugins; both are 0 where the system does not tell.
func (m *machine) files() int {
	entries, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", m.server.PID()))
	return len(entries)
}

func (m *machine) mapped() (bytes int) {
	content, _ := os.ReadFile(fmt.Sprintf("/proc/%d/maps", m.server.PID()))
	for line := range strings.Lines(string(content)) {
		fields := strings.Fields(line)
		if len(fields) != 5 || !strings.Contains(fields[1], "x") { // of a file, or data
			continue
		}
		from, to, _ := strings.Cut(fields[0], "-")
		begin, _ := strconv.ParseUint(from, 16, 64)
		end, _ := strconv.ParseUint(to, 16, 64)
		bytes += int(end - begin)
	}
	return bytes
}
