package wasmbin

import (
	"errors"
	"unicode/utf8"
)

// ErrTruncated says that a module ends in the middle of something.
var ErrTruncated = errors.New("module ends too early")

// ErrNumber says that an LEB128 number is longer than its type allows.
var ErrNumber = errors.New("malformed number in module")

// ErrName says that a name is not UTF-8.
var ErrName = errors.New("a name in the module is not UTF-8")

// Reader reads the binary format. The first error stays and every read after
// it returns zero, so that callers check once.
type Reader struct {
	b   []byte
	at  int
	err error
}

// NewReader returns a reader of b.
func NewReader(b []byte) *Reader { return &Reader{b: b} }

// Err returns the first error, or nil.
func (r *Reader) Err() error { return r.err }

// Fail makes err the reader's error unless it has one.
func (r *Reader) Fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

// Done reports whether everything was read, or an error stopped the reader.
func (r *Reader) Done() bool { return r.err != nil || r.at >= len(r.b) }

// Offset returns how many bytes have been read.
func (r *Reader) Offset() int { return r.at }

// Since returns the bytes read from offset to here.
func (r *Reader) Since(offset int) []byte { return r.b[offset:r.at] }

// Byte reads one byte.
func (r *Reader) Byte() byte {
	if r.err != nil {
		return 0
	}
	if r.at >= len(r.b) {
		r.err = ErrTruncated
		return 0
	}
	r.at++
	return r.b[r.at-1]
}

// Bytes reads n bytes; they alias the module.
func (r *Reader) Bytes(n uint32) []byte {
	if r.err != nil {
		return nil
	}
	if uint64(n) > uint64(len(r.b)-r.at) {
		r.err = ErrTruncated
		return nil
	}
	r.at += int(n)
	return r.b[r.at-int(n) : r.at : r.at]
}

// U32 reads an unsigned LEB128 number of at most 32 bits.
func (r *Reader) U32() uint32 {
	var v uint64
	for shift := 0; shift < 35; shift += 7 {
		c := r.Byte()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			if v > 1<<32-1 {
				break
			}
			return uint32(v)
		}
	}
	r.Fail(ErrNumber)
	return 0
}

// SkipLEB reads over a number of at most bits bits, signed or not.
func (r *Reader) SkipLEB(bits int) {
	for shift := 0; shift < bits; shift += 7 {
		if r.Byte() < 0x80 {
			return
		}
	}
	r.Fail(ErrNumber)
}

// Count reads the length of a vector whose elements take at least one byte
// each, so that it can be trusted with an allocation.
func (r *Reader) Count() int {
	n := r.U32()
	if uint64(n) > uint64(len(r.b)-r.at) {
		r.Fail(ErrTruncated)
		return 0
	}
	return int(n)
}

// Name reads a name.
func (r *Reader) Name() string {
	b := r.Bytes(r.U32())
	if !utf8.Valid(b) {
		r.Fail(ErrName)
		return ""
	}
	return string(b)
}
