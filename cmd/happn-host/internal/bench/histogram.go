package bench

import (
	"math/bits"
	"time"
)

const (
	subBits    = 7 // 128 buckets for each power of two: an error below 1 %
	subBuckets = 1 << subBits
)

// histogram counts durations in buckets whose width grows with the duration.
type histogram struct {
	counts [64 * subBuckets / 2]uint32
	total  uint64
	sum    time.Duration
	max    time.Duration
}

func bucket(ns uint64) int {
	if ns < subBuckets {
		return int(ns)
	}
	shift := bits.Len64(ns) - subBits
	return shift*(subBuckets/2) + int(ns>>shift)
}

// upper is the largest duration of a bucket.
func upper(i int) time.Duration {
	if i < subBuckets {
		return time.Duration(i)
	}
	shift := i/(subBuckets/2) - 1
	return time.Duration(uint64(i-shift*(subBuckets/2)+1)<<shift - 1)
}

func (h *histogram) record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.total++
	h.sum += d
	h.max = max(h.max, d)
}

func (h *histogram) merge(o *histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// quantile is the duration that the share q of all durations does not exceed.
func (h *histogram) quantile(q float64) time.Duration {
	rank, seen := uint64(q*float64(h.total)), uint64(0)
	for i, n := range h.counts {
		if seen += uint64(n); n > 0 && seen > rank {
			return min(upper(i), h.max)
		}
	}
	return h.max
}

func (h *histogram) mean() time.Duration {
	if h.total == 0 {
		return 0
	}
	return h.sum / time.Duration(h.total)
}
