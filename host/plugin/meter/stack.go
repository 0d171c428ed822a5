package meter

import "github.com/happn-host/happn-host/host/plugin/wasmbin"

// The function that metered code calls when it would recurse deeper than it may:
// () -> (). It ends the call by panicking.
const ImportDeep = "deep"

// DefaultStack is how much stack the calls that are not over may have together, in bytes.
const DefaultStack = 4 << 20

// maxStack bounds that number. An i32 counts it.
const maxStack = 1 << 30

// What is taken for a function, in bytes, is half of what an engine's frame may need at most.
const (
	frameRatio  = 2
	frameFixed  = 96  // return address and saved registers, what it keeps of its own
	frameFloats = 112 // saved registers for floats and vectors
	frameValue  = 8   // a parameter or a result, in the caller's frame
)

// typeV128 is the value type of vectors.
const typeV128 = 0x7b

// maxChain is how much stack functions that are not counted may need together
// when each calls the next one, in bytes. Who is counted pays for those that it
// may call in this way, so much at most.
const maxChain = 1024

// stackPlan says what is counted so that recursion is bounded: a function is counted
// at its entry, calls through a table where they stand. Every circle of calls
// comes by something that is counted.
type stackPlan struct {
	charges []int32 // of the functions that are counted, in bytes; 0 for the others
	table   int32   // the charge of a call through a table, 0 if it is not counted
}

// callGraph is who may call whom. Its last node stands for the functions that can be
// called through tables.
type callGraph struct {
	calls  [][]uint32
	frames []int32

	state   []byte
	depths  []int32 // what a function needs with those below that are not counted
	counted []bool
}

// States of a node while the graph is walked.
const (
	nodeNew = iota
	nodeOpen
	nodeDone
)

// planStack decides what is counted. What is wrong with the section is found later.
func (w *rewriter) planStack(section []byte) stackPlan {
	g := w.callGraph(section)
	for node := range g.calls {
		g.walk(uint32(node))
	}
	last := len(g.calls) - 1
	p := stackPlan{charges: g.depths[:last]}
	for i, counted := range g.counted[:last] {
		if !counted {
			p.charges[i] = 0
		}
	}
	if g.counted[last] {
		p.table = max(1, g.depths[last])
	}
	return p
}

// callGraph reads the calls and the frames of all functions.
func (w *rewriter) callGraph(section []byte) *callGraph {
	r := wasmbin.NewReader(section)
	n := r.Count()
	table := uint32(n)
	e := &estimator{trace: trace{w: w}}
	g := &callGraph{
		calls: make([][]uint32, n+1), frames: make([]int32, n+1),
		state: make([]byte, n+1), depths: make([]int32, n+1), counted: make([]bool, n+1),
	}
	for i := range n {
		body := r.Bytes(r.U32())
		if r.Err() != nil {
			break
		}
		g.frames[i], g.calls[i] = e.estimate(w.typeOf(i), body)
		if w.named[w.imported+uint32(i)] {
			g.calls[table] = append(g.calls[table], uint32(i))
		}
	}
	return g
}

// typeOf returns the type of a defined function, an empty one if it has none.
func (w *rewriter) typeOf(function int) wasmbin.FuncType {
	if t := w.module.Functions[function]; int64(t) < int64(len(w.module.Types)) {
		return w.module.Types[t]
	}
	return wasmbin.FuncType{}
}

// estimator finds out what functions need of the stack.
type estimator struct {
	trace    trace
	liveness liveness
}

// estimate returns what is taken for a function, and whom it calls. An engine such as wazero gives each value that is in no
// register at some time a place of its own in the stack, and keeps it as long as the call lasts:
// operands and locals that are needed behind a call, or that are too many at once; and locals get
// another value wherever ways come together that have set them differently.
func (e *estimator) estimate(typ wasmbin.FuncType, body []byte) (frame int32, calls []uint32) {
	t := &e.trace
	t.follow(typ, body)
	if t.r.Err() != nil {
		return maxStack - 1, t.calls // it is found again when the body is rewritten
	}
	size := frameFixed + (t.slots+e.liveness.count(t))*slotSize/frameRatio
	if t.floats >= manyFloats {
		size += frameFloats
	}
	for _, values := range [][]byte{typ.Params, typ.Results} {
		for _, v := range values {
			size += max(frameValue, int(slotsOf(v))*slotSize)
		}
	}
	return int32(min(size, maxStack-1)), t.calls
}

// step is a node that is being walked, and which of its calls comes next.
type step struct {
	node uint32
	next int
}

