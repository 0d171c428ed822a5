package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"github.com/happn-host/happn-host/plugins/sdk"
)

// mistake is a keyword of a schema that a document does not satisfy.
type mistake struct {
	At      string `json:"at"`      // JSON pointer of the member
	Keyword string `json:"keyword"` // of the schema
	Message string `json:"message"`
}

// longest bounds what is told of one mistake, in bytes: clients choose the names of
// members.
const longest = 256

func short(text string) string {
	if len(text) <= longest {
		return text
	}
	return strings.ToValidUTF8(text[:longest], "") + "..."
}

var pointer = strings.NewReplacer("~", "~0", "/", "~1")

// list returns up to most mistakes, those inside of others rather than these.
func list(e *jsonschema.ValidationError, most int) (all []mistake) {
	printer := message.NewPrinter(language.English)
	var walk func(e *jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		for _, cause := range e.Causes {
			walk(cause)
		}
		if len(e.Causes) > 0 {
			return
		}
		m := mistake{Keyword: strings.Join(e.ErrorKind.KeywordPath(), "/"), Message: short(e.ErrorKind.LocalizedString(printer))}
		for _, name := range e.InstanceLocation {
			m.At += "/" + pointer.Replace(name)
		}
		if m.At = short(m.At); !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	walk(e)
	// The library goes through members in the order of a map.
	slices.SortFunc(all, func(a, b mistake) int {
		if n := strings.Compare(a.At, b.At); n != 0 {
			return n
		}
		return strings.Compare(a.Keyword+a.Message, b.Keyword+b.Message)
	})
	return all[:min(len(all), most)]
}

// reject tells a client what is wrong with a document.
func reject(path []byte, mistakes []mistake) sdk.Verdict {
	parts := make([]string, len(mistakes))
	for i, m := range mistakes {
		if parts[i] = m.Message; m.At != "" {
			parts[i] = m.At + ": " + m.Message
		}
	}
	text, err := json.Marshal(struct {
		Name    string    `json:"name"`
		Message string    `json:"message"`
		Path    string    `json:"path"`
		Errors  []mistake `json:"errors"`
	}{"ValidationError", string(path) + ": " + strings.Join(parts, "; "), string(path), mistakes})
	if err != nil {
		return sdk.Fail(err.Error())
	}
	return sdk.Reject(string(text))
}
