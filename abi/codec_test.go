package abi_test

import (
	"bytes"
	"encoding/hex"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
)

var rewrite = flag.Bool("rewrite", false, "write the golden vectors instead of comparing with them")

// vectors are records whose encoding is frozen in testdata/<name>.hex.
var vectors = map[string]abi.Record{
	"request-set": {
		Kind: abi.KindRequest, Action: abi.ActionSet, EventID: 7,
		Path: []byte("/sensors/1"), Data: []byte(`{"value":21.5}`), Options: []byte(`{"noPublish":true}`),
		SessionID: []byte("c3a5"), Username: []byte("ada"), Protocol: []byte("happn_4"), Address: []byte("127.0.0.1:9"),
	},
	"request-on": {
		Kind: abi.KindRequest, Action: abi.ActionOn, EventID: 1<<63 + 1,
		Path: []byte("/ALL@/sensors/*"),
	},
	"response-error": {
		Kind: abi.KindResponse, Action: abi.ActionGet, EventID: 8,
		Path: []byte("/a"), Error: []byte(`{"name":"Error","message":"no"}`),
	},
	"publication": {
		Kind: abi.KindPublication, Action: abi.ActionSet,
		Path: []byte("/a"), Data: []byte(`[1,2]`), Meta: []byte(`{"path":"/a"}`), Channel: []byte("/ALL@/a"), SessionID: []byte{},
	},
	"lazy-data": {
		Kind: abi.KindRequest, Action: abi.ActionSet, Flags: abi.FlagDataLazy, EventID: 9, Path: []byte("/a"),
	},
	"patch-data":     {Kind: abi.KindRequest, Action: abi.ActionSet, Data: []byte(`{}`)},
	"protocol-bytes": {Kind: abi.KindRequest, Bytes: []byte{0, 255, 10}},
	"empty":          {},
}

func encode(t *testing.T, r abi.Record) []byte {
	t.Helper()
	buf := make([]byte, r.Size())
	n, err := r.Encode(buf)
	require.NoError(t, err)
	require.Equal(t, len(buf), n, "Size is exact")
	return buf
}

func TestGoldenVectors(t *testing.T) {
	for name, record := range vectors {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join("testdata", name+".hex")
			got := encode(t, record)
			if *rewrite {
				require.NoError(t, os.MkdirAll("testdata", 0o755))
				require.NoError(t, os.WriteFile(file, []byte(fold(hex.EncodeToString(got))), 0o644))
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err, "run the test with -rewrite to create it")
			want, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
			require.NoError(t, err)
			require.Equal(t, want, got)

			var back abi.Record
			require.NoError(t, back.Decode(want))
			require.Equal(t, record, back)
		})
	}
}

