// Guest does the jobs of the package jobs. The host writes an input where buf
// says, and calls one of them with its length.
package main

import (
	"unsafe"

	"github.com/happn-host/happn-host/host/plugin/meter/testdata/guests/jobs"
)

var input []byte

//go:wasmexport buf
func buf(size uint32) uint32 {
	input = make([]byte, size)
	return uint32(uintptr(unsafe.Pointer(unsafe.SliceData(input))))
}

//go:wasmexport json
func parse(n uint32) uint64 { return jobs.JSON(input[:n]) }

//go:wasmexport match
func match(n uint32) uint64 { return jobs.Match(input[:n]) }

//go:wasmexport hash
func hash(n uint32) uint64 { return jobs.Hash(input[:n]) }

//go:wasmexport search
func search(n uint32) uint64 { return jobs.Search(input[:n]) }

func main() {}
