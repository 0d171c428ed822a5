package main

import "time"

// bucket is what somebody may still ask for.
type bucket struct {
	tokens float64
	at     time.Time // when tokens was right
}

// buckets are the token buckets of a bounded number of users.
type buckets struct {
	rate, burst float64 // tokens a second, and at most
	most        int     // in each of the two
	// What is asked for moves from the second to the first; when that is full the
	// second is forgotten and the first takes its place. Who is forgotten begins
	// with a full bucket.
	first, second map[string]*bucket
	key           []byte // used again
}

func newBuckets(rate, burst float64, most int) *buckets {
	return &buckets{rate: rate, burst: burst, most: (most + 1) / 2, first: map[string]*bucket{}}
}

// take takes one token, or returns how long it takes until there is one.
func (b *buckets) take(kind byte, name []byte, now time.Time) (wait time.Duration) {
	b.key = append(append(b.key[:0], kind), name...)
	one := b.find(now)
	if passed := now.Sub(one.at); passed > 0 { // a clock that is set back gives nothing, and takes nothing
		one.tokens = min(b.burst, one.tokens+passed.Seconds()*b.rate)
	}
	one.at = now
	if one.tokens >= 1 {
		one.tokens--
		return 0
	}
	return max(time.Duration((1-one.tokens)/b.rate*float64(time.Second)), 1)
}

func (b *buckets) find(now time.Time) *bucket {
	if one, ok := b.first[string(b.key)]; ok {
		return one
	}
	one, ok := b.second[string(b.key)]
	if !ok {
		one = &bucket{tokens: b.burst, at: now}
	}
	if len(b.first) >= b.most {
		b.first, b.second = map[string]*bucket{}, b.first
	}
	b.first[string(b.key)] = one
	return one
}
