package object_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/object"
)

// says is what an object of every type is read to.
type says struct {
	text, word string
	yes        bool
	number     int
	wait       time.Duration
	texts      []string
	words      []string
	any        json.RawMessage
	inner      []string // keys of the objects below
}

func read(t *testing.T, content string) (s says, err error) {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader([]byte(content)))
	d.UseNumber()
	require.NoError(t, d.Decode(&v))
	r, err := object.New("f.json", v)
	if err != nil {
		return s, err
	}
	r.Text("text", &s.text)
	r.Word("word", []string{"red", "green"}, &s.word)
	r.Bool("yes", &s.yes)
	r.Int("number", -3, 3, &s.number)
	r.Duration("wait", time.Minute, &s.wait)
	s.texts, _ = r.Texts("texts")
	s.words, _ = r.Words("words", []string{"red", "green"})
	s.any = r.JSON("any")
	r.Object("one", func(r *object.Reader) {
		s.inner = append(s.inner, r.Keys()...)
		r.Text("a", new(string))
	})
	r.Objects("many", func(r *object.Reader) {
		s.inner = append(s.inner, r.Keys()...)
		if r.Has("b") {
			r.Fail("b", "is %s", "not wanted")
		}
	})
	return s, r.Finish()
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	s, err := read(t, `{"text":"t","word":"green","yes":true,"number":-3,"wait":"50ms","texts":["a",""],"words":["red"],
		"any":{"b":1.50,"a":[null]},"one":{"a":"x"},"many":[{},{}]}`)
	require.NoError(t, err)
	require.Equal(t, says{
		text: "t", word: "green", yes: true, number: -3, wait: 50 * time.Millisecond, texts: []string{"a", ""}, words: []string{"red"},
		any: []byte(`{"a":[null],"b":1.50}`), inner: []string{"a"},
	}, s)
	for _, nothing := range []string{`{}`, `null`, `{"text":null,"yes":null,"texts":null,"any":null,"one":null,"many":null}`} {
		s, err = read(t, nothing)
		require.NoError(t, err)
		require.Equal(t, says{}, s, nothing)
	}
}

func TestErrorsNameTheFileTheKeyAndTheRemedy(t *testing.T) {
	for content, want := range map[string]string{
		`[]`:                            "f.json: expected an object at the top, got a list",
		`{"text":1}`:                    "f.json: text: expected a string, got a number",
		`{"word":"gren"}`:               `f.json: word: "gren" is not one of red, green; did you mean "green"?`,
		`{"yes":"no"}`:                  "f.json: yes: expected true or false, got a string",
		`{"number":4}`:                  "f.json: number: expected a whole number from -3 to 3, got 4",
		`{"number":1.5}`:                "f.json: number: expected a whole number from -3 to 3, got 1.5",
		`{"wait":"5"}`:                  `f.json: wait: expected a duration such as "50ms", up to 1m0s, got "5"`,
		`{"wait":"2m"}`:                 `f.json: wait: expected a duration such as "50ms", up to 1m0s, got "2m"`,
		`{"wait":"-1s"}`:                `got "-1s"`,
		`{"texts":"a"}`:                 "f.json: texts: expected a list of strings, got a string",
		`{"texts":["a",{}]}`:            "f.json: texts[1]: expected a string, got an object",
		`{"words":["red","blue"]}`:      `f.json: words[1]: "blue" is not one of red, green`,
		`{"one":[]}`:                    "f.json: one: expected an object, got a list",
		`{"one":{"a":"x","b":1}}`:       `f.json: one.b: unknown key; did you mean "a"?`,
		`{"many":{}}`:                   "f.json: many: expected a list of objects, got an object",
		`{"many":[{},true]}`:            "f.json: many[1]: expected an object, got true or false",
		`{"many":[{},{"b":null}]}`:      "f.json: many[1].b: is not wanted",
		`{"txet":"t"}`:                  `f.json: txet: unknown key; did you mean "text"?`,
		`{"somethingElse":1}`:           "f.json: somethingElse: unknown key",
		`{"text":1,"yes":1,"number":9}`: "f.json: text: expected a string, got a number",
	} {
		_, err := read(t, content)
		require.ErrorContains(t, err, want, content)
	}
}

func TestTheNearestNameIsSuggested(t *testing.T) {
	for got, want := range map[string]string{
		"timeuot": `; did you mean "timeout"?`, "TIMEOUT": `; did you mean "timeout"?`, "wiat": `; did you mean "wait"?`, "somethingElse": "", "": "",
	} {
		require.Equal(t, want, object.Suggest(got, []string{"timeout", "wait"}), got)
	}
}
