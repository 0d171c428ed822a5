package answer_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/pipeline"
	"github.com/happn-host/happn-host/host/plugin/answer"
	"github.com/happn-host/happn-host/host/plugin/hook"
)

func encode(t testing.TB, r abi.Record) []byte {
	t.Helper()
	out := make([]byte, r.Size())
	_, err := r.Encode(out)
	require.NoError(t, err)
	return out
}

func request() *abi.Record {
	return &abi.Record{Kind: abi.KindRequest, Action: abi.ActionSet, Path: []byte("/a"), Data: []byte(`{"n":1}`), Username: []byte("ann")}
}

func TestWhichVerdictsAKindMayGive(t *testing.T) {
	require.NoError(t, answer.Check(hook.PlaceInbound, abi.VerdictDrop))
	require.NoError(t, answer.Check(hook.PlaceTick, abi.VerdictError))
	require.EqualError(t, answer.Check(hook.PlaceTick, abi.VerdictDrop), "returned the verdict drop, which a hook of kind tick cannot give")
	require.EqualError(t, answer.Check(hook.PlaceTick, 13), "returned the unknown verdict 13")
}

func TestWhatBecomesOfARecord(t *testing.T) {
	for name, c := range map[string]struct {
		kind    hook.Kind
		verdict abi.Verdict
		output  []byte
		change  func(*abi.Record)
		fault   string
	}{
		"pass":                   {kind: hook.KindInbound, verdict: abi.VerdictPass},
		"patch":                  {kind: hook.KindInbound, verdict: abi.VerdictPatch, output: encode(t, abi.Record{Data: []byte(` [1] `)}), change: func(r *abi.Record) { r.Data = []byte(`[1]`) }},
		"replace":                {kind: hook.KindInbound, verdict: abi.VerdictReplace, output: encode(t, abi.Record{Path: []byte("/b")}), change: func(r *abi.Record) { r.Path, r.Data = []byte("/b"), nil }},
		"reject":                 {kind: hook.KindInbound, verdict: abi.VerdictReject, output: []byte("no"), change: func(r *abi.Record) { r.Error = []byte("no") }},
		"close":                  {kind: hook.KindInbound, verdict: abi.VerdictClose, output: []byte(` {"a":1} `), change: func(r *abi.Record) { r.Error = []byte(`{"a":1}`) }},
		"error":                  {kind: hook.KindInbound, verdict: abi.VerdictError, output: []byte("broken"), fault: "hook failed: broken"},
		"error in silence":       {kind: hook.KindInbound, verdict: abi.VerdictError, fault: "hook failed without saying why"},
		"no record":              {kind: hook.KindInbound, verdict: abi.VerdictPatch, output: []byte("x"), fault: "verdict patch: "},
		"who it is from":         {kind: hook.KindInbound, verdict: abi.VerdictPatch, output: encode(t, abi.Record{Username: []byte("root")}), fault: `changes the section "username"`},
		"the path, of a layer":   {kind: hook.KindOutbound, verdict: abi.VerdictPatch, output: encode(t, abi.Record{Path: []byte("/b")}), fault: `changes the section "path"`},
		"no path":                {kind: hook.KindInbound, verdict: abi.VerdictReplace, output: encode(t, abi.Record{Data: []byte(`1`)}), fault: `section "path" is missing`},
		"data that is no JSON":   {kind: hook.KindInbound, verdict: abi.VerdictPatch, output: encode(t, abi.Record{Data: []byte(`{`)}), fault: `section "data": `},
		"options, and no object": {kind: hook.KindInbound, verdict: abi.VerdictPatch, output: encode(t, abi.Record{Options: []byte(`1`)}), fault: "is not a JSON object"},
	} {
		got, want := request(), request()
		err := answer.Conclude(c.kind, got, c.verdict, c.output)
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, name)
		} else {
			require.NoError(t, err, name)
		}
		if c.change != nil {
			c.change(want)
		}
		require.Equal(t, want, got, name)
	}
}