func TestEncodeWritesNoRecordWhereThereIsNoRoom(t *testing.T) {
	r := vectors["request-set"]
	r.Data = bytes.Repeat([]byte("1"), 300)
	for size := range r.Size() {
		buf := make([]byte, size)
		n, err := r.Encode(buf)
		require.ErrorIs(t, err, abi.ErrShortBuffer)
		require.Zero(t, n)
		require.Error(t, new(abi.Record).Decode(buf))
		if beyond := min(size, 104); size > beyond {
			require.Equal(t, make([]byte, size-beyond), buf[beyond:])
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	r := vectors["request-set"]
	good := encode(t, r)
	change := func(at int, to byte) []byte {
		b := append([]byte(nil), good...)
		b[at] = to
		return b
	}
	for name, c := range map[string]struct {
		in  []byte
		err error
	}{
		"nothing":                    {nil, abi.ErrTruncated},
		"half a header":              {good[:15], abi.ErrTruncated},
		"missing section headers":    {good[:20], abi.ErrTruncated},
		"missing bodies":             {good[:len(good)-1], abi.ErrTruncated},
		"bytes after the end":        {append(append([]byte(nil), good...), 0), abi.ErrTrailing},
		"another version":            {change(0, 2), abi.ErrVersion},
		"reserved header field":      {change(6, 1), abi.ErrReserved},
		"reserved section field":     {change(18, 1), abi.ErrReserved},
		"a length beyond the end":    {change(23, 0xff), abi.ErrTruncated},
		"more sections than present": {change(5, 0xff), abi.ErrTruncated},
		"a section twice":            {change(24, 1), abi.ErrDuplicate},
	} {
		t.Run(name, func(t *testing.T) {
			back := vectors["publication"]
			require.ErrorIs(t, back.Decode(c.in), c.err)
			require.Equal(t, abi.Record{}, back, "nothing of a broken record is left")
		})
	}
}

func TestDecodeSkipsUnknownSections(t *testing.T) {
	r := abi.Record{Kind: abi.KindRequest, Path: []byte("/a"), Data: []byte("1")}
	raw := encode(t, r)
	raw[16], raw[17] = 0x39, 0x30 // path becomes section 12345
	var back abi.Record
	require.NoError(t, back.Decode(raw))
	require.Nil(t, back.Path)
	require.Equal(t, []byte("1"), back.Data)
}

func TestApplyChangesOnlyWhatThePatchHolds(t *testing.T) {
	r := vectors["request-set"]
	r.Apply(&abi.Record{Kind: 99, EventID: 99, Data: []byte(`{"value":1}`), Options: []byte{}})
	want := vectors["request-set"]
	want.Data, want.Options = []byte(`{"value":1}`), []byte{}
	require.Equal(t, want, r)
}

func TestResultPacking(t *testing.T) {
	for _, c := range []struct {
		verdict         abi.Verdict
		pointer, length uint32
		packed          uint64
	}{
		{abi.VerdictPass, 0, 0, 0x1000000000000000},
		{abi.VerdictPatch, 0x00010000, 32, 0x3000100000000020},
		{abi.VerdictError, 0xffffffff, abi.MaxOutput, 0xffffffffffffffff},
		{0, 0, 0, 0},
	} {
		require.Equal(t, c.packed, abi.Pack(c.verdict, c.pointer, c.length))
		v, p, l := abi.Unpack(c.packed)
		require.Equal(t, c.verdict, v)
		require.Equal(t, c.pointer, p)
		require.Equal(t, c.length, l)
	}
}

func TestNamesSurviveARoundTrip(t *testing.T) {
	for a := abi.Action(1); a <= abi.MaxAction; a++ {
		require.Equal(t, a, abi.ParseAction(a.String()))
	}
	for k := abi.KindRequest; k <= abi.KindPublication; k++ {
		require.Equal(t, k, abi.ParseKind(k.String()))
	}
	require.Zero(t, abi.ParseAction(""))
	require.Zero(t, abi.ParseKind("nothing"))
	require.Empty(t, abi.Action(200).String())
}

func TestCodecDoesNotAllocate(t *testing.T) {
	r := vectors["request-set"]
	buf := make([]byte, r.Size())
	var back abi.Record
	require.Zero(t, testing.AllocsPerRun(100, func() {
		_, _ = r.Encode(buf)
		_ = back.Decode(buf)
		back.Apply(&r)
	}))
}

func FuzzDecode(f *testing.F) {
	for _, r := range vectors {
		buf := make([]byte, r.Size())
		_, _ = r.Encode(buf)
		f.Add(buf)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		var r abi.Record
		if r.Decode(in) != nil {
			require.Equal(t, abi.Record{}, r)
			return
		}
		again := encode(t, r)
		var back abi.Record
		require.NoError(t, back.Decode(again))
		require.Equal(t, r, back)
	})
}

func BenchmarkEncode(b *testing.B) {
	r := vectors["request-set"]
	buf := make([]byte, r.Size())
	b.ReportAllocs()
	for b.Loop() {
		_, _ = r.Encode(buf)
	}
}

func BenchmarkDecode(b *testing.B) {
	r := vectors["request-set"]
	buf := make([]byte, r.Size())
	_, _ = r.Encode(buf)
	var back abi.Record
	b.ReportAllocs()
	for b.Loop() {
		_ = back.Decode(buf)
	}
}

// fold breaks a long line so that a change is readable in a review.
func fold(s string) string {
	var b strings.Builder
	for len(s) > 64 {
		b.WriteString(s[:64] + "\n")
		s = s[64:]
	}
	return b.String() + s + "\n"
}

func TestListsGiveBackTheirRecords(t *testing.T) {
	names := []string{"request-set", "empty", "publication"}
	var list []byte
	for _, name := range names {
		r := vectors[name]
		list = abi.AppendToList(list, &r)
	}
	for cut := range list { // a list that ends early is found out, and never read past
		rest := list[:cut:cut]
		var err error
		for len(rest) > 0 && err == nil {
			rest, err = abi.CutFromList(rest, new(abi.Record))
		}
		if err != nil {
			require.ErrorIs(t, err, abi.ErrTruncated)
		}
	}
	for _, name := range names {
		var r abi.Record
		var err error
		list, err = abi.CutFromList(list, &r)
		require.NoError(t, err)
		require.Equal(t, vectors[name], r)
	}
	require.Empty(t, list)
}
