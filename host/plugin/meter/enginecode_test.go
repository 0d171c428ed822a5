package meter_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tetratelabs/wazero"

	"github.com/happn-host/happn-host/host/plugin/wasmbin"
)

// engineFrames returns what the machine code that wazero makes of a module takes of the stack for a call of each
// function of the original, read from how the functions begin: the bytes between the stack pointer of two calls, with what
// parameters and results have there.
func engineFrames(tb testing.TB, original, rewritten []byte) (frames []int) {
	tb.Helper()
	if runtime.GOARCH != "amd64" {
		tb.Skip("the machine code that is read is amd64's")
	}
	m, err := wasmbin.Parse(original)
	require.NoError(tb, err)
	code, offsets := compiledCode(tb, rewritten)
	for i, f := range m.Functions {
		t := m.Types[f]
		area := onStack(t.Params, 7) + onStack(t.Results, 9)
		frames = append(frames, prologue(tb, code[offsets[i]:])+(area+15)&^15)
	}
	return frames
}

// compiledCode has wazero compile a module, and returns the machine code and where its functions begin.
func compiledCode(tb testing.TB, module []byte) (code []byte, offsets []int) {
	tb.Helper()
	dir, ctx := tb.TempDir(), context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx, cached(tb, wazero.NewRuntimeConfigCompiler(), dir))
	defer func() { _ = rt.Close(ctx) }()
	_, err := rt.CompileModule(ctx, module)
	require.NoError(tb, err)
	files, err := filepath.Glob(filepath.Join(dir, "*", "*"))
	require.NoError(tb, err)
	require.Len(tb, files, 1)
	b, err := os.ReadFile(files[0])
	require.NoError(tb, err)
	b = b[len("WAZEVO")+1+int(b[len("WAZEVO")]):] // the engine's version
	n := binary.LittleEndian.Uint32(b)
	for b = b[4:]; n > 0; n-- {
		offsets = append(offsets, int(binary.LittleEndian.Uint64(b)))
		b = b[8:]
	}
	return b[8:], offsets
}

// prologue returns how far a function moves the stack pointer, its return address included. It begins with a check
// that there is stack: push rbp; mov rbp, rsp; sub rsp, n; cmp; ja; ...; add rsp, n.
func prologue(tb testing.TB, c []byte) (size int) {
	tb.Helper()
	require.Equal(tb, []byte{0x55, 0x48, 0x89, 0xe5}, c[:4])
	_, at := moved(tb, c, 4)
	for c[at] != 0x0f || c[at+1] != 0x87 {
		at++
		require.Less(tb, at, 40)
	}
	at += 6 + int(int32(binary.LittleEndian.Uint32(c[at+2:])))
	_, at = moved(tb, c, at)
	for size = 16; ; {
		rex := 0
		if c[at]&0xf0 == 0x40 {
			rex = 1
		}
		switch op := c[at+rex:]; {
		case op[0]&0xf8 == 0x50: // push
			size, at = size+8, at+rex+1
		case op[0]&^2 == 0x81 && op[1] == 0xec: // sub rsp
			by, next := moved(tb, c, at)
			size, at = size+by, next
		case c[at] == 0xf3: // movdqu [rsp], xmm
			at += 5
			if c[at-4]&0xf0 == 0x40 {
				at++
			}
			if c[at-1] != 0x24 || c[at-2]&0xc7 != 4 {
				return size
			}
		default:
			return size
		}
	}
}

// moved reads an addition to the stack pointer, or a subtraction.
func moved(tb testing.TB, c []byte, at int) (by, next int) {
	tb.Helper()
	if c[at+1] == 0x83 {
		return int(c[at+3]), at + 4
	}
	require.Equal(tb, byte(0x81), c[at+1])
	return int(binary.LittleEndian.Uint32(c[at+3:])), at + 7
}

// onStack returns what parameters or results have on the stack, when so many of the
// numbers that are no floats have registers, and eight others.
func onStack(types []byte, registers int) (size int) {
	others := 8
	for _, v := range types {
		left := &registers
		if v == wasmbin.F32 || v == wasmbin.F64 || v == 0x7b {
			left = &others
		}
		if *left--; *left < 0 {
			size += width(v)
		}
	}
	return size
}