func TestErrorsAreTextThatCanBeShown(t *testing.T) {
	require.Equal(t, "refused by a plugin", string(answer.ErrorSection(nil)))
	require.Equal(t, "{\uFFFD", string(answer.ErrorSection([]byte("{\xff"))))
	require.Len(t, answer.ErrorText([]byte(strings.Repeat("x", 1<<20))), answer.MaxErrorText)
	require.Equal(t, &answer.Refusal{Message: "closed"}, answer.RefusalOf([]byte("closed")))
	require.Equal(t, &answer.Refusal{Name: "Closed", Code: 423, Message: "until 8"}, answer.RefusalOf([]byte(`{"name":"Closed","code":423,"message":"until 8"}`)))
	require.EqualError(t, answer.RefusalOf([]byte(`{"code":"x"}`)), "refused by a plugin")
}

func TestAnswersToLoginsAndServices(t *testing.T) {
	data, err := answer.Replacement(encode(t, abi.Record{Data: []byte(` {"a":1}`)}), func([]byte) error { return nil })
	require.NoError(t, err)
	require.Equal(t, `{"a":1}`, string(data))
	_, err = answer.Replacement(encode(t, abi.Record{}), func(data []byte) error {
		require.Nil(t, data)
		return errors.New("missing")
	})
	require.EqualError(t, err, "verdict replace: missing")

	data, err = answer.Service(abi.VerdictReplace, encode(t, abi.Record{Data: []byte(`1`)}))
	require.NoError(t, err)
	require.Equal(t, `1`, string(data))
	for verdict, says := range map[abi.Verdict]string{abi.VerdictReject: "no", abi.VerdictError: "hook failed: no"} {
		_, err = answer.Service(verdict, []byte("no"))
		require.EqualError(t, err, says)
	}
	data, err = answer.Service(abi.VerdictPass, nil)
	require.NoError(t, err)
	require.Nil(t, data)
}

func TestAnswersToSearches(t *testing.T) {
	rec, err := answer.Search(abi.VerdictReplace, encode(t, abi.Record{Data: []byte(`[{"path":"/a","score":2},{"path":"/b","score":1}]`), Options: []byte(`{"more":true}`)}))
	require.NoError(t, err)
	hits, more, err := answer.Hits(&rec, 10)
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, []pipeline.Hit{{Path: "/a", Score: 2}, {Path: "/b", Score: 1}}, hits)
	hits, more, err = answer.Hits(&rec, 1)
	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, hits, 1)
	_, err = answer.Search(abi.VerdictReject, []byte("no"))
	require.ErrorAs(t, err, new(*pipeline.SearchError))
	_, err = answer.Search(abi.VerdictReplace, encode(t, abi.Record{Data: []byte(`{}`)}))
	require.ErrorContains(t, err, "data is no list")
	for _, wrong := range []string{`[{"path":1,"score":1}]`, `[{"path":"/a"}]`, `[1]`} {
		_, _, err = answer.Hits(&abi.Record{Data: []byte(wrong)}, 10)
		require.ErrorContains(t, err, "hit 0 is not", wrong)
	}

	scores := make([]pipeline.Score, 4)
	require.NoError(t, answer.Scores([]byte(`[1.5,true,null,false]`), false, scores))
	require.Equal(t, []pipeline.Score{{Value: 1.5, Matches: true}, {Matches: true}, {}, {}}, scores)
	for list, says := range map[string]string{`[1,true,1,1]`: "score 1 is true", `[1]`: "1 scores for 4 values", `[1,1,1,1,1]`: "more than the 4 scores", `["a",1,1,1]`: `score 0 is "a"`} {
		require.ErrorContains(t, answer.Scores([]byte(list), true, scores), says)
	}
}

