package loki_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore/migrate"
	"github.com/happn-host/happn-host/datastore/migrate/loki"
)

func TestOperationsAreCarriedOutOnTheSnapshot(t *testing.T) {
	a, b := stored("/a", `{"x":1,"y":{"z":[1]}}`, 1000), stored("/b", `{"n":5}`, 2000)
	for name, c := range map[string]struct {
		operations string
		want       []string
	}{
		"none": {"", []string{`/a {"x":1,"y":{"z":[1]}} 1000-1001`, `/b {"n":5} 2000-2001`}},
		"an overwrite keeps the times, since its own are not written": {
			did("UPSERT", `["/a",{"data":{"w":2},"_meta":{"path":"/a","modifiedBy":"bob"}},{}]`),
			[]string{`/a {"w":2} 1000-1001 bob`, `/b {"n":5} 2000-2001`},
		},
		"a merge is of the first level": {
			did("UPSERT", `["/a",{"data":{"y":{"q":1},"v":2},"_meta":{"path":"/a"}},{"merge":true}]`),
			[]string{`/a {"x":1,"y":{"q":1},"v":2} 1000-1001`, `/b {"n":5} 2000-2001`},
		},
		"merge false is none": {
			did("UPSERT", `["/a",{"data":{"v":2},"_meta":{"path":"/a"}},{"merge":false}]`),
			[]string{`/a {"v":2} 1000-1001`, `/b {"n":5} 2000-2001`},
		},
		"a new document brings its times, and comes last": {
			did("UPSERT", `["/0",{"data":{"v":1},"_meta":{"path":"/0","data":{"v":1},"created":7000,"modified":7001,"meta":{"created":1},"$loki":9}},null]`) +
				did("REMOVE", `["/b",null]`),
			[]string{`/a {"x":1,"y":{"z":[1]}} 1000-1001`, `/0 {"v":1} 7000-7001`},
		},
		"what was removed and set again is new": {
			did("REMOVE", `["/a"]`) + did("UPSERT", `["/a",{"data":{"v":1},"_meta":{"created":7000,"modified":7000}}]`),
			[]string{`/a {"v":1} 7000-7000`, `/b {"n":5} 2000-2001`},
		},
		"increments count from what is there, or from 0": {
			did("UPSERT", `["/t",{"data":{},"_meta":{"created":9000,"modified":9000}},{}]`) + did("REMOVE", `["/t",null]`) +
				did("INCREMENT", `["/g","c",2]`) + did("INCREMENT", `["/g","c",-0.5]`) + did("INCREMENT", `["/b","c",1]`) +
				did("INCREMENT", `["/g","d","7"]`),
			[]string{
				`/a {"x":1,"y":{"z":[1]}} 1000-1001`, `/b {"n":5,"c":{"value":1}} 2000-9000`,
				`/g {"c":{"value":1.5},"d":{"value":"07"}} 9000-9000`,
			},
		},
		"an insert": {
			did("INSERT", `[{"path":"/i","data":{"v":1},"created":3000,"modified":3001,"modifiedBy":"eve","$loki":4}]`),
			[]string{`/a {"x":1,"y":{"z":[1]}} 1000-1001`, `/b {"n":5} 2000-2001`, `/i {"v":1} 3000-3001 eve`},
		},
		"a removal by pattern concerns what is there then": {
			did("REMOVE", `["/*",null]`) + did("UPSERT", `["/b",{"data":{"v":1},"_meta":{"created":7000,"modified":7000}}]`),
			[]string{`/b {"v":1} 7000-7000`},
		},
		"a removal by criteria judges what is there then": {
			did("UPSERT", `["/b",{"data":{"n":"x"},"_meta":{}},{}]`) + did("REMOVE", `["/*",{"data.n":"x"}]`) +
				did("UPSERT", `["/c",{"data":{"n":"x"},"_meta":{"created":7000,"modified":7000}}]`),
			[]string{`/a {"x":1,"y":{"z":[1]}} 1000-1001`, `/c {"n":"x"} 7000-7000`},
		},
		"criteria of one path are ignored": {did("REMOVE", `["/a",{"data.x":99}]`), []string{`/b {"n":5} 2000-2001`}},
		"regular expressions are not in the file: nothing is removed": {
			did("REMOVE", `["/*",{"data.x":{"$regex":{}}}]`), []string{`/a {"x":1,"y":{"z":[1]}} 1000-1001`, `/b {"n":5} 2000-2001`},
		},
		"a gauge that is none": {
			did("INCREMENT", `["/b","n",1]`),
			[]string{`/a {"x":1,"y":{"z":[1]}} 1000-1001`, `/b! line 2: INCREMENT of "n", which is no gauge`},
		},
		"blank lines": {"\r\n\r\n", []string{`/a {"x":1,"y":{"z":[1]}} 1000-1001`, `/b {"n":5} 2000-2001`}},
	} {
		t.Run(name, func(t *testing.T) {
			f := open(t, write(t, line(database(a, b))+c.operations), loki.Options{})
			require.Equal(t, c.want, read(t, f))
			require.Equal(t, c.want, read(t, f), "in every call")
		})
	}
}

func TestTextComesOutAsItWentIn(t *testing.T) {
	data := `{"q":"\"\\\/\b\f\n\r\t","u":"ü😀 \ud83d \u0000 \u2028","long":"` + strings.Repeat(`x\\\"é`, 50_000) + `","n":-12345678901234567890.5e-7}`
	for _, text := range []string{line(database(stored("/t", data, 1000))),
		strings.ReplaceAll(line(database(stored("/t", data, 1000))), "é", `\u00e9`),
		strings.ReplaceAll(line(database(stored("/t", data, 1000))), "😀", `\ud83d\ude00`),
		strings.TrimSuffix(line(database(stored("/t", data, 1000))), "\r\n"),
	} {
		require.Equal(t, []string{"/t " + data + " 1000-1001"}, read(t, open(t, write(t, text), loki.Options{})))
	}
}

