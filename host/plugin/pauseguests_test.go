package plugin_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/happn-host/happn-host/abi"
	"github.com/happn-host/happn-host/host/plugin/internal/asm"
	"github.com/happn-host/happn-host/host/plugin/meter"
	"github.com/happn-host/happn-host/tests/testhost"
)

// What guests do that would keep others waiting, if they could. Each goes on for
// ever, or until it is ended; local 1 is its own.
var waitedFor = map[string]func(m *asm.Module) []byte{
	"a loop":          func(*asm.Module) []byte { return forever() },
	"a tree of calls": func(m *asm.Module) []byte { return tree(m) },
	"recursion":       func(m *asm.Module) []byte { return circle(m, nil, 1) },
	"recursion by others": func(m *asm.Module) []byte {
		return circle(m, nil, 3)
	},
	"recursion through a table": func(m *asm.Module) []byte {
		self := m.Func("", asm.I32, asm.None, nil, forever(asm.LocalGet(0), asm.I32Const(0), asm.CallIndirect(2)))
		m.Table(1, self)
		return asm.Join(asm.I32Const(0), asm.Call(self))
	},
	"recursion with many locals":  func(m *asm.Module) []byte { return circle(m, bytes.Repeat(asm.I64, 5_000), 1) },
	"recursion with large frames": func(m *asm.Module) []byte { return largeFrames(m) },
	"recursion with operands": func(m *asm.Module) []byte {
		unknown := asm.Join(asm.LocalGet(0), []byte{0x28, 2, 0})
		m.Func("", asm.I32, asm.None, nil, bytes.Repeat(unknown, 300), asm.LocalGet(0), asm.Call(2), bytes.Repeat(asm.I32Add, 299), asm.Drop)
		return asm.Join(asm.I32Const(1), asm.Call(2))
	},
	"growing by a page": func(*asm.Module) []byte { return forever(asm.I32Const(1), asm.MemoryGrow, asm.Drop) },
	"growing at once": func(*asm.Module) []byte {
		return asm.Join(asm.I32Const(60*16), asm.MemoryGrow, asm.Drop, forever())
	},
	"touching what is new": func(*asm.Module) []byte {
		return asm.Join(large(), forever(asm.LocalGet(1), asm.I32Const(12), []byte{0x74}, asm.I32Const(1), []byte{0x36, 2, 0},
			asm.LocalGet(1), asm.I32Const(1), asm.I32Add, asm.I32Const(60*256-1), []byte{0x71}, asm.LocalSet(1)))
	},
	"filling": func(*asm.Module) []byte {
		return asm.Join(large(), forever(asm.I32Const(0), asm.I32Const(7), asm.I32Const(60<<20), asm.MemoryFill))
	},
	"copying": func(*asm.Module) []byte {
		return asm.Join(large(), forever(asm.I32Const(1), asm.I32Const(0), asm.I32Const(60<<20), []byte{0xfc, 10, 0, 0}))
	},
	"a chain of loads that no cache holds": func(*asm.Module) []byte {
		return asm.Join(large(), asm.I32Const(0), asm.I32Const(0), asm.I32Const(60<<20), asm.MemoryFill, forever(bytes.Repeat(asm.Join(
			asm.LocalGet(1), asm.LocalGet(1), []byte{0x28, 2, 0}, asm.I32Add, asm.I32Const(4096+64), asm.I32Add,
			asm.I32Const(1<<25-64), []byte{0x71}, asm.LocalSet(1)), 100)))
	},
	"filling tables": func(m *asm.Module) []byte {
		m.Table(meter.MaxTable)
		return forever(asm.I32Const(0), []byte{0xd0, 0x70}, asm.I32Const(meter.MaxTable), []byte{0xfc, 17, 0})
	},
	"copying tables": func(m *asm.Module) []byte {
		m.Table(meter.MaxTable)
		return forever(asm.I32Const(0), asm.I32Const(1), asm.I32Const(meter.MaxTable-1), []byte{0xfc, 14, 0, 0})
	},
	"initializing": func(m *asm.Module) []byte {
		m.Passive(make([]byte, 4<<20), 0)
		return asm.Join(large(), forever(asm.I32Const(1), asm.I32Const(0), asm.I32Const(4<<20), []byte{0xfc, 8, 0, 0}))
	},
	"initializing tables": func(m *asm.Module) []byte {
		m.Table(meter.MaxTable)
		m.Passive(nil, meter.MaxTable)
		return forever(asm.I32Const(0), asm.I32Const(0), asm.I32Const(meter.MaxTable), []byte{0xfc, 12, 0, 0})
	},
	"growing tables":           func(m *asm.Module) []byte { return growingTables(m, 1<<12) },
	"growing tables by little": func(m *asm.Module) []byte { return growingTables(m, 1<<8) },
	"growing many tables":      func(m *asm.Module) []byte { return growingTables(m, 1<<10, 1<<16) },
}

// growingTables has the table grow by so many elements, and then others at once.
func growingTables(m *asm.Module, by int32, others ...int32) []byte {
	grow := func(table byte, by int32) []byte {
		m.Table(1)
		return asm.Join([]byte{0xd0, 0x70}, asm.I32Const(by), []byte{0xfc, 15, table}, asm.Drop)
	}
	code := grow(0, by)
	for n, by := range others {
		code = append(code, grow(byte(n)+1, by)...)
	}
	return forever(code)
}

// forever does the same again and again.
func forever(code ...[]byte) []byte {
	return asm.Join(asm.LoopVoid, asm.Join(code...), asm.Br(0), asm.End)
}

// large makes the memory 64 MiB.
func large() []byte { return asm.Join(asm.I32Const(60*16), asm.MemoryGrow, asm.Drop) }

