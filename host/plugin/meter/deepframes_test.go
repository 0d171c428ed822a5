package meter_test

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// deepFrames are functions that were made to need much of the stack, in little code. Each is
// the first of its module, takes a number and calls itself.
func deepFrames() map[string]*asm.Module {
	made := map[string]*asm.Module{}
	add := func(name string, locals []byte, code ...[]byte) *asm.Module {
		m := &asm.Module{}
		m.Memory(1)
		m.GlobalI32(1)
		m.Func("run", asm.I32, asm.None, locals, asm.LocalGet(0), asm.IfVoid, asm.Join(code...), asm.End)
		m.Func("leaf", asm.I32, asm.I32, nil, asm.LocalGet(0), asm.I32Const(3), asm.I32Add)
		made[name] = m
		return m
	}
	self := asm.Join(asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.Call(0))
	each := func(n int, code func(i int) []byte) (all []byte) {
		for i := range n {
			all = append(all, code(i)...)
		}
		return all
	}
	const many = 60
	local := func(i int) uint32 { return uint32(1 + i) }
	i64s, i32s := bytes.Repeat(asm.I64, many), bytes.Repeat(asm.I32, many)
	// somewhere is a number that is not known before.
	somewhere := asm.Join(asm.LocalGet(0), []byte{0x28, 2, 0})
	wide := asm.Join(asm.LocalGet(0), []byte{0x29, 3, 0})
	use := each(many, func(i int) []byte { return asm.Join(asm.LocalGet(0), asm.LocalGet(local(i)), []byte{0x37, 3, 8}) })
	use32 := each(many, func(i int) []byte { return asm.Join(asm.LocalGet(0), asm.LocalGet(local(i)), []byte{0x36, 2, 8}) })
	set := func(code []byte) []byte {
		return each(many, func(i int) []byte { return asm.Join(code, asm.LocalSet(local(i))) })
	}
	nested := func(n int, inner []byte, after func(i int) []byte) []byte {
		code := inner
		for i := range n {
			code = asm.Join(asm.BlockVoid, code, asm.End, after(i))
		}
		return code
	}

	add("variables that live through branches", i64s, set(wide),
		each(many, func(i int) []byte {
			return asm.Join(somewhere, asm.IfVoid, wide, asm.LocalSet(local(i)), asm.End)
		}), self, use)
	add("nested blocks that set everything within", i64s, set(wide),
		nested(many, asm.Join(each(many, func(i int) []byte { return asm.Join(somewhere, asm.BrIf(uint32(i))) }), set(wide)),
			func(int) []byte { return self }), use)
	add("nested blocks, each set at each end", i64s, set(wide),
		nested(many, set(wide), func(i int) []byte { return asm.Join(somewhere, asm.BrIf(0), wide, asm.LocalSet(local(i)), self) }), use)
	add("branches out of everything", i64s, set(wide), asm.BlockVoid,
		each(20, func(int) []byte {
			return asm.Join(asm.BlockVoid, somewhere, asm.BrIf(0), set(wide), somewhere, asm.BrIf(1), asm.End, self)
		}), asm.End, self, use)
	add("a loop that turns its variables around", i64s, set(wide), asm.LoopVoid,
		each(many, func(i int) []byte { return asm.Join(asm.LocalGet(local(i))) }),
		each(many, func(i int) []byte { return asm.LocalSet(local(i)) }),
		each(many, func(int) []byte { return asm.Join(somewhere, asm.BrIf(0)) }), asm.End, self, use)
	add("a switch back to a loop", i64s, set(wide), asm.LoopVoid,
		each(many, func(i int) []byte {
			return asm.Join(asm.LocalGet(local((i+7)%many)), wide, asm.I64Add, asm.LocalSet(local(i)))
		}),
		asm.LoopVoid, each(many, func(i int) []byte {
			return asm.Join(asm.LocalGet(local((i+3)%many)), wide, asm.I64Add, asm.LocalSet(local(i)))
		}),
		somewhere, asm.Join([]byte{0x0e, 100}, bytes.Repeat([]byte{0, 1}, 50), []byte{0}), asm.End, asm.End, self, use)
	add("loops within loops", i64s, set(wide),
		func() []byte {
			code := asm.Join(somewhere, asm.BrIf(0))
			for i := range 20 {
				code = asm.Join(asm.LoopVoid, wide, asm.LocalSet(local(i)), code, wide, asm.LocalSet(local(i+20)), somewhere, asm.BrIf(0), asm.End)
			}
			return code
		}(), self, use)
	add("operands that wait for a call", nil, each(300, func(int) []byte { return somewhere }), self,
		each(300, func(int) []byte { return asm.Join(asm.GlobalSet(0)) }))
	add("operands that wait for a call each", nil, each(100, func(int) []byte {
		return asm.Join(somewhere, asm.LocalGet(0), asm.Call(1), asm.GlobalSet(0), asm.GlobalSet(0))
	}), self)
	add("globals read before calls", nil, each(100, func(int) []byte {
		return asm.Join(asm.GlobalGet(0), asm.LocalGet(0), asm.Call(1), asm.I32Add, asm.GlobalSet(0))
	}), self)
	add("variables that wait for a call each", i32s, each(4, func(int) []byte {
		return each(many, func(i int) []byte {
			return asm.Join(somewhere, asm.LocalSet(local(i)), asm.LocalGet(0), asm.Call(1), asm.LocalGet(local(i)), asm.I32Add, asm.GlobalSet(0))
		})
	}), self)
	add("more variables than registers, without calls", i32s, set(somewhere), each(10, func(int) []byte {
		return asm.Join(use32, each(many, func(i int) []byte {
			return asm.Join(asm.LocalGet(local(i)), asm.LocalGet(local((i+11)%many)), []byte{0x73}, asm.LocalSet(local(i)))
		}))
	}), self, use32)
	add("addresses in memory that are used again", i32s, set(somewhere), each(10, func(int) []byte {
		return each(many, func(i int) []byte {
			return asm.Join(asm.LocalGet(local(i)), asm.LocalGet(local(i)), []byte{0x28, 2, 4}, []byte{0x36, 2, 16})
		})
	}), self, use32)
	add("divisions and shifts", i32s, set(somewhere), each(4, func(n int) []byte {
		return each(many, func(i int) []byte {
			return asm.Join(somewhere, somewhere, asm.LocalGet(local(i)), []byte{0x6e}, somewhere, somewhere, []byte{0x74, 0x6a}, asm.LocalSet(local((i+n)%many)), asm.GlobalSet(0))
		})
	}), self, use32)
	add("arguments in another order", i64s, set(wide), each(40, func(i int) []byte {
		return asm.Join(each(12, func(n int) []byte { return asm.LocalGet(local((n*7 + i) % 12)) }), asm.Call(2), asm.LocalSet(local(i)))
	}), self, use).Func("", bytes.Repeat(asm.I64, 12), asm.I64, nil, asm.LocalGet(1))
	add("arguments that are worked out", i64s, each(40, func(i int) []byte {
		return asm.Join(each(12, func(int) []byte { return wide }), asm.Call(2), asm.LocalSet(local(i)))
	}), self, use).Func("", bytes.Repeat(asm.I64, 12), asm.I64, nil, asm.LocalGet(1))
	results := bytes.Repeat(asm.I64, 100)
	m := add("many results", nil, each(8, func(int) []byte { return asm.Join(asm.Call(3), self, asm.Call(2)) }))
	m.Func("", results, asm.None, nil)
	m.Func("", asm.None, results, nil, bytes.Repeat(asm.I64Const(7), len(results)))
	m = &asm.Module{}
	m.Func("run", append(bytes.Clone(asm.I32), results...), asm.None, nil, asm.LocalGet(0), asm.IfVoid,
		each(101, func(i int) []byte { return asm.LocalGet(uint32((i + 0) % 101)) }), asm.Call(0),
		each(101, func(i int) []byte { return asm.LocalGet(uint32(i)) }), asm.Call(0), asm.End)
	made["many parameters"] = m
	v128 := bytes.Repeat([]byte{0x7b}, many)
	load := asm.Join(asm.LocalGet(0), []byte{0xfd, 0, 4, 0})
	made["vectors"] = func() *asm.Module {
		m := &asm.Module{}
		m.Memory(1)
		m.Func("run", asm.I32, asm.None, v128, asm.LocalGet(0), asm.IfVoid,
			each(many, func(i int) []byte { return asm.Join(load, asm.LocalSet(local(i))) }),
			each(20, func(i int) []byte { return asm.Join(somewhere, asm.IfVoid, load, asm.LocalSet(local(i)), asm.End) }), self,
			each(many, func(i int) []byte { return asm.Join(asm.LocalGet(0), asm.LocalGet(local(i)), []byte{0xfd, 11, 4, 0}) }), asm.End)
		return m
	}()
	add("floats", bytes.Repeat([]byte{wasmbin.F64}, 20), each(20, func(i int) []byte {
		return asm.Join(asm.LocalGet(0), []byte{0x2b, 3, 0}, asm.LocalSet(local(i)))
	}), each(20, func(i int) []byte {
		return asm.Join(asm.LocalGet(0), asm.LocalGet(local(i)), asm.LocalGet(local((i+5)%20)), []byte{0xa0, 0x39, 3, 0})
	}), self)
	add("filling memory", nil, each(20, func(int) []byte {
		return asm.Join(asm.LocalGet(0), asm.LocalGet(0), asm.LocalGet(0), asm.MemoryFill)
	}), self)
	return made
}

