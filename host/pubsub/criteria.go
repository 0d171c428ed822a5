package pubsub

// Filter is a compiled criterion, of whatever type the Judge knows.
type Filter any

// Judge decides whether one publication satisfies criteria. It is asked once for
// each different text among the subscriptions that could get the publication,
// by the goroutine that publishes.
type Judge interface {
	Satisfies(f Filter) bool
}

// criterion is a filter that all subscriptions with the same text share, so that
// a publication is judged by it once.
type criterion struct {
	text   string
	filter Filter
	users  int // subscriptions; under Tree.mu
}

// share returns the tree's criterion for a text, with one user more.
func (t *Tree) share(text string, filter Filter) *criterion {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.criteria[text]
	if c == nil {
		if t.criteria == nil {
			t.criteria = make(map[string]*criterion)
		}
		c = &criterion{text: text, filter: filter}
		t.criteria[text] = c
	}
	c.users++
	return c
}

// unshare takes a user away from a criterion, which may be nil.
func (t *Tree) unshare(c *criterion) {
	if c == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.users--; c.users == 0 {
		delete(t.criteria, c.text)
	}
}

// Criteria returns how many different criteria subscriptions have.
func (t *Tree) Criteria() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.criteria)
}

// verdicts is what is known of one publication and its subscribers' criteria.
type verdicts struct {
	last   *criterion // most members of a channel have the same one
	lastOK bool
	known  map[*criterion]bool
}

// maxVerdicts is how many verdicts there may be room for that is used again.
const maxVerdicts = 1 << 10

func (v *verdicts) forget() {
	if v.last == nil {
		return
	}
	v.last = nil
	if len(v.known) > maxVerdicts {
		v.known = nil
	}
	clear(v.known)
}

// satisfies reports whether pub satisfies c, asking its judge the first time. A
// publication without a judge satisfies everything.
func (v *verdicts) satisfies(c *criterion, pub *Publication) bool {
	if pub.Judge == nil || v.last == c {
		return pub.Judge == nil || v.lastOK
	}
	ok, known := v.known[c]
	if !known {
		if ok = pub.Judge.Satisfies(c.filter); v.known == nil {
			v.known = make(map[*criterion]bool)
		}
		v.known[c] = ok
	}
	v.last, v.lastOK = c, ok
	return ok
}