// walk finds out what a node and those below it need, and counts who is called from below
// itself, and who would make a chain too long. It keeps its own stack: modules
// may nest calls as deep as they like.
func (g *callGraph) walk(from uint32) {
	if g.state[from] != nodeNew {
		return
	}
	g.state[from] = nodeOpen
	path := []step{{node: from}}
	for len(path) > 0 {
		s := &path[len(path)-1]
		if s.next < len(g.calls[s.node]) {
			to := g.calls[s.node][s.next]
			s.next++
			switch g.state[to] {
			case nodeNew:
				g.state[to] = nodeOpen
				path = append(path, step{node: to})
			case nodeOpen:
				g.counted[to] = true
			}
			continue
		}
		g.finish(s.node)
		path = path[:len(path)-1]
	}
}

// finish says what a node needs when all below it are known.
func (g *callGraph) finish(node uint32) {
	below := int32(0)
	for _, to := range g.calls[node] {
		if !g.counted[to] {
			below = max(below, g.depths[to])
		}
	}
	g.depths[node] = min(below+g.frames[node], maxStack)
	if g.depths[node] > maxChain {
		g.counted[node] = true
	}
	g.state[node] = nodeDone
}

// blockTypes are the types that code needs which wraps a function's body in a
// block: () -> results, for those with more than one.
func (w *rewriter) blockTypes() (types [][]byte) {
	w.blocks = map[string]uint32{}
	for _, t := range w.module.Types {
		if _, ok := w.blocks[string(t.Results)]; ok || len(t.Results) < 2 {
			continue
		}
		w.blocks[string(t.Results)] = w.yieldTyp + addedTypes + uint32(len(types))
		entry := wasmbin.AppendU32([]byte{0x60, 0}, uint32(len(t.Results)))
		types = append(types, append(entry, t.Results...))
	}
	return types
}

// deepen counts the entry of a function, and begins the block that ends where
// it is left. What to do when there is no stack comes last, out of the way.
func (f *function) deepen(charge int32, results []byte) {
	if f.charged = charge; charge == 0 {
		return
	}
	f.out = append(f.out, opBlock, blockTypeVoid)
	f.lower(charge)
	f.out = append(f.out, opBrIf, 0, opBlock)
	switch len(results) {
	case 0:
		f.out = append(f.out, blockTypeVoid)
	case 1:
		f.out = append(f.out, results[0])
	default:
		f.out = appendSigned(f.out, int64(f.w.blocks[string(results)]))
	}
}

// surface ends that block and gives back what was taken.
func (f *function) surface() {
	if f.charged > 0 {
		f.out = append(f.out, opEnd)
		f.give(f.charged)
		f.out = append(f.out, opReturn, opEnd)
		f.tooDeep()
	}
}

// leave writes a return: to the end of that block, if there is one.
func (f *function) leave() {
	if f.charged == 0 {
		f.out = append(f.out, opReturn)
		return
	}
	f.out = wasmbin.AppendU32(append(f.out, opBr), uint32(len(f.open))-1)
}

// indirect writes a call through a table.
func (f *function) indirect(call []byte) {
	charge := f.w.plan.table
	if charge > 0 {
		f.take(charge)
	}
	f.out = append(f.out, call...)
	if charge > 0 {
		f.give(charge)
	}
}

// take takes from the stack that is left.
func (f *function) take(charge int32) {
	f.lower(charge)
	f.out = append(f.out, opIf, blockTypeVoid)
	f.tooDeep()
	f.out = append(f.out, opEnd)
}

// lower takes from the stack that is left and says whether there is none.
func (f *function) lower(charge int32) {
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.stack)
	f.out = appendSigned(append(f.out, opI32Const), int64(charge))
	f.out = wasmbin.AppendU32(append(f.out, opI32Sub, opLocalTee), f.size)
	f.out = wasmbin.AppendU32(append(f.out, opGlobalSet), f.w.stack)
	f.out = wasmbin.AppendU32(append(f.out, opLocalGet), f.size)
	f.out = append(f.out, opI32Const, 0, opI32LtS)
}

// tooDeep ends the call. All of the stack is left then: nobody gives back what they
// took. An engine can see that nothing goes on after the call of the host, and need not
// keep values for that.
func (f *function) tooDeep() {
	f.out = appendSigned(append(f.out, opI32Const), int64(f.w.depth))
	f.out = wasmbin.AppendU32(append(f.out, opGlobalSet), f.w.stack)
	f.out = wasmbin.AppendU32(append(f.out, opCall), f.w.imported+1)
	f.out = append(f.out, opUnreachable)
}

// give gives back what take has taken.
func (f *function) give(charge int32) {
	f.out = wasmbin.AppendU32(append(f.out, opGlobalGet), f.w.stack)
	f.out = appendSigned(append(f.out, opI32Const), int64(charge))
	f.out = wasmbin.AppendU32(append(f.out, opI32Add, opGlobalSet), f.w.stack)
}
