package token

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"github.com/happn-host/happn-host/internal/rawjson"
)

// Bounds of what a packed payload may unfold to: a text can be referred to any
// number of times.
const (
	maxUnpacked = 256 << 10
	maxNesting  = 64
)

var errPacked = errors.New("the packed payload cannot be read")

// unpackPayload reads the payload of a happn-3 token: a JSON string with a text
// in the format of the npm package jsonpack (happn-wire.md, appendix E).
func unpackPayload(payload []byte) ([]byte, error) {
	if err := new(rawjson.Scanner).Valid(payload); err != nil || !rawjson.IsString(payload) {
		return nil, errors.New("the payload is not the one of a happn-3 token")
	}
	return unpack(string(rawjson.Unquote(payload)))
}

// unpack returns the packed value as JSON.
func unpack(packed string) ([]byte, error) {
	parts := strings.Split(packed, "^")
	if len(parts) != 4 {
		return nil, errPacked
	}
	u := unpacker{structure: parts[3]}
	decode := strings.NewReplacer("+", " ", "%2B", "+", "%7C", "|", "%5E", "^", "%25", "%")
	for _, text := range entries(parts[0]) {
		u.words = append(u.words, rawjson.AppendString(nil, decode.Replace(text)))
	}
	u.texts = len(u.words)
	for _, text := range entries(parts[1]) {
		n, err := strconv.ParseInt(text, 36, 64)
		if err != nil {
			return nil, errPacked
		}
		u.words = append(u.words, strconv.AppendInt(nil, n, 10))
	}
	for _, text := range entries(parts[2]) {
		u.words = append(u.words, float(text))
	}
	if err := u.value(u.next(), maxNesting); err != nil {
		return nil, err
	}
	if u.at != len(u.structure) {
		return nil, errPacked
	}
	return u.out, nil
}

func entries(part string) []string {
	if part == "" {
		return nil
	}
	return strings.Split(part, "|")
}

// float is a number as JSON has it; what JSON has not is null.
func float(text string) []byte {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsInf(f, 0) || math.IsNaN(f) {
		return []byte("null")
	}
	return strconv.AppendFloat(nil, f, 'g', -1, 64)
}

type unpacker struct {
	structure string
	at        int
	words     [][]byte // texts, whole numbers and floats, as JSON
	texts     int      // how many are texts
	out       []byte
}

// next returns the next token of the structure: one of $ @ ], or an index.
func (u *unpacker) next() string {
	for u.at < len(u.structure) && u.structure[u.at] == '|' {
		u.at++
	}
	from := u.at
	if from < len(u.structure) && strings.IndexByte("$@]", u.structure[from]) >= 0 {
		u.at++
		return u.structure[from:u.at]
	}
	for u.at < len(u.structure) && strings.IndexByte("|$@]", u.structure[u.at]) < 0 {
		u.at++
	}
	return u.structure[from:u.at]
}

func (u *unpacker) value(token string, depth int) error {
	if depth == 0 || len(u.out) > maxUnpacked {
		return errPacked
	}
	switch token {
	case "$":
		return u.object(depth - 1)
	case "@":
		return u.array(depth - 1)
	}
	word, err := u.word(token)
	u.out = append(u.out, word...)
	return err
}

func (u *unpacker) array(depth int) error {
	u.out = append(u.out, '[')
	for {
		token := u.next()
		if token == "]" {
			u.out = append(u.out, ']')
			return nil
		}
		u.comma('[')
		if err := u.value(token, depth); err != nil {
			return err
		}
	}
}

func (u *unpacker) object(depth int) error {
	u.out = append(u.out, '{')
	for {
		token := u.next()
		if token == "]" {
			u.out = append(u.out, '}')
			return nil
		}
		name, err := u.word(token)
		if err != nil || !rawjson.IsString(name) {
			return errPacked
		}
		u.comma('{')
		u.out = append(append(u.out, name...), ':')
		if err := u.value(u.next(), depth); err != nil {
			return err
		}
	}
}

func (u *unpacker) comma(open byte) {
	if !bytes.HasSuffix(u.out, []byte{open}) {
		u.out = append(u.out, ',')
	}
}

// word is the JSON of an index into the dictionary, or of a constant.
func (u *unpacker) word(index string) ([]byte, error) {
	n, err := strconv.ParseInt(index, 36, 32)
	switch {
	case err != nil:
		return nil, errPacked
	case n >= 0 && int(n) < len(u.words):
		return u.words[n], nil
	case n == -1:
		return []byte("true"), nil
	case n == -2:
		return []byte("false"), nil
	case n == -3 || n == -5: // null, undefined
		return []byte("null"), nil
	case n == -4:
		return []byte(`""`), nil
	}
	return nil, errPacked
}
