package meter

import (
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// Proposals that engines know and this package does not.
const (
	TailCalls      = "tail calls"
	Exceptions     = "exception handling"
	FunctionRefs   = "typed function references"
	GarbageCollect = "garbage collection"
	Threads        = "threads"
	RelaxedSIMD    = "relaxed SIMD"
)

// UnknownError says that a module has something that this package does not know.
type UnknownError struct {
	What     string // an instruction or a section, with its number
	Proposal string // that it is of, "" if nobody knows
}

// Error implements error.
func (e *UnknownError) Error() string {
	if e.Proposal == "" {
		return e.What + " is not supported"
	}
	return fmt.Sprintf("%s is not supported (%s)", e.What, e.Proposal)
}

// proposal says where an instruction that is not supported comes from.
func proposal(op byte) string {
	switch {
	case op == 0x12 || op == 0x13:
		return TailCalls
	case op >= 0x06 && op <= 0x0a || op == 0x18 || op == 0x19 || op == 0x1f:
		return Exceptions
	case op == 0x14 || op == 0x15 || op >= 0xd3 && op <= 0xd6:
		return FunctionRefs
	case op == 0xfb:
		return GarbageCollect
	case op == 0xfe:
		return Threads
	}
	return ""
}

func unknownSection(id byte) error {
	e := &UnknownError{What: fmt.Sprintf("section %d", id)}
	if id == wasmbin.SectionTag {
		e.Proposal = Exceptions
	}
	return e
}

// landmark is a loop that turns once and does nothing.
var landmark = []byte{opLoop, blockTypeVoid, opEnd}

// Landmarks returns a copy of module in which every function begins with a loop that turns
// once, for modules that Inject does not know all instructions of. An engine that looks at
// a context at the heads of loops, as wazero does with WithCloseOnContextDone, then does so in
// every call, too: what calls itself without a loop comes by as well, also with tail calls.
// Nothing else is bounded: no fuel, no stack, no table, no bulk operation.
//
// Like Inject it does not validate what it copies, and takes no module that imports what is
// the meter's.
func Landmarks(module []byte) ([]byte, error) {
	m, err := wasmbin.Parse(module)
	if err != nil {
		return nil, err
	}
	for _, i := range m.Imports {
		if i.Module == ImportModule {
			return nil, notForPlugins(i)
		}
	}
	out := append(make([]byte, 0, len(module)+len(module)/8), module[:8]...)
	for _, s := range m.Sections {
		body := s.Body
		if s.ID == wasmbin.SectionCode {
			if body, err = markBodies(body, len(m.Functions)); err != nil {
				return nil, fmt.Errorf("meter: section %d: %w", s.ID, err)
			}
		}
		out = wasmbin.AppendSection(out, s.ID, body)
	}
	return out, nil
}

func markBodies(section []byte, functions int) ([]byte, error) {
	r := wasmbin.NewReader(section)
	n := r.Count()
	if n != functions {
		return nil, errors.New("there are not as many bodies as functions")
	}
	out := wasmbin.AppendU32(make([]byte, 0, len(section)+n*len(landmark)+16), uint32(n))
	for i := 0; i < n && r.Err() == nil; i++ {
		body := r.Bytes(r.U32())
		if r.Err() != nil {
			break
		}
		locals, err := afterLocals(body)
		if err != nil {
			return nil, fmt.Errorf("body %d: %w", i, err)
		}
		out = wasmbin.AppendU32(out, uint32(len(body)+len(landmark)))
		out = append(out, body[:locals]...)
		out = append(append(out, landmark...), body[locals:]...)
	}
	return out, finished(r)
}

// afterLocals returns where the instructions of a body begin.
func afterLocals(body []byte) (int, error) {
	r := wasmbin.NewReader(body)
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		r.U32()
		if t := r.Byte(); t == 0x63 || t == 0x64 { // a reference, and what it refers to
			r.SkipLEB(33)
		}
	}
	return r.Offset(), r.Err()
}

func notForPlugins(i wasmbin.Import) error {
	return fmt.Errorf("meter: import %s.%s is not for plugins", i.Module, i.Name)
}
