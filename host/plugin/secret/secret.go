package secret

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/happn-host/happn-host/host/plugin/folder"
)

// Ways to name a secret in the config of an operator's file: the value is an
// object with this one key. They begin with a sign that no key of a plugin's own
// has by accident, since {file: ...} may be a setting.
const (
	fromEnv  = "$env"  // name of an environment variable of the host
	fromFile = "$file" // path, from the plugins folder if it is relative
)

// maxSecret bounds a secret in a file, in bytes.
const maxSecret = 64 << 10

// shortestHidden is how long a secret must be to be blotted out of what a plugin
// logs, in bytes: shorter ones stand in ordinary words.
const shortestHidden = 4

// Secrets are what an operator's file did not say in clear.
type Secrets struct {
	Places []string // keys under which they are, with those above none
	hide   *strings.Replacer
}

// Any reports whether there is something to hide.
func (s Secrets) Any() bool { return s.hide != nil }

// Hide returns text without secrets.
func (s Secrets) Hide(text string) string {
	if s.hide == nil {
		return text
	}
	return s.hide.Replace(text)
}

// HideError returns err without secrets in its text.
func (s Secrets) HideError(err error) error {
	if err == nil || s.hide == nil {
		return err
	}
	if text := err.Error(); s.hide.Replace(text) != text {
		return errors.New(s.hide.Replace(text))
	}
	return err
}

// Resolve puts the secrets that config names in their places. dir is the
// folder of the operator's file. Only what the operator wrote comes here: a
// module must not read the host's environment or files.
func Resolve(config json.RawMessage, file, dir string) (json.RawMessage, Secrets, error) {
	if !bytes.Contains(config, []byte(`"$`)) {
		return config, Secrets{}, nil
	}
	var value any
	d := json.NewDecoder(bytes.NewReader(config))
	d.UseNumber()
	if err := d.Decode(&value); err != nil {
		return nil, Secrets{}, fmt.Errorf("%s: config: %w", file, err)
	}
	r := resolver{dir: dir}
	value, err := r.resolve("config", value)
	if err != nil {
		return nil, Secrets{}, fmt.Errorf("%s: %w", file, err)
	}
	out, err := json.Marshal(value)
	if err != nil {
		return nil, Secrets{}, fmt.Errorf("%s: config: %w", file, err)
	}
	s := Secrets{Places: r.places}
	if len(r.pairs) > 0 {
		s.hide = strings.NewReplacer(r.pairs...)
	}
	return out, s, nil
}

// resolver reads secrets.
type resolver struct {
	dir    string
	places []string
	pairs  []string // of a strings.Replacer
}

func (r *resolver) resolve(at string, value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		for _, way := range []string{fromEnv, fromFile} {
			if name, ok := v[way]; ok {
				return r.secret(at, way, name, len(v) > 1)
			}
		}
		for _, key := range slices.Sorted(maps.Keys(v)) {
			next, err := r.resolve(at+"."+key, v[key])
			if err != nil {
				return nil, err
			}
			v[key] = next
		}
	case []any:
		for i := range v {
			next, err := r.resolve(at+"."+strconv.Itoa(i), v[i])
			if err != nil {
				return nil, err
			}
			v[i] = next
		}
	}
	return value, nil
}

// secret reads one secret. Errors name it and not what it is.
func (r *resolver) secret(at, way string, name any, more bool) (string, error) {
	text, ok := name.(string)
	if !ok || text == "" || more {
		return "", fmt.Errorf("%s: a secret is written {%s: NAME}, alone", at, way)
	}
	var err error
	secret := ""
	if way == fromEnv {
		secret = os.Getenv(text)
		if secret == "" {
			err = fmt.Errorf("the environment variable %s is not set; set it for the host", text)
		}
	} else {
		secret, err = r.read(text)
	}
	if err == nil && !utf8.ValidString(secret) {
		err = fmt.Errorf("%s %s is no text in UTF-8; encode it, as base64 for example", way, text)
	}
	if err != nil {
		return "", fmt.Errorf("%s: %w", at, err)
	}
	r.places = append(r.places, at)
	if len(secret) >= shortestHidden {
		r.pairs = append(r.pairs, secret, "***")
		if quoted, err := json.Marshal(secret); err == nil && string(quoted[1:len(quoted)-1]) != secret {
			r.pairs = append(r.pairs, string(quoted[1:len(quoted)-1]), "***")
		}
	}
	return secret, nil
}

// read returns the content of a file without the line break at its end.
func (r *resolver) read(path string) (string, error) {
	if !filepath.IsAbs(path) {
		path = filepath.Join(r.dir, path)
	}
	content, err := folder.Read(path, maxSecret)
	if err != nil {
		return "", fmt.Errorf("the secret in %s cannot be read: %w", path, err)
	}
	secret := strings.TrimSuffix(strings.TrimSuffix(string(content), "\n"), "\r")
	if secret == "" {
		return "", fmt.Errorf("the secret in %s is empty", path)
	}
	return secret, nil
}
