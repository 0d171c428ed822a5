package policy

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxMilliseconds is the longest duration, 285,616 years: the largest whole
// number that is exact in JavaScript.
const maxMilliseconds = 1<<53 - 1

var durations = regexp.MustCompile(`(?i)^(-?(?:\d+)?\.?\d+) *([a-z]*)$`)

// Milliseconds reads a duration as happn-3's configuration has it: a number of
// milliseconds, or a number and a unit ("7 days", "1.5h", "250ms"). The units
// are those of the npm package ms. Negative durations, and those that are too
// long to be counted, are errors: happn-3 would never end such a session.
func Milliseconds(text string) (int64, error) {
	if len(text) > 100 {
		return 0, fmt.Errorf("a duration of %d characters; write a number and a unit, like \"7 days\"", len(text))
	}
	parts := durations.FindStringSubmatch(text)
	if parts == nil {
		return 0, fmt.Errorf("%q is no duration; write a number and a unit, like \"7 days\"", text)
	}
	factor := unit(strings.ToLower(parts[2]))
	if factor == 0 {
		return 0, fmt.Errorf("%q has an unknown unit; use ms, s, m, h, days, weeks or years", text)
	}
	n, err := strconv.ParseFloat(parts[1], 64)
	if err != nil {
		return 0, fmt.Errorf("%q is no duration: %w", text, err)
	}
	return bounded(n*factor, text)
}

func bounded(ms float64, text string) (int64, error) {
	switch {
	case ms < 0:
		return 0, fmt.Errorf("%s is negative; for no bound write 0", text)
	case !(ms <= maxMilliseconds):
		return 0, fmt.Errorf("%s is too long; for no bound write 0", text)
	case ms > 0 && ms < 1:
		return 1, nil // 0 would mean no bound
	}
	return int64(ms), nil
}

func unit(name string) float64 {
	const s, m, h, d = 1000.0, 60 * 1000.0, 3600 * 1000.0, 24 * 3600 * 1000.0
	switch name {
	case "", "ms", "msec", "msecs", "millisecond", "milliseconds":
		return 1
	case "s", "sec", "secs", "second", "seconds":
		return s
	case "m", "min", "mins", "minute", "minutes":
		return m
	case "h", "hr", "hrs", "hour", "hours":
		return h
	case "d", "day", "days":
		return d
	case "w", "week", "weeks":
		return 7 * d
	case "y", "yr", "yrs", "year", "years":
		return 365.25 * d
	}
	return 0
}