// tree calls itself twice, 60 deep, which takes for ever without a loop.
func tree(m *asm.Module) []byte {
	less := asm.Join(asm.LocalGet(0), asm.I32Const(1), asm.I32Sub, asm.Call(2))
	m.Func("", asm.I32, asm.None, nil, asm.LocalGet(0), asm.I32Eqz, asm.IfVoid, asm.Return, asm.End, less, less)
	return asm.Join(asm.I32Const(60), asm.Call(2))
}

// circle calls so many functions in a circle, which have these locals.
func circle(m *asm.Module, locals []byte, many uint32) []byte {
	for n := range many {
		m.Func("", asm.I32, asm.None, locals, asm.LocalGet(0), asm.Call(2+(n+1)%many), asm.LocalGet(0), asm.IfVoid, asm.Unreachable, asm.End)
	}
	return asm.Join(asm.I32Const(1), asm.Call(2))
}

// largeFrames calls itself with 60 variables that have other values behind each of 60 blocks, one in the
// other: an engine gives each of these a place of its own, 28 KB for 2.5 KB of code.
func largeFrames(m *asm.Module) []byte {
	const many = 60
	var set, out, use, blocks, ends []byte
	for i := range uint32(many) {
		set = asm.Join(set, asm.LocalGet(0), []byte{0x29, 3, 0}, asm.LocalSet(1+i))
		out = asm.Join(out, asm.LocalGet(0), []byte{0x28, 2, 0}, asm.BrIf(i))
		use = asm.Join(use, asm.LocalGet(0), asm.LocalGet(1+i), []byte{0x37, 3, 8})
		blocks, ends = append(blocks, asm.BlockVoid...), asm.Join(ends, asm.End, asm.LocalGet(0), asm.Call(2))
	}
	m.Func("", asm.I32, asm.None, bytes.Repeat(asm.I64, many), set, blocks, out, set, ends, use)
	return asm.Join(asm.I32Const(1), asm.Call(2))
}

// waitedGuest is a guest that is waited for, and the path for which it is.
type waitedGuest struct {
	module func(tb testing.TB) []byte
	path   string
	deep   bool // it may recurse too deeply before its time is up
}

// waitedGuests are all of them: those above, some for Extism, and bombs for code that was
// written for something else.
func waitedGuests() map[string]waitedGuest {
	all := map[string]waitedGuest{}
	for name, build := range waitedFor {
		all[name] = waitedGuest{func(testing.TB) []byte { return rawWaited(build) }, "!", strings.HasPrefix(name, "recursion")}
	}
	for name, code := range waitedForByExtism {
		all["Extism: "+name] = waitedGuest{func(testing.TB) []byte { return extismWaited(code) }, "!", name == "recursion"}
	}
	for name, path := range map[string]string{"a regular expression that goes back": "!r", "a document that is deep": "!d", "documents that are wide": "!w"} {
		all[name] = waitedGuest{bombs, path, path == "!d"}
	}
	return all
}

// rawWaited is a raw guest that does this.
func rawWaited(build func(m *asm.Module) []byte) []byte {
	m := &asm.Module{}
	bare(m)
	code := build(m)
	m.Func(abi.ExportInbound, asm.I32, asm.I64, asm.I32, banged(code), verdict(abi.VerdictPass, 0, 0))
	return m.Bytes()
}

// waitedForByExtism is the same for guests for Extism; hook is what they are in.
var waitedForByExtism = map[string]func(hook uint32) []byte{
	"a loop":    func(uint32) []byte { return forever() },
	"recursion": func(hook uint32) []byte { return asm.Join(asm.Call(hook), asm.Drop) },
	"growing by a page": func(uint32) []byte {
		return forever(asm.I32Const(1), asm.MemoryGrow, asm.Drop)
	},
	"growing tables": func(uint32) []byte {
		return forever([]byte{0xd0, 0x70}, asm.I32Const(1<<8), []byte{0xfc, 15, 0}, asm.Drop)
	},
	"filling": func(uint32) []byte {
		return asm.Join(asm.I32Const(50*16), asm.MemoryGrow, asm.Drop, forever(asm.I32Const(0), asm.I32Const(7), asm.I32Const(50<<20), asm.MemoryFill))
	},
	"blocks of Extism's": func(uint32) []byte {
		return forever(asm.I64Const(1<<10), asm.Call(newExtism().alloc), asm.Drop)
	},
}

// extismWaited is a guest for Extism that does this.
func extismWaited(code func(hook uint32) []byte) []byte {
	m := newExtism()
	m.Table(1)
	m.hook(m.bang(code(13)), pass)
	return m.Bytes()
}

// bombs is testdata/bombs.
func bombs(tb testing.TB) []byte {
	testhost.NeedsClang(tb)
	module, err := compiledBombs()
	require.NoError(tb, err)
	return module
}

// compiledBombs compiles them once for all tests.
var compiledBombs = sync.OnceValues(func() (module []byte, err error) {
	out := filepath.Join(scratch, "bombs.wasm")
	jobs := filepath.Join("meter", "testdata", "guests", "c")
	path := fmt.Sprintf("-DPATH_AT=%d", abi.HeaderSize+6*abi.SectionHeaderSize)
	said, err := exec.CommandContext(context.Background(), "clang", "--target=wasm32", "-O2", "-Wall", "-Wextra", "-Werror", "-fno-builtin", "-nostdlib", "-Wl,--no-entry",
		path, "-I"+jobs, filepath.Join("testdata", "bombs", "bombs.c"),
		filepath.Join(jobs, "memory.c"), filepath.Join(jobs, "json.c"), filepath.Join(jobs, "match.c"), "-o", out).CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return os.ReadFile(out)
})
