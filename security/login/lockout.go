package login

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// LockoutOptions is how many wrong passwords lock an account. The zero value is
// happn-3's default.
type LockoutOptions struct {
	Disabled      bool
	Attempts      int           // 0 is 4
	RetryInterval time.Duration // from the last wrong one; 0 is 10 minutes
}

// maxLocks bounds the names that are remembered. To make a locked one give way,
// that many names must be tried within the interval, a password check for each.
const maxLocks = 100_000

var errLocked = errors.New("locked out")

// lockout counts wrong credentials by name, of users who exist and who do not.
// Checks that run at the same time are reserved before they begin: whoever sends
// a thousand at once has no more guesses than one after the other.
type lockout struct {
	options LockoutOptions
	now     func() time.Time

	mu    sync.Mutex
	names *bounded[lock]
}

// lock is what is known of one name.
type lock struct {
	failed  int
	until   time.Time // when failed begins anew
	running int
	changed chan struct{} // closed when a check ends; nil if nobody waits
}

func newLockout(o LockoutOptions, now func() time.Time) *lockout {
	if o.Attempts <= 0 {
		o.Attempts = 4
	}
	if o.RetryInterval <= 0 {
		o.RetryInterval = 10 * time.Minute
	}
	return &lockout{options: o, now: now, names: newBounded[lock](maxLocks)}
}

// lockName is one name for all the ways to write a user's: a directory may take
// some of them for the same user.
func lockName(name string) string {
	if len(name) > maxName {
		name = name[:maxName]
	}
	folded := cases.Fold().String(norm.NFKC.String(strings.ReplaceAll(name, "*", "")))
	return strings.Join(strings.Fields(norm.NFKC.String(folded)), "")
}

// begin reserves a check of credentials, or fails with errLocked. While as many
// checks run as guesses are left, it waits for one of them.
func (l *lockout) begin(ctx context.Context, name string) (end func(outcome), err error) {
	if l.options.Disabled {
		return func(outcome) {}, nil
	}
	name = lockName(name)
	for {
		wait, err := l.reserve(name)
		if err != nil {
			return nil, err
		}
		if wait == nil {
			return func(o outcome) { l.end(name, o) }, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (l *lockout) reserve(name string) (wait <-chan struct{}, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock := l.names.add(name, l.spared)
	if lock.failed > 0 && l.now().After(lock.until) {
		lock.failed = 0
	}
	switch {
	case lock.failed >= l.options.Attempts:
		return nil, errLocked
	case lock.failed+lock.running < l.options.Attempts:
		lock.running++
		return nil, nil
	}
	if lock.changed == nil {
		lock.changed = make(chan struct{})
	}
	return lock.changed, nil
}

// spared keeps locked names, and those that somebody waits for.
func (l *lockout) spared(k *lock) bool {
	return k.running > 0 || k.failed >= l.options.Attempts && l.now().Before(k.until)
}

// outcome is how a check of credentials went.
type outcome int

const (
	unchecked outcome = iota // it could not be made, and counts neither way
	right
	wrong
)

// end notes how a check went. Its name is there: what runs is spared, and if so
// many run that even these give way, it is counted as a new one.
func (l *lockout) end(name string, o outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	lock := l.names.add(name, l.spared)
	lock.running = max(lock.running-1, 0)
	if lock.changed != nil {
		close(lock.changed)
		lock.changed = nil
	}
	switch o {
	case right:
		lock.failed = 0
	case wrong:
		lock.failed++
		lock.until = l.now().Add(l.options.RetryInterval)
	}
	if lock.failed == 0 && lock.running == 0 {
		l.names.remove(name)
	}
}

// clear forgets what is known of a name.
func (l *lockout) clear(name string) {
	name = lockName(name)
	l.mu.Lock()
	defer l.mu.Unlock()
	if lock, ok := l.names.get(name); ok {
		lock.failed = 0
	}
}