// A frame of the engine has at most twice what is taken for it, so that the stack
// is at most twice what the operator says.
func TestDeepFramesAreTaken(t *testing.T) {
	for name, m := range deepFrames() {
		t.Run(name, func(t *testing.T) { wantFrames(t, m.Bytes()) })
	}
}

// Frames of what compilers make are taken, too. Those of the large modules take long to
// compile, and are looked at with HAPPN_TEST_FRAMES=all.
func TestFramesOfCompilersAreTaken(t *testing.T) {
	all := os.Getenv("HAPPN_TEST_FRAMES") == "all"
	for _, l := range languages {
		t.Run(l.name, func(t *testing.T) {
			if l.name == "go" && !all {
				t.Skip("it takes long to compile")
			}
			wantFrames(t, l.compile(t))
		})
	}
	for _, o := range others {
		t.Run(o.name, func(t *testing.T) {
			if o.name != "quickjs" && !all {
				t.Skip("it takes long to compile")
			}
			wantFrames(t, readModule(t, othersDir(t), o.module))
		})
	}
}

// wantFrames proves of the machine code of a module that half of each of its frames is taken.
func wantFrames(tb testing.TB, module []byte) {
	tb.Helper()
	code, err := meter.Inject(module)
	require.NoError(tb, err)
	require.NoError(tb, proveFrames(module, code, engineFrames(tb, module, code)))
}
