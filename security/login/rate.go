package login

import (
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// RateOptions bounds logins a minute; 0 is no bound. As many may come at once.
type RateOptions struct {
	PerAddress int // of a network address; a /64 network counts as one with IPv6
	PerUser    int // with one user name
}

const maxRates = 50_000 // addresses, and names

// rates counts logins by address or name.
type rates struct {
	perMinute int
	now       func() time.Time

	mu    sync.Mutex
	names *bounded[*rate.Limiter]
}

func newRates(perMinute int, now func() time.Time) *rates {
	return &rates{perMinute: perMinute, now: now, names: newBounded[*rate.Limiter](maxRates)}
}

// allow reports whether one more may be tried now.
func (r *rates) allow(name string) bool {
	if r.perMinute <= 0 || name == "" {
		return true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	limiter := r.names.add(name, nil)
	if *limiter == nil {
		*limiter = rate.NewLimiter(rate.Limit(float64(r.perMinute)/60), r.perMinute)
	}
	return (*limiter).AllowN(r.now(), 1)
}

// network is what counts as one address.
func network(address string) string {
	addr, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is6() {
		return netip.PrefixFrom(addr, 64).Masked().String()
	}
	return addr.String()
}
