package protocol

import (
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Error is an error as clients see it (happn-wire.md, 3.3).
type Error struct {
	Name    string
	Code    int // 0 if there is none
	Message string
	Reason  string // "" if there is none
	Raw     []byte // the whole object as JSON, if somebody else made it; wins
	Cause   error  // what it tells of, for the host's own use; nil if that is all there is
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

func (e *Error) Error() string { return e.Name + ": " + e.Message }

// NewError returns an error of the plain kind.
func NewError(message string) *Error { return &Error{Name: "Error", Message: message} }

// SystemError returns an error of the data layer.
func SystemError(message string) *Error {
	return &Error{Name: "SystemError", Code: 500, Message: message, Reason: "DataService"}
}

func (e *Error) append(dst []byte) []byte {
	if e.Raw != nil {
		return append(dst, e.Raw...)
	}
	dst = append(dst, `{"name":`...)
	dst = rawjson.AppendString(dst, e.Name)
	dst = append(dst, `,"message":`...)
	dst = rawjson.AppendString(dst, e.Message)
	if e.Code != 0 {
		dst = append(dst, `,"code":`...)
		dst = strconv.AppendInt(dst, int64(e.Code), 10)
	}
	if e.Name == "SystemError" {
		dst = append(dst, `,"severity":0`...)
	}
	if e.Reason != "" {
		dst = append(dst, `,"reason":`...)
		dst = rawjson.AppendString(dst, e.Reason)
	}
	return append(dst, '}')
}

// JSON returns the error object as it stands in frames.
func (e *Error) JSON() []byte { return e.append(nil) }
