package meter_test

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// frameMaker makes valid functions that call themselves, whose values live for long: of choices, some
// of which say for the whole function what it is made of.
type frameMaker struct {
	rand   *rand.Rand
	locals [4]int // of each type in madeTypes
	likes  [9]int // how likely each kind of statement is
	labels []bool // of the blocks around: whether it is a loop
	left   int    // statements
	deep   int    // how deep values are
}

var madeTypes = []byte{wasmbin.I32, wasmbin.I64, wasmbin.F64, 0x7b}

// module makes a module with one such function, "run", and others that it calls.
func (g *frameMaker) module() []byte {
	var m asm.Module
	m.Memory(1)
	m.GlobalI32(1)
	var locals []byte
	for i, t := range madeTypes {
		g.locals[i] = 1 + g.rand.IntN(1+g.rand.IntN(40))
		if i == 3 {
			g.locals[i] = 1 + g.rand.IntN(1+g.rand.IntN(10))
		}
		locals = append(locals, bytes.Repeat([]byte{t}, g.locals[i])...)
	}
	for i := range g.likes {
		g.likes[i] = g.rand.IntN(1 + g.rand.IntN(10))
	}
	g.likes[0]++
	g.left, g.deep = 20+g.rand.IntN(300), 1+g.rand.IntN(6)
	params := []byte{wasmbin.I32, wasmbin.I64, wasmbin.F64}
	var use []byte
	for i := range madeTypes {
		for n := range g.locals[i] {
			use = asm.Join(use, asm.I32Const(8), asm.LocalGet(g.index(i, n)), []byte{[]byte{0x36, 0x37, 0x39, 0xfd}[i]})
			if i == 3 {
				use = append(use, 11)
			}
			use = append(use, 0, 0)
		}
	}
	m.Func("run", params, asm.I32, locals, g.body(), use, asm.I32Const(1))
	m.Func("one", []byte{wasmbin.I32}, asm.I32, nil, asm.LocalGet(0))
	m.Func("two", append(bytes.Repeat(asm.I64, 10), 0x7b), asm.I64, nil, asm.LocalGet(1))
	m.Func("three", asm.None, []byte{wasmbin.I64, wasmbin.F64, wasmbin.I32}, nil, asm.I64Const(1), []byte{0x44, 0, 0, 0, 0, 0, 0, 0, 0}, asm.I32Const(1))
	return m.Bytes()
}

// index returns the index of a local, the parameters not counted.
func (g *frameMaker) index(kind, n int) uint32 {
	at := 3
	for i := range kind {
		at += g.locals[i]
	}
	return uint32(at + n)
}

func (g *frameMaker) some(kind int) uint32 {
	if kind < 3 && g.rand.IntN(10) == 0 {
		return uint32(kind)
	}
	return g.index(kind, g.rand.IntN(g.locals[kind]))
}

func (g *frameMaker) body() (code []byte) {
	for n := 1 + g.rand.IntN(12); n > 0 && g.left > 0; n-- {
		g.left--
		code = append(code, g.statement()...)
	}
	if len(g.labels) == 0 && g.left > 0 {
		code = append(code, g.body()...)
	}
	return code
}

func (g *frameMaker) statement() []byte {
	all := 0
	for _, n := range g.likes {
		all += n
	}
	pick, kind := g.rand.IntN(all), 0
	for pick >= g.likes[kind] {
		pick -= g.likes[kind]
		kind++
	}
	set := g.rand.IntN(len(madeTypes))
	switch kind {
	case 0:
		return asm.Join(g.value(set, g.deep), asm.LocalSet(g.some(set)))
	case 1:
		return asm.Join(asm.BlockVoid, g.within(false), asm.End)
	case 2:
		return asm.Join(asm.LoopVoid, g.within(true), asm.End)
	case 3:
		return asm.Join(g.value(0, 2), asm.IfVoid, g.within(false), asm.End)
	case 4:
		return asm.Join(g.value(0, 2), asm.IfVoid, g.within(false), []byte{0x05}, g.within(false), asm.End)
	case 5:
		if len(g.labels) == 0 {
			return asm.Nop
		}
		return asm.Join(g.value(0, 1), asm.BrIf(uint32(g.rand.IntN(len(g.labels)))))
	case 6: // a switch, in a block of its own
		n := min(len(g.labels)+1, 100)
		code := asm.Join(asm.BlockVoid, g.value(0, 1), []byte{0x0e, byte(n)})
		for range n + 1 {
			code = append(code, byte(g.rand.IntN(n)))
		}
		return append(code, asm.End...)
	case 7: // a store
		return asm.Join(g.value(0, 1), g.value(1, g.deep), []byte{0x37, 0, byte(g.rand.IntN(100))})
	}
	switch g.rand.IntN(3) {
	case 0:
		return asm.Join(g.value(0, 1), g.value(1, 1), g.value(2, 1), asm.Call(0), asm.LocalSet(g.some(0)))
	case 1:
		var args []byte
		for range 10 {
			args = append(args, g.value(1, 1)...)
		}
		return asm.Join(args, g.value(3, 1), asm.Call(2), asm.LocalSet(g.some(1)))
	}
	return asm.Join(asm.Call(3), asm.LocalSet(g.some(0)), asm.LocalSet(g.some(2)), asm.LocalSet(g.some(1)))
}

func (g *frameMaker) within(loop bool) []byte {
	g.labels = append(g.labels, loop)
	code := g.body()
	g.labels = g.labels[:len(g.labels)-1]
	return code
}

// value pushes one of a type.
func (g *frameMaker) value(kind, deep int) []byte {
	if deep <= 0 || g.rand.IntN(4) == 0 {
		return asm.LocalGet(g.some(kind))
	}
	pick := g.rand.IntN(10)
	if pick == 0 {
		return asm.Join(g.value(0, deep-1), [][]byte{{0x28, 2, 0}, {0x29, 3, 0}, {0x2b, 3, 0}, {0xfd, 0, 0, 0}}[kind])
	}
	two := asm.Join(g.value(kind, deep-1), g.value(kind, deep-1))
	switch kind {
	case 0:
		if pick == 1 {
			return asm.Join(g.value(0, deep-1), asm.Call(1))
		}
		if pick == 2 {
			return asm.GlobalGet(0)
		}
		if pick == 3 {
			return asm.Join(g.value(1, deep-1), []byte{0xa7})
		}
		return asm.Join(two, []byte{byte(0x6a + g.rand.IntN(15))})
	case 1:
		if pick == 1 {
			return asm.Join(g.value(0, deep-1), []byte{0xac})
		}
		return asm.Join(two, []byte{byte(0x7c + g.rand.IntN(15))})
	case 2:
		if pick == 1 {
			return asm.Join(g.value(0, deep-1), []byte{0xb7})
		}
		return asm.Join(two, []byte{byte(0xa0 + g.rand.IntN(6))})
	}
	return asm.Join(two, []byte{0xfd, 0xce, 0x01})
}

func TestMadeFramesAreTaken(t *testing.T) {
	for i := range uint64(100) {
		wantFrames(t, (&frameMaker{rand: rand.New(rand.NewPCG(i, 3))}).module())
	}
}

// FuzzFrames makes functions of numbers.
func FuzzFrames(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, one, two uint64) {
		wantFrames(t, (&frameMaker{rand: rand.New(rand.NewPCG(one, two))}).module())
	})
}
