package expr

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// isoDate writes a date as JavaScript does.
func isoDate(ms int64) string {
	return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z")
}

// maxMillis bounds dates to those that JavaScript knows.
const maxMillis = 8_640_000_000_000_000

// instant returns the Unix time in ms that a date, a number or a text in ISO
// 8601 means. Without a time zone it is UTC.
func instant(v Value) (ms int64, ok bool) {
	switch v.kind {
	case Date:
		return v.n, true
	case Number:
		f := v.Float()
		return int64(f), f >= -maxMillis && f <= maxMillis
	case Text:
		s := v.Text()
		if len(s) > 64 {
			return 0, false
		}
		for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly, "2006-01-02T15:04Z07:00",
			"2006-01-02T15:04", "2006-01-02 15:04:05Z07:00", time.DateTime, "2006-01-02T15:04:05Z0700", "2006-01"} {
			if t, err := time.Parse(layout, string(s)); err == nil {
				return t.UnixMilli(), true
			}
		}
	}
	return 0, false
}

// zone returns the time zone that a text names: an offset like +02:00, or a
// name like Europe/Paris, which the machine must know.
func zone(v Value) (*time.Location, bool) {
	switch s := string(v.Text()); {
	case v.IsNullish() || s == "UTC" || s == "GMT" || s == "Z":
		return time.UTC, true
	case v.kind != Text || s == "" || len(s) > 64:
		return nil, false
	case s[0] == '+' || s[0] == '-':
		digits := strings.ReplaceAll(s[1:], ":", "")
		n, err := strconv.ParseUint(digits, 10, 16)
		if err != nil || (len(digits) != 4 && len(digits) != 2) {
			return nil, false
		}
		if len(digits) == 2 {
			n *= 100
		}
		seconds := int(n/100*3600 + n%100*60)
		if s[0] == '-' {
			seconds = -seconds
		}
		return time.FixedZone(s, seconds), true
	default:
		if s == "Local" {
			return nil, false
		}
		loc, err := time.LoadLocation(s)
		return loc, err == nil
	}
}

// formatDate writes a date by the specifiers of $dateToString.
func formatDate(t time.Time, format string) (string, bool) {
	var out strings.Builder
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			out.WriteByte(format[i])
			continue
		}
		if i++; i == len(format) || !writePart(&out, t, format[i]) {
			return "", false
		}
	}
	return out.String(), true
}

func writePart(out *strings.Builder, t time.Time, spec byte) bool {
	isoYear, isoWeek := t.ISOWeek()
	number := func(n, width int) { fmt.Fprintf(out, "%0*d", width, n) }
	switch spec {
	case 'Y':
		number(t.Year(), 4)
	case 'm':
		number(int(t.Month()), 2)
	case 'd':
		number(t.Day(), 2)
	case 'H':
		number(t.Hour(), 2)
	case 'M':
		number(t.Minute(), 2)
	case 'S':
		number(t.Second(), 2)
	case 'L':
		number(t.Nanosecond()/1e6, 3)
	case 'j':
		number(t.YearDay(), 3)
	case 'w':
		number(int(t.Weekday())+1, 1)
	case 'u':
		number((int(t.Weekday())+6)%7+1, 1)
	case 'U':
		number(weekOfYear(t), 2)
	case 'V':
		number(isoWeek, 2)
	case 'G':
		number(isoYear, 4)
	case 'b':
		out.WriteString(t.Format("Jan"))
	case 'B':
		out.WriteString(t.Format("January"))
	case 'z':
		out.WriteString(t.Format("-0700"))
	case 'Z':
		_, seconds := t.Zone()
		number(seconds/60, 1)
	case '%':
		out.WriteByte('%')
	default:
		return false
	}
	return true
}

// weekOfYear counts weeks from Sunday; days before the first Sunday are in week 0.
func weekOfYear(t time.Time) int { return (t.YearDay() + 6 - int(t.Weekday())) / 7 }

// parseDate reads a text by the specifiers of $dateFromString.
func parseDate(s, format string, loc *time.Location) (time.Time, bool) {
	parts := map[byte]int{'Y': 1970, 'm': 1, 'd': 1}
	for i := 0; i < len(format); i++ {
		if format[i] != '%' {
			if s == "" || s[0] != format[i] {
				return time.Time{}, false
			}
			s = s[1:]
			continue
		}
		if i++; i == len(format) {
			return time.Time{}, false
		}
		width := strings.IndexByte("..mdHMS..L.Y", format[i])
		switch {
		case format[i] == 'z':
			loc2, ok := zone(TextValue(s))
			if !ok {
				return time.Time{}, false
			}
			loc, s = loc2, ""
			continue
		case width < 2:
			return time.Time{}, false
		case width < 7:
			width = 2
		case format[i] == 'L':
			width = 3
		default:
			width = 4
		}
		if len(s) < width {
			return time.Time{}, false
		}
		n, err := strconv.ParseUint(s[:width], 10, 16)
		if err != nil {
			return time.Time{}, false
		}
		parts[format[i]], s = int(n), s[width:]
	}
	t := time.Date(parts['Y'], time.Month(parts['m']), parts['d'], parts['H'], parts['M'], parts['S'], parts['L']*1e6, loc)
	return t, s == "" && t.Day() == parts['d'] && int(t.Month()) == parts['m']
}
