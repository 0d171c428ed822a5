package client

import (
	"errors"

	"github.com/happn-host/happn-host/internal/rawjson"
)

var errMalformed = errors.New("frame is not the JSON that the protocol promises")

// maxFrameDepth is how deep the JSON of a frame may nest: deeper than servers
// let documents in, so that it only stops what is no document.
const maxFrameDepth = 10_000

// checked reports nil if the frame is JSON; only then may it be taken apart.
func checked(frame []byte) error {
	scan := rawjson.Scanner{MaxDepth: maxFrameDepth}
	if err := scan.Valid(frame); err != nil {
		return errors.Join(errMalformed, err)
	}
	return nil
}

// text returns the string that a raw JSON value is, or "" when it is none.
func text(raw []byte) string { return string(rawjson.Unquote(raw)) }

// number returns the non-negative integer that a raw JSON value is.
func number(raw []byte) (uint64, bool) {
	if len(raw) == 0 || len(raw) > 19 {
		return 0, false
	}
	var n uint64
	for _, c := range raw {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, true
}

// null reports whether a raw JSON value is null or missing.
func null(raw []byte) bool { return len(raw) == 0 || rawjson.IsNull(raw) }
