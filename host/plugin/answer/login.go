package answer

import (
	"bytes"
	"fmt"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/internal/rawjson"
)

// Refusal is the error of a hook that says no, for clients to read. Members
// that it does not say are empty.
type Refusal struct {
	Name    string
	Code    int
	Message string
}

// Error implements error.
func (r *Refusal) Error() string { return r.Message }

// RefusalOf reads the output of a REJECT.
func RefusalOf(output []byte) *Refusal {
	text := ErrorSection(output)
	if !rawjson.IsObject(text) {
		return &Refusal{Message: string(text)}
	}
	r := &Refusal{Message: "refused by a plugin"}
	for name, value := range rawjson.Members(text) {
		switch string(name) {
		case "name":
			r.Name = string(rawjson.Unquote(value))
		case "message":
			r.Message = string(rawjson.Unquote(value))
		case "code":
			r.Code, _ = strconv.Atoi(string(value)) // one that is no number says nothing
		}
	}
	return r
}

// Replacement returns the data of a REPLACE that check finds good.
func Replacement(output []byte, check func(data []byte) error) ([]byte, error) {
	var out abi.Record
	if err := out.Decode(output); err != nil {
		return nil, fmt.Errorf("verdict %s: %w", abi.VerdictReplace, err)
	}
	if out.Data != nil {
		if err := CheckSection(abi.SectionData, &out.Data); err != nil {
			return nil, fmt.Errorf("verdict %s: section %q: %w", abi.VerdictReplace, abi.SectionData, err)
		}
	}
	if err := check(out.Data); err != nil {
		return nil, fmt.Errorf("verdict %s: %w", abi.VerdictReplace, err)
	}
	return bytes.Clone(out.Data), nil
}
