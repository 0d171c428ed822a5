package payload

import (
	"errors"
	"strconv"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// ErrBuffer is the error of a JSON value that is no list of bytes.
var ErrBuffer = errors.New("encrypted data are a list of bytes, such as Node's Buffer makes")

// ParseBuffer reads the bytes that a client sends as JSON: a list of numbers, or
// what Node makes of a Buffer, {"type":"Buffer","data":[...]}.
func ParseBuffer(raw []byte) ([]byte, error) {
	if rawjson.IsObject(raw) {
		kind, _ := rawjson.Lookup(raw, "type")
		if string(rawjson.Unquote(kind)) != "Buffer" {
			return nil, ErrBuffer
		}
		raw, _ = rawjson.Lookup(raw, "data")
	}
	if !rawjson.IsArray(raw) {
		return nil, ErrBuffer
	}
	bytes := make([]byte, 0, len(raw)/3)
	for element := range rawjson.Elements(raw) {
		b, err := strconv.ParseUint(string(element), 10, 8)
		if err != nil {
			return nil, ErrBuffer
		}
		bytes = append(bytes, byte(b))
	}
	return bytes, nil
}

// AppendBuffer appends bytes as Node writes a Buffer as JSON.
func AppendBuffer(dst, bytes []byte) []byte {
	dst = append(dst, `{"type":"Buffer","data":[`...)
	for i, b := range bytes {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return append(dst, `]}`...)
}
