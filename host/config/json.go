package config

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// jsonReader keeps the line of every value, which encoding/json does not.
type jsonReader struct {
	content []byte
	dec     *json.Decoder
}

func parseJSON(content []byte) (*node, error) {
	if len(bytes.TrimSpace(content)) == 0 {
		return nil, nil
	}
	r := &jsonReader{content: content, dec: json.NewDecoder(bytes.NewReader(content))}
	r.dec.UseNumber()
	n, err := r.value(0)
	if err != nil {
		return nil, r.explain(err)
	}
	if _, err := r.dec.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("holds more than one JSON value in line %d, expected one", r.line())
	}
	return n, nil
}

func (r *jsonReader) line() int { return r.lineAt(r.dec.InputOffset()) }

func (r *jsonReader) lineAt(offset int64) int {
	offset = min(max(offset, 0), int64(len(r.content)))
	return 1 + bytes.Count(r.content[:offset], []byte("\n"))
}

func (r *jsonReader) explain(err error) error {
	line := r.line()
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		line = r.lineAt(syntax.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("is not JSON: it ends in line %d before the value does", r.lineAt(int64(len(r.content))))
	}
	return fmt.Errorf("is not JSON: line %d: %w", line, err)
}

func (r *jsonReader) value(depth int) (*node, error) {
	token, err := r.dec.Token()
	if err != nil {
		return nil, err
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("nested too deep, expected at most %d levels", maxDepth)
	}
	n := &node{line: r.line(), form: formScalar}
	switch t := token.(type) {
	case nil:
		n.form = formNothing
	case json.Delim:
		if t == '{' {
			n.form = formSection
			return n, r.fields(n, depth)
		}
		n.form = formList
		return n, r.items(n, depth)
	case string:
		n.text, n.quoted = t, true
	default:
		n.text = fmt.Sprint(t)
	}
	return n, nil
}

func (r *jsonReader) fields(n *node, depth int) error {
	for r.dec.More() {
		name, err := r.dec.Token()
		if err != nil {
			return err
		}
		f := field{name: fmt.Sprint(name), line: r.line()}
		if f.value, err = r.value(depth + 1); err != nil {
			return err
		}
		n.fields = append(n.fields, f)
	}
	_, err := r.dec.Token() // the closing brace
	return err
}

func (r *jsonReader) items(n *node, depth int) error {
	for r.dec.More() {
		item, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, item)
	}
	_, err := r.dec.Token() // the closing bracket
	return err
}
