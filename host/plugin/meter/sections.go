package meter

import (
	"errors"
	"fmt"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// globals copies the globals and adds the counters of fuel and of stack.
func (w *rewriter) globals(body []byte) ([]byte, error) {
	fuel := appendSigned([]byte{wasmbin.I64, 1, opI64Const}, Slice)
	fuel = append(fuel, opEnd)
	stack := append(appendSigned([]byte{wasmbin.I32, 1, opI32Const}, int64(w.depth)), opEnd)
	if body == nil {
		return append(append([]byte{2}, fuel...), stack...), nil
	}
	r := wasmbin.NewReader(body)
	n := r.Count()
	out := wasmbin.AppendU32(nil, uint32(n)+2)
	for ; n > 0 && r.Err() == nil; n-- {
		out = append(out, r.Byte(), r.Byte())
		out = w.constant(r, out)
	}
	return append(append(out, fuel...), stack...), finished(r)
}

func (w *rewriter) exports(body []byte) ([]byte, error) {
	r := wasmbin.NewReader(body)
	n := r.Count()
	out := wasmbin.AppendU32(nil, uint32(n))
	for ; n > 0 && r.Err() == nil; n-- {
		out = appendName(out, r.Name())
		kind := r.Byte()
		out = append(out, kind)
		switch kind {
		case wasmbin.KindFunction:
			out = wasmbin.AppendU32(out, w.reference(r))
		case wasmbin.KindGlobal:
			out = wasmbin.AppendU32(out, w.index(r, "global", w.fuel))
		default:
			out = wasmbin.AppendU32(out, r.U32())
		}
	}
	return out, finished(r)
}

// elements copies the element segments. A segment's flags say whether it is
// active (bit 0 clear), names its table (bit 1, active) or is declared (bit 1,
// passive), and whether it holds expressions instead of indices (bit 2).
func (w *rewriter) elements(body []byte) ([]byte, error) {
	r := wasmbin.NewReader(body)
	n := r.Count()
	out := wasmbin.AppendU32(nil, uint32(n))
	for ; n > 0 && r.Err() == nil; n-- {
		flags := r.U32()
		if flags > 7 {
			return nil, fmt.Errorf("element segment of unknown kind %d", flags)
		}
		out = wasmbin.AppendU32(out, flags)
		if flags&1 == 0 {
			if flags&2 != 0 {
				out = wasmbin.AppendU32(out, r.U32())
			}
			out = w.constant(r, out)
		}
		if flags&3 != 0 {
			out = append(out, r.Byte()) // kind or type of the elements
		}
		items := r.Count()
		out = wasmbin.AppendU32(out, uint32(items))
		for ; items > 0 && r.Err() == nil; items-- {
			if flags&4 != 0 {
				out = w.constant(r, out)
			} else {
				out = wasmbin.AppendU32(out, w.reference(r))
			}
		}
	}
	return out, finished(r)
}

// constant copies a constant expression.
func (w *rewriter) constant(r *wasmbin.Reader, out []byte) []byte {
	for r.Err() == nil {
		start := r.Offset()
		switch op := r.Byte(); op {
		case opEnd:
			return append(out, op)
		case opRefFunc:
			out = wasmbin.AppendU32(append(out, op), w.reference(r))
		case opGlobalGet:
			out = wasmbin.AppendU32(append(out, op), w.index(r, "global", w.fuel))
		default:
			if class := immediates[op]; class == immUnknown || op == opPrefixMisc {
				r.Fail(fmt.Errorf("instruction 0x%x in a constant expression", op))
			} else {
				skip(r, op, class)
			}
			out = append(out, r.Since(start)...)
		}
	}
	return out
}

// names rewrites the names of functions, which engines show in traces. Names
// that make no sense are left out.
func (w *rewriter) names() []byte {
	content, found, err := w.module.Custom("name")
	if !found || err != nil {
		return nil
	}
	r := wasmbin.NewReader(content)
	for !r.Done() {
		id, sub := r.Byte(), r.Bytes(r.U32())
		if id != 1 || r.Err() != nil {
			continue
		}
		r := wasmbin.NewReader(sub)
		n := r.Count()
		body := wasmbin.AppendU32(nil, uint32(n))
		for ; n > 0 && r.Err() == nil; n-- {
			body = wasmbin.AppendU32(body, w.shift(r.U32()))
			body = appendName(body, r.Name())
		}
		if finished(r) != nil {
			return nil
		}
		return wasmbin.AppendSection(appendName(nil, "name"), 1, body)
	}
	return nil
}

// finished reports an error unless the reader is exactly at its end.
func finished(r *wasmbin.Reader) error {
	if r.Err() == nil && !r.Done() {
		return errors.New("bytes after the end")
	}
	return r.Err()
}