func TestACrashLeavesAFileThatIsRead(t *testing.T) {
	snapshot, after := line(database(stored("/a", `{}`, 1000))), did("REMOVE", `["/a",null]`)
	for size := range len(after) - len("\r\n") {
		f := open(t, write(t, snapshot+after[:size]), loki.Options{})
		require.Equal(t, []string{"/a {} 1000-1001"}, read(t, f), after[:size])
		if size > 0 {
			require.Contains(t, strings.Join(f.Origin().Notes, ""), "line 2")
		}
	}
	require.Empty(t, read(t, open(t, write(t, snapshot+strings.TrimSpace(after)), loki.Options{})), "a whole line counts")

	// The new snapshot is whole, and has not got its name.
	for name, broken := range map[string]string{"torn": snapshot[:len(snapshot)/2], "empty": ""} {
		file := write(t, broken)
		require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(file), "temp_happn.db"), []byte(snapshot), 0o600))
		f := open(t, file, loki.Options{})
		require.Equal(t, []string{"/a {} 1000-1001"}, read(t, f), name)
		require.Contains(t, f.Origin().Notes[0], "temp_happn.db")
		require.NoError(t, os.Remove(file))
		require.Equal(t, []string{"/a {} 1000-1001"}, read(t, open(t, file, loki.Options{})), name)
	}
}

func TestBrokenFilesAreRefusedWithTheirPlace(t *testing.T) {
	whole := line(database(stored("/a", `{}`, 1000)))
	for name, c := range map[string]struct{ text, want string }{
		"empty":                  {"", "line 1, byte 0: the file is empty"},
		"something else":         {"SQLite format 3", "line 1, byte 0: it does not begin with"},
		"cut":                    {whole[:200], "line 1, byte 200: the file ends in the middle of the snapshot"},
		"a line end in it":       {whole[:200] + "\n" + whole[200:], "line 1, byte 200: the line ends in the middle"},
		"bad escape":             {strings.Replace(whole, `\"loki.db`, `\xloki.db`, 1), `line 1, byte 27: the escape`},
		"control character":      {strings.Replace(whole, `loki.db`, "lo\x01i.db", 1), `line 1, byte 31: the control character`},
		"not closed":             {line(strings.TrimSuffix(database(), "}")), "ends too early"},
		"rubbish inside":         {line(`{"collections":[}`), "line 1, byte 31: '}' where '{' was expected"},
		"rubbish after":          {line(database() + "x"), "something follows the database"},
		"more in the line":       {strings.Replace(whole, "}\r\n", "} x\r\n", 1), "something follows the snapshot in its line"},
		"no collection":          {line(`{"collections":[]}`), "no collection"},
		"data before its name":   {line(`{"collections":[{"data":[],"name":"happn"}]}`), "before its name"},
		"an unknown operation":   {whole + did("DROP", `[]`) + did("REMOVE", `["/a",null]`), `line 2, byte ` + itoa(len(whole)) + `: happn-3 writes no operation "DROP"`},
		"a torn line in between": {whole + "{\"oper\r\n" + did("REMOVE", `["/a",null]`), "line 2, byte " + itoa(len(whole))},
		"too few arguments":      {whole + did("INCREMENT", `["/a"]`) + "\r\n", "INCREMENT has 1 arguments instead of 3"},
		"no path":                {whole + did("UPSERT", `[null,{}]`) + "\r\n", "UPSERT without a path"},
		"no gauge":               {whole + did("INCREMENT", `["/a",5,1]`) + "\r\n", "without the name of a gauge"},
		"no document":            {whole + did("UPSERT", `["/a",5]`) + "\r\n", "without a document"},
		"no operation":           {whole + "{}\r\n", "it is no"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loki.Open(t.Context(), write(t, c.text), loki.Options{})
			require.ErrorContains(t, err, c.want)
			at := new(loki.Error)
			require.ErrorAs(t, err, &at)
		})
	}
	_, err := loki.Open(t.Context(), filepath.Join(t.TempDir(), "none"), loki.Options{})
	require.ErrorIs(t, err, os.ErrNotExist)

	f := open(t, write(t, whole+"{\"oper\r\n"+did("REMOVE", `["/a",null]`)), loki.Options{SkipBroken: true})
	require.Empty(t, read(t, f))
	require.Contains(t, f.Origin().Notes[0], "line 2")
}

func TestDocumentsThatAreNoneAreNamed(t *testing.T) {
	f := open(t, write(t, line(database(`{"path":"/a","created":1}`, `{"data":{}}`, `5`, `{"path":"/b","data":{},"created":"x"}`, stored("/c", `{}`, 1)))), loki.Options{})
	require.Equal(t, []string{
		"/a! line 1, document 1: it has no data", "! line 1, document 2: it has no path", "! line 1, document 3: it has no path",
		`/b! line 1, document 4: "created" is no time in milliseconds: "x"`, "/c {} 1-2",
	}, read(t, f))
}

func TestAFileThatChangesIsNoticed(t *testing.T) {
	file := write(t, line(database(stored("/a", `{}`, 1000))))
	f := open(t, file, loki.Options{})
	more, err := os.OpenFile(file, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = more.WriteString(did("REMOVE", `["/a",null]`))
	require.NoError(t, err)
	require.NoError(t, more.Close())
	require.ErrorIs(t, f.Documents(t.Context(), func(migrate.Item) error { return nil }), loki.ErrChanged)
}
