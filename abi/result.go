package abi

import "errors"

// MaxOutput is the greatest length that a result can express, in bytes. Hosts
// allow less (1 MiB by default).
const MaxOutput = 1<<28 - 1

// ErrOutputTooLong says that an output's length does not fit into a result.
var ErrOutputTooLong = errors.New("abi: output is longer than 2^28-1 bytes")

// Pack builds a hook's result: the verdict and where its output lies in guest
// memory. Without output pointer and length are zero. length must not exceed
// MaxOutput; the bits above are cut off.
func Pack(v Verdict, pointer, length uint32) uint64 {
	return uint64(v&15)<<60 | uint64(pointer)<<28 | uint64(length&MaxOutput)
}

// Unpack is the inverse of Pack. It checks nothing: verdict may be one that is
// not defined, and pointer and length may lie anywhere.
func Unpack(result uint64) (v Verdict, pointer, length uint32) {
	return Verdict(result >> 60), uint32(result >> 28), uint32(result & MaxOutput)
}
