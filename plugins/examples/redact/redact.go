package main

import (
	"encoding/json"
	"strings"

	"github.com/happn-host/happn-host/plugins/examples/redact/fields"
	"github.com/happn-host/happn-host/plugins/sdk"
)

// config is the plugin's configuration.
type config struct {
	// Fields to remove or mask, see fields.New.
	Fields []string `json:"fields"`
	// Mask replaces a field's value. Without it the field is removed.
	Mask json.RawMessage `json:"mask"`
}

// redactor holds what to hide.
type redactor struct{ hidden *fields.Set }

func (r *redactor) configure(text []byte) error {
	var c config
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.DisallowUnknownFields()
	err := d.Decode(&c)
	if err == nil {
		r.hidden, err = fields.New(c.Fields, c.Mask)
	}
	return err
}

// redact looks at one response or publication. One that holds nothing to hide
// is passed on as it is, without garbage.
func (r *redactor) redact(m *sdk.Message) sdk.Verdict {
	if data, had := r.hidden.Hide(m.Data()); had {
		m.SetData(data)
	}
	return sdk.Pass()
}
