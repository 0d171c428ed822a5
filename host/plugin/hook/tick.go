package hook

import (
	"time"

	"github.com/robfig/cron/v3"

	"github.com/happn-host/happn-host/host/plugin/object"
)

// minEvery is the shortest time between two ticks.
const minEvery = 100 * time.Millisecond

// Tick says when a plugin is called.
type Tick struct {
	// Every is the time between calls. Zero if Cron says when.
	Every time.Duration
	// Cron is a schedule of five fields, "CRON_TZ=Europe/Berlin 0 6 * * *" with a
	// time zone before them if it is not that of the host.
	Cron string

	schedule cron.Schedule
}

func readTick(t *object.Reader) *Tick {
	h := &Tick{}
	t.Duration("every", 366*24*time.Hour, &h.Every)
	t.Text("cron", &h.Cron)
	switch {
	case h.Every != 0 && h.Every < minEvery:
		t.Fail("every", "%s is too often; at least %s has to lie between two ticks", h.Every, minEvery)
	case h.Every != 0 && h.Cron != "":
		t.Fail("cron", "stands beside every; give one of them")
	case h.Cron != "":
		schedule, err := cron.ParseStandard(h.Cron)
		if err != nil {
			t.Fail("cron", "%q: %s", h.Cron, err)
		}
		h.schedule = schedule
	}
	return h
}

// with returns h with what the operator says.
func (h *Tick) with(o *Tick) *Tick {
	if h == nil || o == nil || o.Every == 0 && o.Cron == "" {
		return h
	}
	return o
}

// Next returns when the tick after a time is due.
func (h *Tick) Next(after time.Time) time.Time {
	if h.schedule != nil {
		return h.schedule.Next(after)
	}
	return after.Add(h.Every)
}

// Same reports whether two schedules are the same.
func (h *Tick) Same(o *Tick) bool { return h.Every == o.Every && h.Cron == o.Cron }
