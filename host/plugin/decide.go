package plugin

import (
	"bytes"
	"context"
	"fmt"
	"strconv"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/hook"
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

func refusal(output []byte) *Refusal {
	text := errorSection(output)
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

// ask shows a record to a hook that decides about a login. It returns PASS,
// REPLACE with the data that check has found good, or REJECT with a *Refusal.
// Any other error is a fault, which refuses the login whatever anybody's manifest
// says: who makes a plugin fail must not get past it.
func (b *binding) ask(ctx context.Context, rec *abi.Record, check func(data []byte) error) (abi.Verdict, []byte, error) {
	verdict, output, err := b.call(ctx, rec)
	if err == nil {
		var data []byte
		switch verdict {
		case abi.VerdictPass:
			return verdict, nil, nil
		case abi.VerdictReject:
			return verdict, nil, refusal(output)
		case abi.VerdictError:
			err = fmt.Errorf("hook failed: %s", errorText(output))
		default:
			if data, err = replacement(output, check); err == nil {
				return verdict, data, nil
			}
		}
		b.failed(rec.SessionID, verdict, err)
	}
	return abi.VerdictError, nil, fmt.Errorf("plugin %s: %s: %w", b.name, hook.RulesAt(b.place).Kind, err)
}

func replacement(output []byte, check func(data []byte) error) ([]byte, error) {
	var out abi.Record
	if err := out.Decode(output); err != nil {
		return nil, fmt.Errorf("verdict %s: %w", abi.VerdictReplace, err)
	}
	if out.Data != nil {
		if err := checkSection(abi.SectionData, &out.Data); err != nil {
			return nil, fmt.Errorf("verdict %s: section %q: %w", abi.VerdictReplace, abi.SectionData, err)
		}
	}
	if err := check(out.Data); err != nil {
		return nil, fmt.Errorf("verdict %s: %w", abi.VerdictReplace, err)
	}
	return bytes.Clone(out.Data), nil
}

// absent makes an empty text an absent section.
func absent(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}
