package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
)

// config is what the operator says.
type config struct {
	// Paths are the patterns of the documents in the index; the event hook must
	// have the same.
	Paths []string `json:"paths"`
	// Fields are weights of fields, by their dotted names. Without any, all texts of
	// a document count once.
	Fields map[string]float64 `json:"fields"`
	// StopWords are in no index.
	StopWords []string `json:"stopWords"`
	// K1 and B are those of BM25.
	K1 *float64 `json:"k1"`
	B  *float64 `json:"b"`
	// MaxMiB bounds the index; limits.memoryMiB should be twice as much.
	MaxMiB int `json:"maxMiB"`
}

func readConfig(raw []byte) (c config, err error) {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil {
		return c, err
	}
	if len(c.Paths) == 0 {
		return c, errors.New("paths is missing: the patterns of the documents to index")
	}
	for name, weight := range c.Fields {
		if name == "" || weight <= 0 || weight > 1000 {
			return c, fmt.Errorf("fields: the weight of %q must be more than 0 and at most 1000", name)
		}
	}
	if c.K1 == nil {
		c.K1 = new(float64)
		*c.K1 = 1.2
	}
	if c.B == nil {
		c.B = new(float64)
		*c.B = 0.75
	}
	if *c.K1 < 0 || *c.K1 > 10 || *c.B < 0 || *c.B > 1 {
		return c, errors.New("k1 must be from 0 to 10, b from 0 to 1")
	}
	if c.MaxMiB == 0 {
		c.MaxMiB = 64
	}
	if c.MaxMiB < 1 || c.MaxMiB > 2000 {
		return c, errors.New("maxMiB must be from 1 to 2000")
	}
	return c, nil
}

// covers reports whether one of the patterns names a path.
func (c *config) covers(path string) bool {
	for _, p := range c.Paths {
		if matches(p, path) {
			return true
		}
	}
	return false
}

// matches reports whether a pattern, in which '*' is any text, names a path.
func matches(pattern, path string) bool {
	first, rest, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == path
	}
	path, ok := strings.CutPrefix(path, first)
	for ok && rest != "" {
		part, after, more := strings.Cut(rest, "*")
		if !more {
			return strings.HasSuffix(path, part)
		}
		at := strings.Index(path, part)
		if ok = at >= 0; ok {
			path, rest = path[at+len(part):], after
		}
	}
	return ok
}
