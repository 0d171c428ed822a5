package expr

import "time"

func dateFunction(name string) (function, bool) {
	var part func(t time.Time) int
	switch name {
	case "$year":
		part = time.Time.Year
	case "$month":
		part = func(t time.Time) int { return int(t.Month()) }
	case "$dayOfMonth":
		part = time.Time.Day
	case "$hour":
		part = time.Time.Hour
	case "$minute":
		part = time.Time.Minute
	case "$second":
		part = time.Time.Second
	case "$millisecond":
		part = func(t time.Time) int { return t.Nanosecond() / 1e6 }
	case "$dayOfYear":
		part = time.Time.YearDay
	case "$dayOfWeek":
		part = func(t time.Time) int { return int(t.Weekday()) + 1 }
	case "$isoDayOfWeek":
		part = func(t time.Time) int { return (int(t.Weekday())+6)%7 + 1 }
	case "$week":
		part = weekOfYear
	case "$isoWeek":
		part = func(t time.Time) int { _, w := t.ISOWeek(); return w }
	case "$isoWeekYear":
		part = func(t time.Time) int { y, _ := t.ISOWeek(); return y }
	case "$dateToParts":
		return function{min: 1, named: []string{"date", "timezone", "iso8601"}, nulls: true, do: dateToParts}, true
	case "$dateFromParts":
		return function{min: 1, named: []string{"year", "month", "day", "hour", "minute", "second", "millisecond", "timezone"}, nulls: true, do: dateFromParts}, true
	case "$dateToString":
		return function{min: 1, named: []string{"date", "format", "timezone", "onNull"}, do: dateToString}, true
	case "$dateFromString":
		return function{min: 1, named: []string{"dateString", "format", "timezone", "onError", "onNull"}, do: dateFromString}, true
	default:
		return function{}, false
	}
	return function{min: 1, named: []string{"date", "timezone"}, loose: true, nulls: true, do: func(k *call) Value {
		t, ok := k.date(0, 1)
		if !ok {
			return Value{}
		}
		return IntValue(int64(part(t)))
	}}, true
}

// date returns an argument as a time in the zone that another one names.
func (k *call) date(i, inZone int) (time.Time, bool) {
	ms, ok := instant(k.args[i])
	if !ok {
		k.fail("needs a date, found %s", k.args[i].kind)
		return time.Time{}, false
	}
	loc, ok := k.zone(inZone)
	return time.UnixMilli(ms).In(orUTC(loc)), ok
}

func orUTC(loc *time.Location) *time.Location {
	if loc == nil {
		return time.UTC
	}
	return loc
}

func (k *call) zone(i int) (*time.Location, bool) {
	loc, ok := zone(k.args[i])
	k.env.spend(64)
	if !ok {
		k.fail("does not know the timezone; use an offset like +02:00 or a name like Europe/Paris")
	}
	return loc, ok
}

func dateToParts(k *call) Value {
	t, ok := k.date(0, 1)
	if !ok {
		return Value{}
	}
	member := func(name string, n int) Member { return Member{name, IntValue(int64(n))} }
	parts := []Member{member("year", t.Year()), member("month", int(t.Month())), member("day", t.Day())}
	if k.args[2].Truthy() {
		y, w := t.ISOWeek()
		parts = []Member{member("isoWeekYear", y), member("isoWeek", w), member("isoDayOfWeek", (int(t.Weekday())+6)%7+1)}
	}
	return ObjectValue(append(parts, member("hour", t.Hour()), member("minute", t.Minute()),
		member("second", t.Second()), member("millisecond", t.Nanosecond()/1e6)))
}

func dateFromParts(k *call) Value {
	n := [7]int{0, 1, 1}
	for i := range n {
		if k.args[i].kind == Missing {
			continue
		}
		var ok bool
		if n[i], ok = k.args[i].whole(); !ok || n[i] > 1e8 || n[i] < -1e8 {
			return k.fail("needs whole numbers")
		}
	}
	loc, ok := k.zone(7)
	if !ok {
		return Value{}
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, loc)
	return DateValue(t.UnixMilli() + int64(n[6]))
}

func dateToString(k *call) Value {
	if k.args[0].IsNullish() {
		return k.args[3]
	}
	t, ok := k.date(0, 2)
	if !ok {
		return Value{}
	}
	format := "%Y-%m-%dT%H:%M:%S.%LZ"
	if k.args[1].kind == Text {
		format = string(k.args[1].Text())
	} else if k.args[1].kind != Missing {
		return k.fail("needs format to be a string")
	}
	if !k.env.spend(4 * len(format)) {
		return Value{}
	}
	s, ok := formatDate(t, format)
	if !ok {
		return k.fail("does not know a specifier of the format %q", format)
	}
	return TextValue(s)
}

func dateFromString(k *call) Value {
	if k.args[0].IsNullish() {
		return orNull(k.args[4])
	}
	if v := k.parseDate(); v.kind == Date || k.env.err != nil {
		return v
	}
	if k.args[3].kind != Missing {
		return k.args[3]
	}
	return k.fail("cannot read the date")
}

// parseDate returns what is not a date if it cannot read it.
func (k *call) parseDate() Value {
	if k.args[0].kind != Text {
		return Value{}
	}
	loc, ok := k.zone(2)
	if !ok {
		return Value{}
	}
	s := string(k.args[0].Text())
	if k.args[1].kind == Text {
		format := k.args[1].Text()
		k.env.spend(len(format))
		t, ok := parseDate(s, string(format), loc)
		if !ok {
			return Value{}
		}
		return DateValue(t.UnixMilli())
	}
	ms, ok := instant(k.args[0])
	if !ok {
		return Value{}
	}
	if loc != time.UTC { // the text is local time in that zone
		t := time.UnixMilli(ms).UTC()
		ms = time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), loc).UnixMilli()
	}
	return DateValue(ms)
}
