package sdk

import (
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/plugins/sdk/rawjson"
)

// HTTPRequest is a request on one of a plugin's routes. It is valid until the
// hook returns.
type HTTPRequest struct {
	record  *abi.Record
	query   []byte
	headers []byte
}

// Method is GET, POST and so on.
func (r *HTTPRequest) Method() string { return r.text("method") }

// Path is the path below the plugin's: / for /@plugins/<name>.
func (r *HTTPRequest) Path() string { return string(r.record.Path) }

// URL is the path as it was asked for.
func (r *HTTPRequest) URL() string { return r.text("url") }

// Host is the name that the caller has for the host.
func (r *HTTPRequest) Host() string { return r.text("host") }

// Body is the whole body.
func (r *HTTPRequest) Body() []byte { return r.record.Bytes }

// Username is who holds the token that the request came with, "" on a host
// without access control and where the operator asks for none.
func (r *HTTPRequest) Username() string { return string(r.record.Username) }

// Address is the caller's IP address.
func (r *HTTPRequest) Address() string { return string(r.record.Address) }

// Header returns a header by its name in lower case, "" if there is none.
// Several of one name are joined by commas. There are no cookies.
func (r *HTTPRequest) Header(name string) string {
	value, _ := rawjson.Lookup(r.headers, name)
	return string(rawjson.Unquote(value))
}

// Query returns the first value of a parameter of the URL, "" if there is none.
func (r *HTTPRequest) Query(name string) string {
	values, _ := rawjson.Lookup(r.query, name)
	for value := range rawjson.Elements(values) {
		return string(rawjson.Unquote(value))
	}
	return ""
}

func (r *HTTPRequest) text(name string) string {
	value, _ := rawjson.Lookup(r.record.Options, name)
	return string(rawjson.Unquote(value))
}

// HTTPResponse is what a plugin answers. The zero value answers 200 with nothing.
type HTTPResponse struct {
	Status  int               // 200 to 599; 0 is 200
	Headers map[string]string // those of the connection, and cookies, are refused
	JSON    []byte            // the body, as application/json
	Body    []byte            // the body, if it is not JSON; set content-type

	verdict abi.Verdict // what to return in place of an answer, if not zero
	reason  string
}

// NoRoute answers that there is nothing at this path.
func NoRoute() HTTPResponse { return HTTPResponse{verdict: abi.VerdictPass} }

// HTTPError answers with an error, as the JSON object {"name", "message",
// "status"}. The status is 400 to 599.
func HTTPError(status int, message string) HTTPResponse {
	b := append([]byte(`{"name":"Error","message":`), rawjson.AppendString(nil, message)...)
	b = append(b, `,"status":`...)
	b = strconv.AppendInt(b, int64(status), 10)
	return HTTPResponse{verdict: abi.VerdictReject, reason: string(append(b, '}'))}
}

// HTTPFail says that the hook could not answer. The caller gets a 500; the reason
// goes to the log.
func HTTPFail(reason string) HTTPResponse {
	return HTTPResponse{verdict: abi.VerdictError, reason: reason}
}

// http shows a request.
func (r *runner) http(hook func(*HTTPRequest) HTTPResponse, input []byte) (abi.Verdict, []byte) {
	if hook == nil {
		return abi.VerdictPass, nil
	}
	return r.guarded(input, func(m *Message) (abi.Verdict, []byte) {
		request := HTTPRequest{record: &m.record}
		request.query, _ = rawjson.Lookup(m.record.Options, "query")
		request.headers, _ = rawjson.Lookup(m.record.Options, "headers")
		answer := hook(&request)
		if answer.verdict != 0 {
			return answer.verdict, []byte(answer.reason)
		}
		return abi.VerdictReplace, r.encode(&abi.Record{Kind: abi.KindHTTP, Options: answer.options(), Data: answer.JSON, Bytes: answer.Body})
	})
}

// options are status and headers, as JSON.
func (a *HTTPResponse) options() []byte {
	status := a.Status
	if status == 0 {
		status = 200
	}
	b := strconv.AppendInt([]byte(`{"status":`), int64(status), 10)
	b = append(b, `,"headers":{`...)
	first := true
	for name, value := range a.Headers {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(rawjson.AppendString(b, name), ':')
		b = rawjson.AppendString(b, value)
	}
	return append(b, "}}"...)
}
