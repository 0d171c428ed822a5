package meter

import "github.com/happn-host/happn-host/host/plugin/wasmbin"

// ImportPause is the function that metered code calls within a long operation on
// memory, which is paid by then: () -> (). It may end the call by panicking.
const ImportPause = "pause"

// pieceSize is how much of a bulk operation on memory is done at a time, in bytes: no more than
// takes a fraction of a millisecond, where the memory is new and the system has to find it.
const pieceSize = 1 << 20

// What the added functions have in their locals.
const (
	pieceTo   = iota // where to write
	pieceFrom        // where from, or the value to write
	pieceLeft        // bytes
)

// pieces knows the functions that are added to do bulk operations piece by piece.
type pieces struct {
	bodies [][]byte
	fill   uint32            // their indices
	copy   uint32            // 0 for a module without memory
	init   map[uint32]uint32 // by data segment, of those that are large
}

// planPieces decides which functions are added.
func (w *rewriter) planPieces(bodies map[byte]wasmbin.Section) {
	p := &w.pieces
	if w.defined == 0 || !w.hasMemory(bodies[wasmbin.SectionMemory].Body) {
		return
	}
	add := func(body []byte) uint32 {
		p.bodies = append(p.bodies, append(append([]byte{0}, body...), opEnd)) // no locals
		return w.imported + w.added + w.defined + uint32(len(p.bodies)) - 1
	}
	p.fill, p.copy = add(w.fillBody()), add(w.copyBody())
	p.init = map[uint32]uint32{}
	if bodies[wasmbin.SectionDataCount].Body == nil {
		return
	}
	for segment, size := range largeSegments(bodies[wasmbin.SectionData].Body) {
		if size > pieceSize {
			p.init[uint32(segment)] = add(w.initBody(uint32(segment), size))
		}
	}
}

func (w *rewriter) hasMemory(section []byte) bool {
	for _, i := range w.module.Imports {
		if i.Kind == wasmbin.KindMemory {
			return true
		}
	}
	return section != nil && wasmbin.NewReader(section).U32() > 0
}

// largeSegments returns the sizes of the data segments, as far as they can be read.
func largeSegments(section []byte) (sizes []int) {
	if section == nil {
		return nil
	}
	r := wasmbin.NewReader(section)
	for n := r.Count(); n > 0 && r.Err() == nil; n-- {
		flags := r.U32()
		if flags == 2 { // it names its memory
			r.U32()
		}
		if flags != 1 {
			for op := r.Byte(); op != opEnd && r.Err() == nil; op = r.Byte() {
				skip(r, op, immediates[op])
			}
		}
		sizes = append(sizes, len(r.Bytes(r.U32())))
	}
	return sizes
}

// functions adds those functions to the section of types of functions.
func (w *rewriter) functions(section []byte) ([]byte, error) {
	var more [][]byte
	for range w.pieces.bodies {
		more = append(more, wasmbin.AppendU32(nil, w.yieldTyp+2))
	}
	return appendToVector(section, more...)
}

// inPieces writes an operation whose size is in the local for it: as it is, or by a
// function when it is large.
func (f *function) inPieces(op []byte, by uint32) {
	if by == 0 {
		f.out = append(f.out, op...)
		return
	}
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.size)
	f.out = appendSigned(append(f.out, opI32Const), pieceSize)
	f.out = appendSigned(append(f.out, opI32LeU, opIf), int64(f.w.yieldTyp)+2)
	f.out = append(f.out, op...)
	f.out = wasmbin.AppendU32(append(f.out, opElse, opCall), by)
	f.out = append(f.out, opEnd)
}

// function returns the function that does an operation in pieces, 0 if there is none.
func (p *pieces) function(sub uint32, op []byte) uint32 {
	switch sub {
	case miscMemoryFill:
		return p.fill
	case miscMemoryCopy:
		return p.copy
	case miscMemoryInit:
		r := wasmbin.NewReader(op[1:])
		r.U32()
		return p.init[r.U32()]
	}
	return 0
}

