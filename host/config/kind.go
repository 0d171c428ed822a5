package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// kind is what the value of a key looks like. Every source speaks text (a scalar
// of a file is taken as it is written), so a kind is one parser and one printer
// for all of them.
type kind string

const (
	kindText     kind = "text"
	kindChoice   kind = "choice"
	kindNumber   kind = "number"
	kindSize     kind = "size"
	kindDuration kind = "duration"
	kindSwitch   kind = "switch"
	kindList     kind = "list"
	kindSections kind = "sections"
)

// wants describes the form of a value, without its bounds.
func (k kind) wants() string {
	switch k {
	case kindChoice:
		return "one of"
	case kindNumber:
		return "a whole number"
	case kindSize:
		return "a size in bytes or with a unit (1048576, 64KiB, 10MiB, 1GiB)"
	case kindDuration:
		return "a duration with a unit (250ms, 30s, 2m, 1h30m)"
	case kindSwitch:
		return "true or false"
	case kindList:
		return "a list (in the environment and in flags: separated by commas)"
	case kindSections:
		return "a list of sections (in the environment and in flags: JSON text)"
	default:
		return "a text"
	}
}

// parse turns text into the Go value of the key's field. ok is false when the
// text does not have the form of the kind.
func (k kind) parse(text string) (value any, ok bool) {
	switch k {
	case kindNumber:
		n, err := strconv.Atoi(text)
		return n, err == nil
	case kindSize:
		return parseSize(text)
	case kindDuration:
		d, err := time.ParseDuration(text)
		return d, err == nil
	case kindSwitch:
		b := strings.ToLower(text)
		return b == "true", b == "true" || b == "false"
	case kindList:
		return splitList(text), true
	default:
		return text, true
	}
}

// print is the inverse of parse.
func (k kind) print(value any) string {
	if k == kindSections {
		return printSections(value)
	}
	switch v := value.(type) {
	case int:
		if k == kindSize {
			return printSize(v)
		}
		return strconv.Itoa(v)
	case time.Duration:
		return printDuration(v)
	case []string:
		return strings.Join(v, ",")
	default:
		return fmt.Sprint(v)
	}
}

var sizeUnits = []struct {
	suffix string
	bytes  int
}{{"GiB", gib}, {"MiB", mib}, {"KiB", kib}}

func parseSize(text string) (any, bool) {
	unit := 1
	for _, u := range sizeUnits {
		if n := len(text) - len(u.suffix); n > 0 && strings.EqualFold(text[n:], u.suffix) {
			unit, text = u.bytes, strings.TrimSpace(text[:n])
			break
		}
	}
	n, err := strconv.Atoi(text)
	if err != nil || n > math.MaxInt/unit || n < math.MinInt/unit {
		return 0, false
	}
	return n * unit, true
}

func printSize(n int) string {
	for _, u := range sizeUnits {
		if n != 0 && n%u.bytes == 0 {
			return strconv.Itoa(n/u.bytes) + u.suffix
		}
	}
	return strconv.Itoa(n)
}

// printDuration drops the zero units that time.Duration prints: 2m, not 2m0s.
func printDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// splitList cuts at commas; surrounding blanks and empty elements are dropped,
// so that an empty text is an empty list.
func splitList(text string) []string {
	list := []string{}
	for part := range strings.SplitSeq(text, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
