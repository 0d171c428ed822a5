package admin

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
)

// Route is one thing that the API does.
type Route struct {
	Method  string
	Path    string // below Prefix, with {name} for what varies
	Summary string // what it does, without a full stop
	Query   []Parameter
	Body    map[string]any // JSON schema of the body; nil for none
	Answers string         // what the answer is, in words

	// Handler serves the route by itself. Its answers are its own.
	Handler http.Handler

	answer func(c *call) (any, error)
}

// Parameter is a parameter of the query.
type Parameter struct {
	Name    string
	Meaning string
	Needed  bool
}

// call is one request.
type call struct {
	request *http.Request
	writer  http.ResponseWriter
	query   url.Values
	body    []byte
}

// read checks the parameters and reads the body.
func (c *call) read(route Route) error {
	c.query = c.request.URL.Query()
	if route.Handler != nil {
		return nil
	}
	known := map[string]bool{"happn_token": true} // see host/web
	for _, p := range route.Query {
		known[p.Name] = true
		if p.Needed && c.query.Get(p.Name) == "" {
			return bad("the parameter " + p.Name + " is missing: " + p.Meaning)
		}
	}
	for name := range c.query {
		if !known[name] {
			return bad(fmt.Sprintf("the parameter %q is not known here; see %s/openapi.json", name, Prefix))
		}
	}
	if route.Body == nil {
		return nil
	}
	// A page of another site cannot send this type without being asked first.
	if kind := c.request.Header.Get("Content-Type"); !isJSON(kind) {
		return &Refusal{http.StatusUnsupportedMediaType, "send the body as application/json"}
	}
	body, err := io.ReadAll(http.MaxBytesReader(c.writer, c.request.Body, maxBody))
	if err != nil {
		return &Refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the body could not be read; it may be %d bytes long", maxBody)}
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil || object == nil {
		return bad("the body has to be a JSON object")
	}
	c.body = body
	return nil
}

// param returns what stands in the path for a name.
func (c *call) param(name string) string { return c.request.PathValue(name) }

// decode reads the body into a struct, and refuses members that it has no place for.
func (c *call) decode(into any) error {
	dec := json.NewDecoder(newReader(c.body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return bad("the body is not what is expected: " + err.Error())
	}
	return nil
}

// number returns a parameter that is a number, or what it is when it is left out.
func (c *call) number(name string, otherwise int) (int, error) {
	text := c.query.Get(name)
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, bad("the parameter " + name + " has to be a whole number")
	}
	return n, nil
}

// listing returns the options of a list, in the language of a get.
func (c *call) listing() ([]byte, error) {
	options := map[string]json.RawMessage{}
	for _, name := range []string{"criteria", "sort", "limit", "skip"} {
		text := c.query.Get(name)
		if text == "" {
			continue
		}
		if !json.Valid([]byte(text)) {
			return nil, bad("the parameter " + name + " has to be JSON")
		}
		options[name] = json.RawMessage(text)
	}
	if len(options) == 0 {
		return nil, nil
	}
	return json.Marshal(options)
}

var listParameters = []Parameter{
	{Name: "name", Meaning: "beginning of the names, in which * stands for any text"},
	{Name: "criteria", Meaning: "filter, as of a get, JSON"},
	{Name: "sort", Meaning: "order, as of a get, JSON"},
	{Name: "limit", Meaning: "number that is listed at most"},
	{Name: "skip", Meaning: "number that is left out before"},
}
