package expr

import (
	"strings"
	"time"
)

func dateMathFunction(name string) (function, bool) {
	switch name {
	case "$dateAdd", "$dateSubtract":
		return function{min: 3, named: []string{"startDate", "unit", "amount", "timezone"}, nulls: true, do: dateAdd}, true
	case "$dateDiff":
		return function{min: 3, named: []string{"startDate", "endDate", "unit", "timezone", "startOfWeek"}, nulls: true, do: dateDiff}, true
	case "$dateTrunc":
		return function{min: 2, named: []string{"date", "unit", "binSize", "timezone", "startOfWeek"}, nulls: true, do: dateTrunc}, true
	}
	return function{}, false
}

// fixed returns the length of a unit that is always the same, in ms.
func fixed(unit string) (ms int64, ok bool) {
	switch unit {
	case "millisecond":
		return 1, true
	case "second":
		return 1000, true
	case "minute":
		return 60_000, true
	case "hour":
		return 3_600_000, true
	}
	return 0, false
}

// months returns the length of a unit in months, or days.
func calendar(unit string) (months, days int, ok bool) {
	switch unit {
	case "day":
		return 0, 1, true
	case "week":
		return 0, 7, true
	case "month":
		return 1, 0, true
	case "quarter":
		return 3, 0, true
	case "year":
		return 12, 0, true
	}
	return 0, 0, false
}

func dateAdd(k *call) Value {
	t, ok := k.date(0, 3)
	n, whole := k.args[2].Int()
	if !ok {
		return Value{}
	}
	if !whole || n > maxMillis || n < -maxMillis {
		return k.fail("needs amount to be a whole number")
	}
	if k.node.name == "$dateSubtract" {
		n = -n
	}
	unit := string(k.args[1].Text())
	if ms, ok := fixed(unit); ok {
		if n > maxMillis/ms || n < -maxMillis/ms {
			return k.fail("leads out of the range of dates")
		}
		return DateValue(t.UnixMilli() + n*ms)
	}
	months, days, ok := calendar(unit)
	if !ok || n > 1e8 || n < -1e8 {
		return k.fail("needs unit to be year, quarter, month, week, day, hour, minute, second or millisecond")
	}
	return DateValue(addMonths(t, months*int(n)).AddDate(0, 0, days*int(n)).UnixMilli())
}

// addMonths keeps the day, or takes the last one of a month that is shorter.
func addMonths(t time.Time, n int) time.Time {
	if n == 0 {
		return t
	}
	first := time.Date(t.Year(), t.Month()+time.Month(n), 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location())
	lastDay := first.AddDate(0, 1, -1).Day()
	return first.AddDate(0, 0, min(t.Day(), lastDay)-1)
}

// dayNumber counts days, as a clock on the wall of the time's zone shows them.
func dayNumber(t time.Time) int64 {
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC).Unix() / 86_400
}

// firstDay returns the weekday, from Sunday = 0, on which weeks start.
func (k *call) firstDay(i int) (int, bool) {
	if k.args[i].IsNullish() {
		return 0, true
	}
	s := strings.ToLower(string(k.args[i].Text()))
	for d := time.Sunday; d <= time.Saturday; d++ {
		if name := strings.ToLower(d.String()); s == name || (len(s) == 3 && strings.HasPrefix(name, s)) {
			return int(d), true
		}
	}
	k.fail("needs startOfWeek to be a day like monday")
	return 0, false
}

func dateDiff(k *call) Value {
	a, ok := k.date(0, 3)
	b, ok2 := k.date(1, 3)
	first, ok3 := k.firstDay(4)
	if !ok || !ok2 || !ok3 {
		return Value{}
	}
	unit := string(k.args[2].Text())
	if ms, ok := fixed(unit); ok {
		_, x := a.Zone()
		_, y := b.Zone()
		shift, shift2 := int64(x)*1000, int64(y)*1000
		if unit != "hour" && unit != "minute" {
			shift, shift2 = 0, 0
		}
		if shift != shift2 { // across a change of the clock hours are what passes
			shift2 = shift
		}
		return IntValue(floorDiv(b.UnixMilli()+shift2, ms) - floorDiv(a.UnixMilli()+shift, ms))
	}
	months, days, ok := calendar(unit)
	switch {
	case !ok:
		return k.fail("needs unit to be year, quarter, month, week, day, hour, minute, second or millisecond")
	case days == 1:
		return IntValue(dayNumber(b) - dayNumber(a))
	case days == 7: // day 0 was a Thursday
		shift := int64(4 - first)
		return IntValue(floorDiv(dayNumber(b)+shift, 7) - floorDiv(dayNumber(a)+shift, 7))
	}
	x, y := monthNumber(a), monthNumber(b)
	return IntValue(floorDiv(y, int64(months)) - floorDiv(x, int64(months)))
}

func monthNumber(t time.Time) int64 { return int64(t.Year())*12 + int64(t.Month()) - 1 }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// dateTrunc counts bins from the start of the year 2000, or from the first
// start of a week in it.
func dateTrunc(k *call) Value {
	t, ok := k.date(0, 3)
	first, ok2 := k.firstDay(4)
	if !ok || !ok2 {
		return Value{}
	}
	bin := 1
	if k.args[2].kind != Missing {
		if bin, ok = k.args[2].whole(); !ok || bin < 1 || bin > 1e6 {
			return k.fail("needs binSize to be a whole number from 1 to 1000000")
		}
	}
	unit := string(k.args[1].Text())
	if ms, ok := fixed(unit); ok {
		start := time.Date(2000, 1, 1, 0, 0, 0, 0, t.Location()).UnixMilli()
		size := ms * int64(bin)
		return DateValue(start + floorDiv(t.UnixMilli()-start, size)*size)
	}
	months, days, ok := calendar(unit)
	if !ok {
		return k.fail("needs unit to be year, quarter, month, week, day, hour, minute, second or millisecond")
	}
	if days == 0 {
		size := int64(months * bin)
		n := 24000 + floorDiv(monthNumber(t)-24000, size)*size
		return DateValue(time.Date(0, time.Month(n+1), 1, 0, 0, 0, 0, t.Location()).UnixMilli())
	}
	start := time.Date(2000, 1, 1, 0, 0, 0, 0, t.Location()) // a Saturday
	if days == 7 {
		start = start.AddDate(0, 0, (first+1)%7)
	}
	size := int64(days * bin)
	passed := floorDiv(dayNumber(t)-dayNumber(start), size) * size
	return DateValue(start.AddDate(0, 0, int(passed)).UnixMilli())
}
