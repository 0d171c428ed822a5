package jobs

import (
	"bytes"
	"regexp"
)

// Match finds regular expressions in a text: the input is a line for each of
// them, an empty line and the text. It returns the mark of where they match, or 0
// if the input is none.
func Match(input []byte) uint64 {
	patterns, text, found := bytes.Cut(input, []byte("\n\n"))
	if !found {
		return 0
	}
	m := uint64(basis)
	for _, pattern := range bytes.Split(patterns, []byte("\n")) {
		r, err := regexp.Compile(string(pattern))
		if err != nil {
			return 0
		}
		for _, at := range r.FindAllIndex(text, -1) {
			m = (m ^ uint64(at[0])) * prime
			m = (m ^ uint64(at[1])) * prime
		}
	}
	return m
}