var (
	fillMemory = []byte{opPrefixMisc, miscMemoryFill, 0}
	copyMemory = []byte{opPrefixMisc, miscMemoryCopy, 0, 0}
)

// fillBody is memory.fill in pieces.
func (w *rewriter) fillBody() []byte {
	b := outside(nil, pieceTo, -1, fillMemory)
	return w.forwards(b, fillMemory, false)
}

// copyBody is memory.copy in pieces: from the end on when what is written lies
// above what is read, and may lie over it.
func (w *rewriter) copyBody() []byte {
	b := outside(nil, pieceTo, -1, copyMemory)
	b = outside(b, pieceFrom, -1, copyMemory)
	b = append(b, opLocalGet, pieceTo, opLocalGet, pieceFrom, opI32LeU, opIf, blockTypeVoid)
	b = w.forwards(b, copyMemory, true)
	b = append(b, opEnd, opLoop, blockTypeVoid)
	b = last(b, copyMemory)
	b = moved(b, pieceLeft, opI32Sub)
	b = append(b, opLocalGet, pieceTo, opLocalGet, pieceLeft, opI32Add, opLocalGet, pieceFrom, opLocalGet, pieceLeft, opI32Add)
	b = append(appendSigned(append(b, opI32Const), pieceSize), copyMemory...)
	return append(w.paused(b), opBr, 0, opEnd)
}

// initBody is memory.init of a segment in pieces.
func (w *rewriter) initBody(segment uint32, size int) []byte {
	op := append(wasmbin.AppendU32([]byte{opPrefixMisc, miscMemoryInit}, segment), 0)
	b := outside(nil, pieceTo, -1, op)
	b = outside(b, pieceFrom, int64(size), op)
	return w.forwards(b, op, true)
}

// outside has the operation trap at once, before it has written anything, if it does not
// lie within so many bytes, which are those of the memory when end is negative.
func outside(b []byte, from byte, end int64, op []byte) []byte {
	b = append(b, opLocalGet, from, opI64ExtendU, opLocalGet, pieceLeft, opI64ExtendU, opI64Add)
	if end < 0 {
		b = append(b, opMemorySize, 0, opI64ExtendU, opI64Const, 16, opI64Shl)
	} else {
		b = appendSigned(append(b, opI64Const), end)
	}
	b = append(b, opI64GtU, opIf, blockTypeVoid)
	return append(append(whole(b), op...), opEnd)
}

// whole pushes the operands for all that is left.
func whole(b []byte) []byte {
	return append(b, opLocalGet, pieceTo, opLocalGet, pieceFrom, opLocalGet, pieceLeft)
}

// forwards does an operation piece by piece, from the beginning on.
func (w *rewriter) forwards(b []byte, op []byte, reads bool) []byte {
	b = last(append(b, opLoop, blockTypeVoid), op)
	b = append(b, opLocalGet, pieceTo, opLocalGet, pieceFrom)
	b = append(appendSigned(append(b, opI32Const), pieceSize), op...)
	b = moved(b, pieceTo, opI32Add)
	if reads {
		b = moved(b, pieceFrom, opI32Add)
	}
	b = moved(b, pieceLeft, opI32Sub)
	return append(w.paused(b), opBr, 0, opEnd)
}

// last does what is left, when that is no more than a piece, and returns.
func last(b []byte, op []byte) []byte {
	b = appendSigned(append(b, opLocalGet, pieceLeft, opI32Const), pieceSize)
	b = append(b, opI32LeU, opIf, blockTypeVoid)
	return append(append(whole(b), op...), opReturn, opEnd)
}

// moved changes a local by a piece.
func moved(b []byte, local, by byte) []byte {
	b = appendSigned(append(b, opLocalGet, local, opI32Const), pieceSize)
	return append(b, by, opLocalSet, local)
}

func (w *rewriter) paused(b []byte) []byte {
	return wasmbin.AppendU32(append(b, opCall), w.imported+importPause)
}
