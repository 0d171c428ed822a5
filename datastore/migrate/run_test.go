package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/datastore"
	"github.com/happn-host/happn-host/datastore/memory"
	"github.com/happn-host/happn-host/datastore/migrate"
)

// list is a source in memory.
type list struct {
	items []migrate.Item
	sum   string
	after int // items after which it fails with err; 0 is never
	err   error
}

func (l *list) Origin() migrate.Origin {
	return migrate.Origin{Kind: "list", Name: "test", Sum: l.sum, Documents: int64(len(l.items)), Bytes: int64(len(l.items))}
}

func (l *list) Documents(ctx context.Context, yield func(migrate.Item) error) error {
	for i, item := range l.items {
		if l.err != nil && l.after > 0 && i == l.after {
			return l.err
		}
		item.Read = int64(i + 1)
		if err := errors.Join(ctx.Err(), yield(item)); err != nil {
			return err
		}
	}
	return nil
}

func (l *list) Close() error { return nil }

// add adds a document, modified at the time.
func (l *list) add(path, data string, modified int64) *list {
	l.items = append(l.items, migrate.Item{Doc: datastore.Document{
		Path: path, Data: []byte(data), Created: 1000, Modified: modified, ModifiedBy: "bob",
	}})
	return l
}

func target(t *testing.T) *memory.Store {
	t.Helper()
	s, err := memory.Open(memory.Options{Durability: memory.DurabilityNone})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// found is what a store holds, a text for each document.
func found(t *testing.T, s datastore.Store) []string {
	t.Helper()
	got := []string{}
	require.NoError(t, s.Find(t.Context(), &datastore.Query{Pattern: []byte("*")}, func(d *datastore.Document) bool {
		got = append(got, fmt.Sprintf("%s %s %d-%d %s", d.Path, d.Data, d.Created, d.Modified, d.ModifiedBy))
		return true
	}))
	return got
}

func TestDocumentsAreCopiedAsTheyAre(t *testing.T) {
	s := target(t)
	source := (&list{sum: "1"}).add("/a", `{"x":1}`, 2000).add("/_SYSTEM/_SECURITY/_PERMISSIONS/_ADMIN/*/{{w}}", `{}`, 3000)
	report, err := migrate.Run(t.Context(), migrate.Options{Source: source, Target: s, Verify: true})
	require.NoError(t, err)
	require.Equal(t, []string{"/_SYSTEM/_SECURITY/_PERMISSIONS/_ADMIN/*/{{w}} {} 1000-3000 bob", `/a {"x":1} 1000-2000 bob`}, found(t, s))
	require.Equal(t, [3]int64{2, 2, 2}, [3]int64{report.New, report.Stored, report.Verified})
	require.Equal(t, &migrate.Top{Documents: 1, Bytes: 9}, report.Tops["/a"])

	report, err = migrate.Run(t.Context(), migrate.Options{Source: source, Target: s, Verify: true})
	require.NoError(t, err)
	require.Equal(t, [3]int64{2, 0, 2}, [3]int64{report.Same, report.Stored, report.Verified}, "to copy twice is to copy once")
}

func TestADryRunAndAForbiddenCopyWriteNothing(t *testing.T) {
	good := func() *list { return (&list{sum: "1"}).add("/a", `{}`, 1) }
	for name, c := range map[string]struct {
		options migrate.Options
		is      error
		why     string
	}{
		"dry run":     {migrate.Options{Source: good(), DryRun: true}, nil, ""},
		"no object":   {migrate.Options{Source: good().add("/b", `[1]`, 1)}, migrate.ErrRefused, "no object"},
		"too deep":    {migrate.Options{Source: good().add("/b", `{"a":{"b":{}}}`, 1), JSONDepth: 2}, migrate.ErrRefused, "nested too deep"},
		"not JSON":    {migrate.Options{Source: good().add("/b", `{"a":}`, 1)}, migrate.ErrRefused, "invalid JSON"},
		"meta":        {migrate.Options{Source: good().add("/b", `{"_meta":1}`, 1)}, migrate.ErrRefused, "_meta"},
		"long path":   {migrate.Options{Source: good().add("/"+strings.Repeat("b", 20), `{}`, 1), PathBytes: 20}, migrate.ErrRefused, "21 bytes"},
		"no path":     {migrate.Options{Source: good().add("", `{}`, 1)}, migrate.ErrRefused, "empty"},
		"no UTF-8":    {migrate.Options{Source: good().add("/\xff", `{}`, 1)}, migrate.ErrRefused, "UTF-8"},
		"in the way":  {migrate.Options{Source: good().add("/there", `{}`, 1)}, migrate.ErrConflict, ""},
		"dry refused": {migrate.Options{Source: good().add("/b", `5`, 1), DryRun: true}, migrate.ErrRefused, "no object"},
	} {
		t.Run(name, func(t *testing.T) {
			s := target(t)
			there := &datastore.Document{Path: "/there", Data: []byte(`{"own":1}`), Created: 5, Modified: 5}
			require.NoError(t, s.Import(t.Context(), []*datastore.Document{there}))
			c.options.Target = s
			report, err := migrate.Run(t.Context(), c.options)
			require.ErrorIs(t, err, c.is)
			require.Equal(t, []string{`/there {"own":1} 5-5 `}, found(t, s))
			require.EqualValues(t, 1, report.New)
			if c.why != "" {
				require.Contains(t, report.Refusals[0].Why, c.why)
			}
		})
	}
	s := target(t)
	_, err := migrate.Run(t.Context(), migrate.Options{Source: good().add("/b", `5`, 1), Target: s, SkipRefused: true, Verify: true})
	require.NoError(t, err)
	require.Len(t, found(t, s), 1)
}

func TestThePolicyDecidesWhatStays(t *testing.T) {
	const sources, targets = `{"from":"source"}`, `{"from":"target"}`
	for policy, want := range map[migrate.Policy][2]string{
		migrate.Skip: {targets, targets}, migrate.Overwrite: {sources, sources}, migrate.Newer: {targets, sources},
	} {
		s := target(t)
		require.NoError(t, s.Import(t.Context(), []*datastore.Document{
			{Path: "/late", Data: []byte(targets), Created: 1, Modified: 9000}, {Path: "/early", Data: []byte(targets), Created: 1, Modified: 9},
		}))
		source := (&list{sum: "1"}).add("/late", sources, 2000).add("/early", sources, 2000)
		_, err := migrate.Run(t.Context(), migrate.Options{Source: source, Target: s, OnConflict: policy, Verify: true})
		require.NoError(t, err)
		for i, path := range []string{"/late", "/early"} {
			doc, err := s.Get(t.Context(), []byte(path))
			require.NoError(t, err)
			require.Equal(t, want[i], string(doc.Data), "%s %s", policy, path)
		}
	}
	_, err := migrate.ParsePolicy("never")
	require.ErrorContains(t, err, "overwrite")
}

func TestPatternsSelectWhatIsCopied(t *testing.T) {
	source := (&list{}).add("/a/1", `{}`, 1).add("/a/2", `{}`, 1).add("/b/1", `{}`, 1).add("/_SYSTEM/_MIGRATION/x", `{}`, 1).add("/_SYSTEM/INDEXES/i", `{}`, 1)
	for _, c := range []struct {
		only, exclude []string
		want          int
	}{
		{nil, nil, 3}, {[]string{"/a/*"}, nil, 2}, {nil, []string{"*1"}, 1}, {[]string{"/a/*", "/b/1"}, []string{"/a/1"}, 2}, {[]string{"/a"}, nil, 0},
	} {
		s := target(t)
		report, err := migrate.Run(t.Context(), migrate.Options{Source: source, Target: s, Only: c.only, Exclude: c.exclude})
		require.NoError(t, err)
		require.Len(t, found(t, s), c.want)
		require.EqualValues(t, [2]int64{int64(3 - c.want), 2}, [2]int64{report.Excluded, report.Own})
	}
}

func TestAnInterruptedCopyGoesOn(t *testing.T) {
	s := target(t)
	source := &list{sum: "1"}
	for i := range 2600 {
		source.add(fmt.Sprintf("/many/%04d", i), fmt.Sprintf(`{"i":%d}`, i), 2000)
	}
	ctx, cancel := context.WithCancel(t.Context())
	options := migrate.Options{Source: source, Target: s, Progress: func(p migrate.Progress) {
		if p.Phase == migrate.Copying && p.Documents > 1200 {
			cancel()
		}
	}}
	report, err := migrate.Run(ctx, options)
	require.ErrorIs(t, err, context.Canceled)
	require.EqualValues(t, 1000, report.Stored)
	require.Len(t, found(t, s), 1001, "and how far it got")

	options.Progress, options.Verify = nil, true
	report, err = migrate.Run(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, [3]int64{1000, 1600, 2600}, [3]int64{report.Resumed, report.Stored, report.Verified})
	require.Len(t, found(t, s), 2600, "how far it got is no longer needed")

	source.sum, options.Exclude = "2", []string{"/none"}
	report, err = migrate.Run(t.Context(), options)
	require.NoError(t, err)
	require.Zero(t, report.Resumed, "another source starts anew")
	require.Zero(t, report.Stored)
}

func TestVerifyingFindsWhatIsMissingOrDifferent(t *testing.T) {
	s := target(t)
	source := (&list{sum: "1"}).add("/a", `{}`, 1).add("/b", `{}`, 1).add("/c", `{}`, 1)
	options := migrate.Options{Source: source, Target: s, Verify: true, Progress: func(p migrate.Progress) {
		if p.Phase == migrate.Verifying && p.Documents == 0 {
			require.NoError(t, s.Import(t.Context(), []*datastore.Document{{Path: "/a", Data: []byte(`{"changed":true}`)}}))
			done := make(removals, 1)
			s.Remove(t.Context(), &datastore.Query{Pattern: []byte("/b")}, done)
			<-done
		}
	}}
	report, err := migrate.Run(t.Context(), options)
	require.ErrorIs(t, err, migrate.ErrDiffers)
	require.Equal(t, [2]int64{1, 2}, [2]int64{report.Verified, report.Differing})
	require.Equal(t, []migrate.Refusal{{Path: "/a", Why: "the target has another one"}, {Path: "/b", Why: "it is missing in the target"}}, report.Differences)
}

type removals chan int

func (r removals) Removed(n int, _ error) { r <- n }

func TestDocumentsAreTheSameHoweverTheyAreWritten(t *testing.T) {
	for _, c := range []struct {
		there string
		same  bool
	}{
		{`{"a":1,"b":[1,"x",{"c":null}]}`, true}, {`{ "b":[1.0,"\u0078",{"c":null}], "a":1e0 }`, true},
		{`{"a":1,"b":[1,"x",{"c":0}]}`, false}, {`{"a":1,"b":[1,"x"]}`, false}, {`{"a":1}`, false}, {`{"a":"1","b":[1,"x",{"c":null}]}`, false},
	} {
		s := target(t)
		require.NoError(t, s.Import(t.Context(), []*datastore.Document{
			{Path: "/a", Data: []byte(c.there), Created: 1000, Modified: 1, ModifiedBy: "bob"},
		}))
		source := (&list{}).add("/a", `{"a":1,"b":[1,"x",{"c":null}]}`, 1)
		report, err := migrate.Run(t.Context(), migrate.Options{Source: source, Target: s, DryRun: true})
		require.Equal(t, c.same, err == nil, c.there)
		require.Equal(t, c.same, report.Same == 1, c.there)
	}
}

func TestAStoreIsASource(t *testing.T) {
	from, to := target(t), target(t)
	_, err := migrate.Run(t.Context(), migrate.Options{Source: (&list{}).add("/b", `{}`, 2).add("/a", `{}`, 1), Target: from})
	require.NoError(t, err)
	source := migrate.FromStore("store", "test", from)
	_, err = migrate.Run(t.Context(), migrate.Options{Source: source, Target: to, Verify: true})
	require.NoError(t, err)
	require.Equal(t, found(t, from), found(t, to))
	require.NoError(t, source.Close())
	_, err = migrate.Run(t.Context(), migrate.Options{Source: source, Target: to})
	require.ErrorIs(t, err, datastore.ErrClosed)
}

func TestAFailingSourceEndsTheCopyWithItsError(t *testing.T) {
	broken := errors.New("broken")
	source := (&list{after: 1, err: broken}).add("/a", `{}`, 1).add("/b", `{}`, 1)
	_, err := migrate.Run(t.Context(), migrate.Options{Source: source, Target: target(t)})
	require.ErrorIs(t, err, broken)
}

func TestACopyThatGoesOnLeavesWhatItHadFinishedWith(t *testing.T) {
	s := target(t)
	source := &list{sum: "1"}
	for i := range 1100 {
		source.add(fmt.Sprintf("/many/%04d", i), `{}`, 2000)
	}
	source.err = errors.New("interrupted")
	options := migrate.Options{Source: source, Target: s, OnConflict: migrate.Overwrite, Progress: func(p migrate.Progress) {
		if p.Phase == migrate.Copying {
			source.after = 700
		}
	}}
	_, err := migrate.Run(t.Context(), options)
	require.ErrorIs(t, err, source.err)
	changed := &datastore.Document{Path: "/many/0001", Data: []byte(`{"since":1}`), Created: 1000, Modified: 3000}
	require.NoError(t, s.Import(t.Context(), []*datastore.Document{changed}))

	source.err, options.Progress = nil, nil
	report, err := migrate.Run(t.Context(), options)
	require.NoError(t, err)
	require.Equal(t, [2]int64{500, 600}, [2]int64{report.Resumed, report.Stored})
	doc, err := s.Get(t.Context(), []byte("/many/0001"))
	require.NoError(t, err)
	require.Equal(t, changed, doc)
}
