package transport

import "sync"

const (
	smallSegment = 4 << 10  // holds what most connections have waiting
	largeSegment = 64 << 10 // for those with more
	keepWhole    = 4 << 10  // immutable payloads above this are not copied
)

// segment is a run of bytes waiting to be written, in a pooled buffer or in
// memory that somebody else owns and never changes.
type segment struct {
	data   []byte
	pooled *[]byte // the buffer under data, to be given back; nil if foreign
}

var (
	smallSegments = sync.Pool{New: func() any { b := make([]byte, 0, smallSegment); return &b }}
	largeSegments = sync.Pool{New: func() any { b := make([]byte, 0, largeSegment); return &b }}
)

// release gives the buffer back. The segment must not be used afterwards.
func (s segment) release() {
	if s.pooled == nil {
		return
	}
	if cap(*s.pooled) == smallSegment {
		smallSegments.Put(s.pooled)
	} else {
		largeSegments.Put(s.pooled)
	}
}

// appendBytes copies b to the end of the queue. The first buffer is small, since
// most connections have little waiting; if that is not enough its bytes move to
// a large one, so that they still leave in one system call.
func appendBytes(queue []segment, b []byte) []segment {
	for len(b) > 0 {
		last := len(queue) - 1
		switch {
		case last < 0 || queue[last].pooled == nil || len(queue[last].data) == largeSegment:
			queue = append(queue, newSegment(last < 0 && len(b) <= smallSegment))
			last++
		case cap(queue[last].data) == smallSegment && len(queue[last].data)+len(b) > smallSegment:
			small, large := queue[last], newSegment(false)
			large.data = append(large.data, small.data...)
			queue[last] = large
			small.release()
		}
		data := queue[last].data
		n := min(len(b), cap(data)-len(data))
		queue[last].data = append(data, b[:n]...)
		b = b[n:]
	}
	return queue
}

func newSegment(small bool) segment {
	pool := &largeSegments
	if small {
		pool = &smallSegments
	}
	buf := pool.Get().(*[]byte)
	return segment{data: (*buf)[:0], pooled: buf}
}
