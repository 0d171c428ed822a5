package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// span is a part of a day, in minutes after midnight by the clock on the wall.
type span struct{ from, to int }

// hours are when it is open.
type hours struct {
	zone   *time.Location
	days   [7][]span       // by time.Weekday, in order
	closed map[string]bool // days such as 2026-12-25
}

// ahead is how many days a change is looked for.
const ahead = 400

func parseHours(zone string, days map[string][]string, closed []string) (*hours, error) {
	h := &hours{closed: map[string]bool{}}
	var err error
	if h.zone, err = time.LoadLocation(zone); err != nil || zone == "" || zone == "Local" {
		return nil, fmt.Errorf("zone: %q is no time zone such as Europe/Berlin", zone)
	}
	for name, spans := range days {
		day := weekday(name)
		if day < 0 {
			return nil, fmt.Errorf("hours: %q is no day such as monday", name)
		}
		for _, text := range spans {
			s, err := parseSpan(text)
			if err != nil {
				return nil, fmt.Errorf("hours.%s: %w", name, err)
			}
			h.days[day] = append(h.days[day], s)
		}
		slices.SortFunc(h.days[day], func(a, b span) int { return a.from - b.from })
	}
	for _, day := range closed {
		if _, err := time.Parse(time.DateOnly, day); err != nil {
			return nil, fmt.Errorf("closed: %q is no day such as 2026-12-25", day)
		}
		h.closed[day] = true
	}
	return h, nil
}

func weekday(name string) int {
	for day := range 7 {
		if strings.EqualFold(time.Weekday(day).String(), name) {
			return day
		}
	}
	return -1
}

// parseSpan reads 08:00-12:00; a day ends at 24:00.
func parseSpan(text string) (s span, err error) {
	from, to, _ := strings.Cut(text, "-")
	if s.from, err = minutes(from); err == nil {
		s.to, err = minutes(to)
	}
	if err != nil || s.from >= s.to {
		return span{}, fmt.Errorf("%q is no time such as 08:00-12:00", text)
	}
	return s, nil
}

func minutes(text string) (int, error) {
	var hour, minute int
	if len(text) != 5 {
		return 0, fmt.Errorf("%q is no time", text)
	}
	if _, err := fmt.Sscanf(text, "%02d:%02d", &hour, &minute); err != nil || minute < 0 || minute > 59 || hour < 0 || hour*60+minute > 24*60 {
		return 0, fmt.Errorf("%q is no time", text)
	}
	return hour*60 + minute, nil
}

// at tells whether it is open at a time, and when that changes next; the zero
// time if it does not for as far as one looks ahead.
func (h *hours) at(now time.Time) (open bool, change time.Time) {
	now = now.In(h.zone)
	year, month, day := now.Date()
	for d := range ahead {
		date := time.Date(year, month, day+d, 12, 0, 0, 0, h.zone)
		if h.closed[date.Format(time.DateOnly)] {
			continue
		}
		for _, s := range h.days[date.Weekday()] {
			from, to := h.moment(date, s.from), h.moment(date, s.to)
			switch {
			case open && !from.After(change): // it goes on without a break
				if to.After(change) {
					change = to
				}
			case open:
				return true, change
			case !to.After(now):
			case from.After(now):
				return false, from
			default:
				open, change = true, to
			}
		}
		if open && change.Before(h.moment(date, 24*60)) {
			return true, change
		}
	}
	if open {
		return true, time.Time{}
	}
	return false, time.Time{}
}

// moment is a time of a day by the clock on the wall, also where the clock is set
// forward or back on that day.
func (h *hours) moment(date time.Time, minute int) time.Time {
	return time.Date(date.Year(), date.Month(), date.Day(), minute/60, minute%60, 0, 0, h.zone)
}
