package hostcall

import (
	"fmt"
	"unsafe"

	"github.com/happn-host/happn-host/abi"
)

//go:wasmimport happn get
func hostGet(rec unsafe.Pointer, size uint32, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport happn find
func hostFind(rec unsafe.Pointer, size uint32) int32

//go:wasmimport happn next
func hostNext(cursor int32, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport happn close
func hostClose(cursor int32)

//go:wasmimport happn count
func hostCount(rec unsafe.Pointer, size uint32) int32

//go:wasmimport happn set
func hostSet(rec unsafe.Pointer, size uint32) int32

//go:wasmimport happn publish
func hostPublish(rec unsafe.Pointer, size uint32) int32

//go:wasmimport happn remove
func hostRemove(rec unsafe.Pointer, size uint32) int32

//go:wasmimport happn call
func hostCall(rec unsafe.Pointer, size uint32) int32

//go:wasmimport happn answer
func hostAnswer(dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport happn session_get
func hostSession(id unsafe.Pointer, size uint32, dst unsafe.Pointer, capacity uint32) int32

//go:wasmimport happn last_error
func hostLastError(dst unsafe.Pointer, capacity uint32) int32

// Here returns the world of this module.
func Here() World { return world{} }

type world struct{}

func encode(rec *abi.Record) []byte {
	b := make([]byte, rec.Size())
	_, _ = rec.Encode(b) // it has the size
	return b
}

func start(b []byte) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(b)) }

// fetch asks until the answer fits.
func fetch(ask func(dst unsafe.Pointer, capacity uint32) int32) ([]byte, error) {
	buf := make([]byte, 1024)
	for {
		n := ask(start(buf), uint32(len(buf)))
		switch {
		case n < 0:
			return nil, failure(n)
		case int(n) <= len(buf):
			return buf[:n], nil
		}
		buf = make([]byte, n)
	}
}

// failure is the error of an import, with what the host says about it.
func failure(n int32) error {
	number := abi.Errno(n)
	if number == abi.ErrnoNotFound || number == abi.ErrnoUnsupported {
		return number
	}
	buf := make([]byte, 512)
	size := hostLastError(start(buf), uint32(len(buf)))
	if size <= 0 || int(size) > len(buf) {
		return number
	}
	return fmt.Errorf("%w: %s", number, buf[:size])
}

func (world) Get(rec, doc *abi.Record) error {
	request := encode(rec)
	b, err := fetch(func(dst unsafe.Pointer, capacity uint32) int32 {
		return hostGet(start(request), uint32(len(request)), dst, capacity)
	})
	if err != nil {
		return err
	}
	return doc.Decode(b)
}

func (world) Find(rec *abi.Record, yield func(doc *abi.Record) bool) error {
	request := encode(rec)
	cursor := hostFind(start(request), uint32(len(request)))
	if cursor < 0 {
		return failure(cursor)
	}
	defer hostClose(cursor)
	buf := make([]byte, 4096)
	for {
		n := hostNext(cursor, start(buf), uint32(len(buf)))
		switch {
		case n < 0:
			return failure(n)
		case n == 0:
			return nil
		case int(n) > len(buf):
			buf = make([]byte, 2*int(n))
			continue
		}
		var doc abi.Record
		if err := doc.Decode(buf[:n]); err != nil {
			return err
		}
		if !yield(&doc) {
			return nil
		}
	}
}

func (world) Count(rec *abi.Record) (int, error) { return number(hostCount, rec) }

func (world) Remove(rec *abi.Record) (int, error) { return number(hostRemove, rec) }

func (world) Set(rec *abi.Record) error {
	_, err := number(hostSet, rec)
	return err
}

func (world) Publish(rec *abi.Record) error {
	_, err := number(hostPublish, rec)
	return err
}

// number calls an import that takes a record and returns a number.
func number(f func(unsafe.Pointer, uint32) int32, rec *abi.Record) (int, error) {
	request := encode(rec)
	n := f(start(request), uint32(len(request)))
	if n < 0 {
		return 0, failure(n)
	}
	return int(n), nil
}

func (world) Call(rec *abi.Record) ([]byte, error) {
	size, err := number(hostCall, rec)
	if err != nil || size == 0 {
		return nil, err
	}
	return fetch(hostAnswer)
}

func (world) Session(id []byte) ([]byte, error) {
	return fetch(func(dst unsafe.Pointer, capacity uint32) int32 {
		return hostSession(start(id), uint32(len(id)), dst, capacity)
	})
}
