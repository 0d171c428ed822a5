package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
)

var (
	// ErrNotFound is returned by Get when there is no document on the path.
	ErrNotFound = errors.New("no document on this path")

	// ErrUnauthorized matches errors that the server gave with code 401: the
	// credentials are wrong or missing.
	ErrUnauthorized = errors.New("unauthorized")

	// ErrForbidden matches errors that the server gave with code 403: the
	// session may not do this.
	ErrForbidden = errors.New("forbidden")

	// ErrClosed is returned by every method after Close.
	ErrClosed = errors.New("client is closed")

	// ErrSessionEnded is returned after the server ended the session on
	// purpose; the client does not reconnect. Make a new client.
	ErrSessionEnded = errors.New("session was ended by the server")

	// ErrDisconnected is returned while there is no connection, and by
	// requests that were waiting for their answer when it was lost. Try again
	// after WaitConnected.
	ErrDisconnected = errors.New("client is disconnected")

	// ErrOutcomeUnknown accompanies ErrDisconnected or a context's error when
	// a request that changes something had been handed to the connection but
	// not answered: it may or may not have been carried out. Read the document
	// before writing again.
	ErrOutcomeUnknown = errors.New("outcome unknown: the request was sent but not answered")

	// ErrUnacknowledged is returned for a publication with consistency
	// Acknowledged that not every subscriber acknowledged in time. The
	// document itself was stored.
	ErrUnacknowledged = errors.New("publication was not acknowledged by every subscriber")

	errTransportClosed = errors.New("connection is closed")
)

// Error is an error that the server answered.
type Error struct {
	Name    string // class, such as AccessDenied or SystemError
	Code    int    // 401, 403, 500, or 0 when the server gave none
	Message string // what the server says went wrong
	Reason  string // further detail of access denials, often empty
	Action  string // the request's action
	Path    string // the request's path or channel, empty for session actions
}

// Error implements error.
func (e *Error) Error() string {
	text := e.Action
	if e.Path != "" {
		text += " " + e.Path
	}
	if text != "" {
		text += ": "
	}
	text += e.Name
	if e.Code != 0 {
		text += " " + strconv.Itoa(e.Code)
	}
	text += ": " + e.Message
	if e.Reason != "" {
		text += " (" + e.Reason + ")"
	}
	return text
}

// Is reports whether the error is of the class of one of this package's
// sentinel errors.
func (e *Error) Is(target error) bool {
	switch target {
	case ErrUnauthorized:
		return e.Code == 401
	case ErrForbidden:
		return e.Code == 403
	}
	return false
}

// denied reports whether repeating the request is pointless because the server
// refused it to this session.
func denied(err error) bool {
	return errors.Is(err, ErrUnauthorized) || errors.Is(err, ErrForbidden)
}

// wireError is the error member of a response's meta. Code is a number, but
// errors of the reference's runtime carry texts such as "ECONNRESET".
type wireError struct {
	Name    string          `json:"name"`
	Code    json.RawMessage `json:"code"`
	Message string          `json:"message"`
	Reason  json.RawMessage `json:"reason"`
}

func decodeError(raw []byte, req *request) error {
	e := &Error{Name: "Error", Action: req.action, Path: req.path}
	var w wireError
	var text string
	switch {
	case json.Unmarshal(raw, &text) == nil:
		e.Message = text
	case json.Unmarshal(raw, &w) == nil:
		if w.Name != "" {
			e.Name = w.Name
		}
		e.Message = w.Message
		if code, err := strconv.Atoi(string(w.Code)); err == nil {
			e.Code = code
		}
		if json.Unmarshal(w.Reason, &text) == nil {
			e.Reason = text
		}
	default:
		e.Message = fmt.Sprintf("server answered an error that cannot be read: %.200s", raw)
	}
	return e
}
