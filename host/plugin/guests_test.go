package plugin_test

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/limit"
)

// buffer is where the guests of these tests keep their input, and output where
// they keep canned output.
const (
	buffer = 1 << 12
	output = 1 << 16
)

// guest writes a raw plugin whose inbound hook has this code (param 0 is the
// length, local 1 an i32). It has 4 pages of memory.
func guest(inbound ...[]byte) *asm.Module {
	m := &asm.Module{}
	bare(m)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32, inbound...)
	return m
}

// bare adds what every raw plugin has.
func bare(m *asm.Module) {
	m.Memory(4)
	m.Func(abi.ExportMarker, asm.None, asm.None, nil)
	m.Func(abi.ExportBuf, asm.I32, asm.I32, nil, asm.I32Const(buffer))
}

// verdict pushes a hook's result.
func verdict(v abi.Verdict, pointer, length uint32) []byte {
	return asm.I64Const(int64(abi.Pack(v, pointer, length)))
}

// says makes a guest that answers with this verdict and output.
func says(v abi.Verdict, out []byte) []byte {
	m := guest(verdict(v, output, uint32(len(out))))
	m.Data(output, out)
	return m.Bytes()
}

// record encodes a record.
func record(t testing.TB, r abi.Record) []byte {
	t.Helper()
	b := make([]byte, r.Size())
	_, err := r.Encode(b)
	require.NoError(t, err)
	return b
}

func passes() []byte { return guest(verdict(abi.VerdictPass, 0, 0)).Bytes() }

// request is what the tests show to layers.
func request() *abi.Record {
	return &abi.Record{
		Kind: abi.KindRequest, Action: abi.ActionSet, EventID: 7, Path: []byte("/a/b"), Data: []byte(`{"n":1}`),
		Options: []byte(`{}`), SessionID: []byte("session-1"), Username: []byte("ada"), Protocol: []byte("happn_4"),
	}
}

// folder is a plugins folder and the Manager that watches it.
type folder struct {
	*plugin.Manager
	t   testing.TB
	dir string
	log *logBuffer
}

// open starts a Manager over an empty folder. Scans are asked for by the tests;
// change lets a test set options.
func open(t testing.TB, change func(*plugin.Options)) *folder {
	t.Helper()
	f := &folder{t: t, dir: filepath.Join(t.TempDir(), "plugins"), log: &logBuffer{}}
	o := plugin.Options{
		Dir: f.dir, Settle: 10 * time.Millisecond, Limits: limit.Set{Instances: 2},
		Logger: slog.New(slog.NewTextHandler(f.log, nil)),
	}
	if change != nil {
		change(&o)
	}
	m, err := plugin.Open(ctx(t), o)
	require.NoError(t, err)
	f.Manager = m
	t.Cleanup(func() { require.NoError(t, m.Close()) })
	return f
}

// put writes a file in one step, and lets the Manager look at the folder.
func (f *folder) put(name string, content []byte) {
	f.t.Helper()
	hidden := filepath.Join(f.dir, ".new")
	require.NoError(f.t, os.WriteFile(hidden, content, 0o644))
	require.NoError(f.t, os.Rename(hidden, filepath.Join(f.dir, name)))
	f.rescan()
}

func (f *folder) remove(name string) {
	f.t.Helper()
	require.NoError(f.t, os.Remove(filepath.Join(f.dir, name)))
	f.rescan()
}

func (f *folder) rescan() {
	f.t.Helper()
	require.NoError(f.t, f.Rescan(ctx(f.t)))
}

// only returns the description of the only plugin.
func (f *folder) only() plugin.Info {
	f.t.Helper()
	list := f.List()
	require.Len(f.t, list, 1)
	return list[0]
}

// call shows a record to the first inbound layer.
func (f *folder) call(rec *abi.Record) (abi.Verdict, error) {
	f.t.Helper()
	layers := f.Inbound()
	require.NotEmpty(f.t, layers, "%+v", f.List())
	return layers[0].Call(context.Background(), rec)
}

func ctx(t testing.TB) context.Context {
	c, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	t.Cleanup(cancel)
	return c
}

// logBuffer keeps what is logged.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