func TestRequestsShowNothingThatLetsAPluginActAsTheCaller(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/@plugins/p/x?a=1&happn_token=secret", strings.NewReader("body"))
	r.Header.Set("Cookie", "secret")
	r.Header.Set("Authorization", "Bearer secret")
	r.Header.Set("X-Other", "y")
	rec, err := answer.Request(r, "/x", answer.Caller{Username: "ann", Address: "1.2.3.4"})
	require.NoError(t, err)
	require.Equal(t, "body", string(rec.Bytes))
	require.Equal(t, "ann", string(rec.Username))
	require.Contains(t, string(rec.Options), `"x-other":"y"`)
	require.NotContains(t, string(rec.Options), "secret")
}

func TestAnswersToRequests(t *testing.T) {
	for name, c := range map[string]struct {
		verdict abi.Verdict
		output  []byte
		status  int
		body    string
		fault   string
	}{
		"bytes":                 {verdict: abi.VerdictReplace, output: encode(t, abi.Record{Bytes: []byte("hi"), Options: []byte(`{"status":201,"headers":{"X-A":"b"}}`)}), status: 201, body: "hi"},
		"data":                  {verdict: abi.VerdictReplace, output: encode(t, abi.Record{Data: []byte(`{"a":1}`)}), status: 200, body: `{"a":1}`},
		"nothing there":         {verdict: abi.VerdictPass, status: 404, body: "404 page not found\n"},
		"refused":               {verdict: abi.VerdictReject, output: []byte(`{"message":"no","status":403}`), status: 403, body: `{"message":"no","status":403}`},
		"refused in words":      {verdict: abi.VerdictReject, output: []byte("no"), status: 400, body: `{"name":"Error","message":"no"}`},
		"failed":                {verdict: abi.VerdictError, output: []byte("broken"), fault: "hook failed: broken"},
		"a status that is none": {verdict: abi.VerdictReplace, output: encode(t, abi.Record{Options: []byte(`{"status":99}`)}), fault: "status 99"},
		"a cookie":              {verdict: abi.VerdictReplace, output: encode(t, abi.Record{Options: []byte(`{"headers":{"Set-Cookie":"a"}}`)}), fault: "is not a plugin's to set"},
		"a header that is none": {verdict: abi.VerdictReplace, output: encode(t, abi.Record{Options: []byte(`{"headers":{"a b":"c"}}`)}), fault: "is not valid"},
		"no record":             {verdict: abi.VerdictReplace, output: []byte("x"), fault: "record"},
	} {
		w := httptest.NewRecorder()
		err := answer.Write(w, httptest.NewRequest(http.MethodGet, "/", nil), c.verdict, c.output)
		if c.fault != "" {
			require.ErrorContains(t, err, c.fault, name)
			require.Empty(t, w.Body.String())
			continue
		}
		require.NoError(t, err, name)
		require.Equal(t, c.status, w.Code, name)
		require.Equal(t, c.body, w.Body.String(), name)
		if c.verdict == abi.VerdictReplace {
			require.Equal(t, "sandbox allow-forms allow-scripts", w.Header().Get("Content-Security-Policy"))
		}
	}
}

func FuzzOutputs(f *testing.F) {
	f.Add(uint8(abi.VerdictPatch), encode(f, abi.Record{Data: []byte(`{"n":1}`)}))
	f.Add(uint8(abi.VerdictReplace), encode(f, abi.Record{Path: []byte("/a"), Data: []byte(`[{"path":"/a","score":1}]`), Options: []byte(`{"status":200}`)}))
	f.Add(uint8(abi.VerdictReject), []byte(`{"message":"no"}`))
	f.Fuzz(func(t *testing.T, v uint8, output []byte) {
		verdict, rec := abi.Verdict(v), request()
		if answer.Conclude(hook.KindInbound, rec, verdict, output) != nil {
			require.Equal(t, request(), rec, "a fault changes nothing")
		}
		require.Equal(t, "ann", string(rec.Username))
		if found, err := answer.Search(verdict, output); err == nil {
			_, _, _ = answer.Hits(&found, 3)
			_ = answer.Scores(found.Data, false, make([]pipeline.Score, 3))
		}
		_, _ = answer.Service(verdict, output)
		_ = answer.Write(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil), verdict, output)
	})
}
